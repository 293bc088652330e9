/** Which stored ranges a download fetches, and which plaintext each of them becomes. Pure. */
import type { DataKey } from '../crypto/data-key.js'
import type { DecryptorOptions } from '../crypto/data-key-options.js'
import { FORMATS } from '../crypto/format.js'
import { plaintextAt } from '../crypto/stored-stretch.js'
import { PartPlan, type PlannedPart } from './part-plan.js'

/** Largest step by which ranges grow. */
const MEBIBYTE = 1024 * 1024

/** How what is stored becomes what is written. */
export interface OpenedObject {
  /** Whoever asked for it disposes it. */
  readonly dataKey: DataKey
  /** Plaintext bytes. */
  readonly size: number
}

/** A range, in stored bytes and in plaintext. */
export interface PlannedRange extends PlannedPart {
  /** Where the stored bytes begin that decrypting it takes: before `offset` where a cipher needs what came before. */
  readonly from: number
  /** Position of its first byte in the file. */
  readonly start: number
  /** How it is decrypted; undefined where it holds no plaintext. */
  readonly decrypt: DecryptorOptions | undefined
  /** Bytes of the file. */
  readonly size: number
}

/** The ranges of an object. Each holds whole units of its cipher, so that each is decrypted, and proven, on its own. */
export class DownloadPlan {
  readonly parts: PartPlan
  /** Bytes of the file. */
  readonly size: number
  readonly #dataKey: DataKey | undefined

  /** @param stored - Stored bytes of the object. */
  constructor(stored: number, partSize: number, opened: OpenedObject | undefined) {
    const dataKey = opened?.dataKey
    this.#dataKey = dataKey
    this.size = opened?.size ?? stored
    if (dataKey === undefined) {
      this.parts = new PartPlan(stored, partSize)
      return
    }
    const { unit, headBytes: lead } = FORMATS[dataKey.format].cipher
    const ofUnits = (bytes: number): number => Math.floor(bytes / unit.ciphertext) * unit.ciphertext
    this.parts = new PartPlan(stored, ofUnits(partSize), { lead, unit: ofUnits(MEBIBYTE) })
  }

  /** Most bytes that have to be fetched for a range. */
  get mostFetched(): number {
    return [...this.parts].reduce((most, { number }) => {
      const { offset, length, from } = this.range(number)
      return Math.max(most, offset + length - from)
    }, 0)
  }

  /** @param number - 1 to `parts.count`. */
  range(number: number): PlannedRange {
    const part = this.parts.part(number)
    const end = part.offset + part.length
    const isLast = end === this.parts.length
    if (this.#dataKey === undefined) {
      return { ...part, from: part.offset, start: part.offset, decrypt: undefined, size: part.length }
    }
    const { cipher } = FORMATS[this.#dataKey.format]
    const start = Math.min(this.size, plaintextAt(cipher, part.offset))
    const size = (isLast ? this.size : Math.min(this.size, plaintextAt(cipher, end))) - start
    // Where the object ends is proven by what stands last.
    const isOpen = isLast && cipher.provesPieces
    const bounds = { start, end: start + size - 1, releaseUnverified: true }
    return {
      ...part,
      from: size > 0 ? Math.min(part.offset, cipher.ciphertextRange(start, start).start) : part.offset,
      start,
      decrypt: isOpen ? { start } : size > 0 ? bounds : undefined,
      size,
    }
  }
}

import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import type { ErrorCode } from '../../lib/errors.js'
import { CobblestoneModel, sealedContextModel } from '../support/cobblestone-model.js'
import { feed, type Feeding } from '../support/feeding.js'
import { piecesOf, Seeded } from '../support/seeded.js'

const CHUNK = 16384
const AUTHENTICATION = 'SEALSTREAM_AUTHENTICATION'
const TRUNCATED = 'SEALSTREAM_TRUNCATED'
const COMMITMENT = 'SEALSTREAM_COMMITMENT'

const random = new Seeded(93)
const KEY = random.bytes(32)
const PLAIN = random.bytes(3 * CHUNK + 100)
const CONTEXT = sealedContextModel([])
const MODEL = new CobblestoneModel(KEY, random.bytes(24), CONTEXT)
const OTHER = new CobblestoneModel(KEY, random.bytes(24), CONTEXT)

const { head } = MODEL
/** Three full chunks and one of 100 bytes; and the same without those. */
const SHORT = MODEL.chunks(PLAIN)
const EVEN = MODEL.chunks(PLAIN.subarray(0, 3 * CHUNK))
const FOREIGN = OTHER.chunks(PLAIN)

/** What must come of it: the code, the chunk that fails, and how much plaintext was right before. */
interface Expected {
  readonly code: ErrorCode
  readonly chunk?: number
  readonly released: number
}

/** One altered object. */
interface Alteration extends Expected {
  readonly stored: readonly Uint8Array[]
}

/** Feeds it in several chunkings: the first in small pieces, so that everything before the fault comes out. */
function feedings(stored: readonly Uint8Array[]): Feeding[] {
  const bytes = Buffer.concat(stored)
  return [piecesOf(bytes, 977), piecesOf(bytes, CHUNK + 16), [bytes], stored].map((pieces) =>
    feed(DataKey.from({ format: 'sealed', key: KEY }).decryptor(), pieces),
  )
}

/** All of them, by name: what holds after an error is one fact, and tried on every one. */
const alterations: [string, Alteration][] = []

function fails(name: string, stored: readonly Uint8Array[], { code, chunk, released }: Expected): void {
  alterations.push([name, { stored, code, released }])
  it(`fails ${name}`, () => {
    for (const [index, feeding] of feedings(stored).entries()) {
      expect(feeding.error?.code, feeding.error?.message).to.equal(code)
      expect((feeding.error as { chunk?: number }).chunk).to.equal(chunk)
      // Of what came with the fault in one piece, nothing comes out.
      if (index === 0) expect(feeding.released.length).to.equal(released)
      expect(feeding.released.length).to.be.at.most(released)
      expect(PLAIN.subarray(0, feeding.released.length).equals(feeding.released)).to.equal(true)
    }
  })
}

const wrongFrom = (chunk: number): Expected => ({ code: AUTHENTICATION, chunk, released: chunk * CHUNK })

/** A copy with another value of one bit. */
function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at]! ^= 1 << (at & 7)
  return copy
}

const without = (chunks: Buffer[], index: number): Buffer[] => chunks.toSpliced(index, 1)
const repeated = (chunks: Buffer[], index: number): Buffer[] => chunks.toSpliced(index, 0, chunks[index]!)
const swapped = (chunks: Buffer[], a: number, b: number): Buffer[] =>
  chunks.with(a, chunks[b]!).with(b, chunks[a]!)

describe('a sealed object that was altered', () => {
  it('would be read if it were not (control)', () => {
    for (const chunks of [SHORT, EVEN]) {
      const { released, error } = feed(DataKey.from({ format: 'sealed', key: KEY }).decryptor(), [
        head,
        ...chunks,
      ])
      expect(error).to.equal(undefined)
      expect(PLAIN.subarray(0, released.length).equals(released)).to.equal(true)
    }
  })

  for (const [last, chunks] of [
    ['a last chunk of 100 bytes', SHORT],
    ['an empty last chunk', EVEN],
  ] as const) {
    for (let index = 0; index < 3; index++) {
      const [where, zeros] = [`before ${last}`, Buffer.alloc(CHUNK + 16)]
      fails(`without chunk ${index}, ${where}`, [head, ...without(chunks, index)], wrongFrom(index))
      fails(`with chunk ${index} twice, ${where}`, [head, ...repeated(chunks, index)], wrongFrom(index + 1))
      fails(
        `with chunk ${index} of another object of the same data key, ${where}`,
        [head, ...chunks.with(index, FOREIGN[index]!)],
        wrongFrom(index),
      )
      fails(
        `with a whole chunk of zeros put before chunk ${index}, ${where}`,
        [head, ...chunks.toSpliced(index, 0, zeros)],
        wrongFrom(index),
      )
    }
    for (const [a, b] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const) {
      fails(
        `with chunks ${a} and ${b} swapped, before ${last}`,
        [head, ...swapped(chunks, a, b)],
        wrongFrom(a),
      )
    }
    for (const count of [3, 2]) {
      const expected = { code: TRUNCATED, released: count * CHUNK } as const
      fails(
        `with nothing after ${count} chunks, not even ${last}`,
        [head, ...chunks.slice(0, count)],
        expected,
      )
    }
    for (const count of [1, 16, 1000]) {
      fails(`with ${count} bytes after ${last}`, [head, ...chunks, Buffer.alloc(count)], wrongFrom(3))
    }
    fails(
      `with a valid empty chunk after ${last}`,
      [head, ...chunks, MODEL.chunk(4, Buffer.alloc(0))],
      wrongFrom(3),
    )
    fails(`with a second message after ${last}`, [head, ...chunks, head, ...chunks], wrongFrom(3))
    fails(
      `with a whole chunk of zeros put before ${last}`,
      [head, ...chunks.toSpliced(3, 0, Buffer.alloc(CHUNK + 16))],
      wrongFrom(3),
    )
  }

  for (const [index, chunk] of SHORT.entries()) {
    const seeded = new Seeded(94 + index)
    const positions = [0, chunk.length - 17, chunk.length - 16, chunk.length - 1]
    for (let n = 0; n < 4; n++) positions.push(seeded.integer(chunk.length))
    for (const at of positions) {
      const altered = SHORT.with(index, flipped(chunk, at))
      fails(`with one bit of byte ${at} of chunk ${index} changed`, [head, ...altered], wrongFrom(index))
    }
  }

  const uncommitted = { code: COMMITMENT, released: 0 } as const
  for (const at of [0, 1, 22, 23, 24, 25, 54, 55]) {
    fails(`with one bit of byte ${at} of its head changed`, [flipped(head, at), ...SHORT], uncommitted)
  }
  const mixed = Buffer.concat([OTHER.head.subarray(0, 24), head.subarray(24)])
  fails('with the salt of another', [mixed, ...SHORT], uncommitted)
  fails('with the whole head of another', [OTHER.head, ...SHORT], wrongFrom(0))
  fails('with a wrong head before the right one', [flipped(head, 30), head, ...SHORT], uncommitted)

  for (const length of [0, 1, 24, 55, 56, 57, 71]) {
    const cut = Buffer.concat([head, ...SHORT]).subarray(0, length)
    fails(`cut after ${length} bytes`, [cut], { code: TRUNCATED, released: 0 })
  }
  for (const length of [1, 15]) {
    const cut = [head, ...SHORT.slice(0, 2), SHORT[2]!.subarray(0, length)]
    fails(`cut ${length} bytes into chunk 2: less than a tag`, cut, { code: TRUNCATED, released: 2 * CHUNK })
  }
  for (const length of [16, 17, 1000, CHUNK, CHUNK + 15]) {
    const cut = [head, ...SHORT.slice(0, 2), SHORT[2]!.subarray(0, length)]
    fails(`cut ${length} bytes into chunk 2: the tag is not there`, cut, wrongFrom(2))
  }

  it(`goes on failing after the error, and gives nothing more, altered in each of these ${alterations.length} ways`, () => {
    const wrong: string[] = []
    for (const [name, { stored }] of alterations) {
      const wentOn = feedings(stored).flatMap((feeding) => feeding.wentOn)
      if (wentOn.length > 0) wrong.push(`${name}: ${wentOn.join(', ')}`)
    }
    expect(wrong).to.deep.equal([])
  })

  it('counts the bytes that came in the error of one that ends in its head', () => {
    for (const found of [0, 1, 30, 55]) {
      const made = DataKey.from({ format: 'sealed', key: KEY })
      const { error } = feed(made.decryptor(), [head.subarray(0, found)])
      expect(error, `${found} bytes`).to.include({ code: TRUNCATED, expected: 72, found })
    }
  })
})

describe('a sealed object with another key or context', () => {
  const stored = [head, ...SHORT]
  for (const [name, parts] of [
    ['another data key', { key: random.bytes(32) }],
    ['a data key with one bit changed', { key: flipped(KEY, 31) }],
    ['a context where none was', { key: KEY, context: { name: 'value' } }],
    ['a pair of empty texts', { key: KEY, context: { '': '' } }],
  ] as const) {
    it(`does not commit with ${name}, and nothing comes out`, () => {
      const feeding = feed(DataKey.from({ format: 'sealed', ...parts }).decryptor(), stored)
      expect([feeding.error?.code, feeding.released.length]).to.deep.equal([COMMITMENT, 0])
      expect(feeding.error?.hint).to.include('context')
    })
  }

  it('fails the first tag of a range, where the salt is known and the head not read', () => {
    const iv = Buffer.from(head.subarray(0, 24))
    const made = DataKey.from({ format: 'sealed', key: KEY, iv, context: { name: 'value' } })
    const { error, released } = feed(made.decryptor({ start: CHUNK }), SHORT.slice(1))
    expect(error).to.include({ code: AUTHENTICATION, chunk: 1 })
    expect(released.length).to.equal(0)
  })
})

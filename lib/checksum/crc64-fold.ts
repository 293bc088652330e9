/** CRC-64/XZ of long inputs, folded to short ones of the same CRC: 4 to 13 times the speed of tables. */
import { CRC64_FOLD } from './kernel-code.js'
import { loadKernels } from './wasm-kernel.js'

interface FoldExports {
  /** XORs the two words into the first eight bytes, folds, leaves the tail in scratch, and gives its length. */
  fold(source: number, length: number, low: number, high: number, scratch: number): number
}

/** Most bytes folded at once: they lie in the processor's second cache, where they came from. */
export const MOST_FOLDED = 128 * 1024
/** Fewer bytes are as quickly through the tables. */
export const LEAST_FOLDED = 2 * CRC64_FOLD.least
/**
 * Well away, modulo 4096, from where the kernel stores meanwhile: processors take a load for one of what was just stored where the
 * addresses agree in their last twelve bits, and wait. That had cost a third of the speed.
 */
const SOURCE_AT = Math.ceil(CRC64_FOLD.scratchBytes / 4096) * 4096 + 3072

/**
 * Folds a piece of {@link LEAST_FOLDED} to {@link MOST_FOLDED} bytes.
 *
 * @param low - Register of the CRC before the piece, low word and high word.
 * @returns Bytes that take a register of zero to where the piece would have taken the given one. The next call overwrites them.
 */
export type Crc64Folder = (piece: Uint8Array, low: number, high: number) => Uint8Array

let folder: Crc64Folder | null | undefined

/** The folder of this thread, made on first use; undefined where kernels cannot run. */
export function crc64Folder(): Crc64Folder | undefined {
  folder ??= makeFolder() ?? null
  return folder ?? undefined
}

/** A folder with a memory of its own. */
export function makeFolder(): Crc64Folder | undefined {
  const [kernel] = loadKernels<FoldExports>([CRC64_FOLD.code], SOURCE_AT + MOST_FOLDED) ?? []
  if (kernel === undefined) return undefined
  const { run, memory } = kernel
  const source = new Uint8Array(memory, SOURCE_AT, MOST_FOLDED)
  return (piece, low, high) => {
    source.set(piece)
    return new Uint8Array(memory, CRC64_FOLD.tailAt, run.fold(SOURCE_AT, piece.length, low, high, 0))
  }
}

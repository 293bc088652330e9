/** CRC-64/XZ of long inputs, folded to short ones of the same CRC: 5 to 13 times the speed of tables. */
import { CRC64_FOLD } from './kernel-code.js'
import { loadKernels } from './wasm-kernel.js'

interface FoldExports {
  fold(source: number, length: number, low: number, high: number, scratch: number): void
  tail(scratch: number): void
}

const { historyBytes, mostBytes, tailAt, tailBytes, scratchBytes } = CRC64_FOLD

/** Fewer bytes are as quickly through the tables. */
export const LEAST_FOLDED = 4096
/** Only whole vectors are folded. */
export const FOLDED_UNIT = 16
/**
 * Well away, modulo 4096, from where the kernel stores meanwhile: processors take a load for one of what was just stored where the
 * addresses agree in their last twelve bits, and wait. That had cost a third of the speed.
 */
const SOURCE_AT = Math.ceil(scratchBytes / 4096) * 4096 + (historyBytes % 4096) + 1136

/** A CRC under way: what is left of all bytes folded so far. */
export type FoldState = Uint8Array

/** Folds. One for all CRCs of a thread. */
export interface Crc64Folder {
  /** Begins a CRC of nothing. */
  begin(): FoldState
  /**
   * Takes in bytes, a multiple of {@link FOLDED_UNIT} and not none.
   *
   * @param low - What is XORed into their first eight bytes, low word and high word: the register, at the beginning; otherwise 0.
   */
  fold(state: FoldState, bytes: Uint8Array, low: number, high: number): void
  /** Bytes that take a register of zero to where all folded ones would have taken it. The next call overwrites them. */
  tail(state: FoldState): Uint8Array
}

let folder: Crc64Folder | null | undefined

/** The folder of this thread, made on first use; undefined where kernels cannot run. */
export function crc64Folder(): Crc64Folder | undefined {
  folder ??= makeFolder() ?? null
  return folder ?? undefined
}

/** A folder with a memory of its own. */
export function makeFolder(): Crc64Folder | undefined {
  const [kernel] = loadKernels<FoldExports>([CRC64_FOLD.code], SOURCE_AT + mostBytes) ?? []
  if (kernel === undefined) return undefined
  const { run, memory } = kernel
  const history = new Uint8Array(memory, 0, historyBytes)
  const source = new Uint8Array(memory, SOURCE_AT, mostBytes)
  const tail = new Uint8Array(memory, tailAt, tailBytes)
  return {
    begin: () => new Uint8Array(historyBytes),
    fold(state, bytes, low, high) {
      history.set(state)
      for (let at = 0; at < bytes.length; at += mostBytes) {
        const slice = bytes.subarray(at, at + mostBytes)
        source.set(slice)
        run.fold(SOURCE_AT, slice.length, at === 0 ? low : 0, at === 0 ? high : 0, 0)
      }
      state.set(history)
    },
    tail(state) {
      history.set(state)
      run.tail(0)
      return tail
    },
  }
}

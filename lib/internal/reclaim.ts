/**
 * Gives memory back as soon as nobody needs it, instead of at the next garbage collection.
 *
 * A cipher allocates all of its output. Left to the collector, output piles up to some 32 MiB, so each piece is written to memory that is in
 * no cache; and glibc maps and unmaps large pieces, so each of their pages is first faulted in. Together that costs up to half of the
 * speed (docs/architecture.md). Only for bytes of our own: reclaimed memory is detached, and reads as empty ever after.
 */
import { MessageChannel } from 'node:worker_threads'

/** Smaller outputs are not worth it. */
const LEAST_BYTES = 8 * 1024
/**
 * Freeing a block of this size once makes glibc serve all up to 8 MiB from its heap, and keep 16 MiB of free heap (mallopt(3),
 * M_MMAP_THRESHOLD). Its pages are never touched.
 */
const THRESHOLD_BYTES = 8 * 1024 * 1024 - 64 * 1024

/** The same for memory that waits for the collector, which frees some 32 MiB at once: up to 64 MiB of free heap is kept, the most there is. */
const COLLECTED_BYTES = 32 * 1024 * 1024 - 64 * 1024

type Free = (memory: ArrayBuffer) => void

const keep: Free = () => undefined
let free: Free | undefined

/** Gives back the memory of `bytes`, if it is all theirs. Nobody may look at them again. */
export function reclaim(bytes: Uint8Array): void {
  const { buffer, length } = bytes
  if (length < LEAST_BYTES || length !== buffer.byteLength || !(buffer instanceof ArrayBuffer)) return
  free ??= prepare()
  free(buffer)
}

let isExpecting = false

/**
 * Call it before a cipher's outputs are handed out, and so left to the collector: from its next run on, glibc keeps what it frees for the
 * next ones. Their pages were faulted in each time, which cost as much as encrypting them.
 */
export function expectGarbage(): void {
  if (isExpecting) return
  isExpecting = true
  if (!isWanted()) return
  try {
    // Garbage at once.
    new ArrayBuffer(COLLECTED_BYTES)
  } catch {
    // Where there is no room for it, all goes on as it was.
  }
}

/** Elsewhere the gain was never measured; and whoever tunes malloc may want it as it is. */
function isWanted(): boolean {
  return process.platform === 'linux' && process.env['SEALSTREAM_RECLAIM'] !== 'off'
}

function prepare(): Free {
  if (!isWanted()) return keep
  if ('transfer' in ArrayBuffer.prototype) {
    const transfer: Free = (memory) => {
      ;(memory as ArrayBuffer & { transfer(length: number): ArrayBuffer }).transfer(0)
    }
    transfer(new ArrayBuffer(THRESHOLD_BYTES))
    return transfer
  }
  void openDrain()
  return keep
}

/** Before Node.js 22: what is posted to a port that is closed is freed at once. Closing it takes a turn of the event loop. */
async function openDrain(): Promise<void> {
  const { port1, port2 } = new MessageChannel()
  port2.close()
  await laterTurn()
  await laterTurn()
  free = (memory) => port1.postMessage(undefined, [memory])
  free(new ArrayBuffer(THRESHOLD_BYTES))
}

function laterTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve).unref()
  })
}

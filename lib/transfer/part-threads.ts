/** Parts that are made by several threads, in memory that they share. */
import { prepareMd5 } from '../checksum/md5-group.js'
import { lendStretch } from '../crypto/data-key.js'
import { throwIfAborted, unlessAborted } from '../internal/abort.js'
import { keepShared, noticeGarbage, sharedMemory } from '../internal/shared-memory.js'
import { borrowThread, type PartThread } from './kept-threads.js'
import type { PartMaker, PartMakerOptions } from './part-maker.js'
import type { ThreadSetup } from './part-thread.js'
import type { SharedFile } from './seekable-source.js'

/** Makes parts until it is closed. */
export interface ThreadedMaker {
  /** In memory from {@link memory}. */
  readonly make: PartMaker
  memory(bytes: number): Buffer
  /** Leaves threads and memory to others. Only where all parts are stored: a part on its way must stay as it is. */
  release(): void
  /** Ends what was not released, whatever it is at. The source may be closed after this. */
  close(): Promise<void>
}

/**
 * Has parts made by threads.
 *
 * @returns Undefined where threads cannot be had: a bundle may have left out their file, or permissions do not allow them. That is said
 *   once, as a warning.
 * @throws SealstreamError `SEALSTREAM_ABORTED`
 */
export async function startThreads(
  file: SharedFile,
  threads: number,
  options: PartMakerOptions,
): Promise<ThreadedMaker | undefined> {
  const { dataKey, md5, peers, sameBytes, signal } = options
  const setup: ThreadSetup = { file, md5, peers: Math.ceil(peers / threads) }
  if (md5) prepareMd5(setup.peers)
  const borrowed: PartThread[] = []
  const memories: Buffer[] = []
  const memory = (bytes: number): Buffer => {
    const taken = sharedMemory(bytes)
    memories.push(taken)
    return taken
  }
  const release = (): void => {
    for (const thread of borrowed.splice(0)) thread.rest()
    for (const each of memories.splice(0)) keepShared(each)
  }
  const close = async (): Promise<void> => {
    await Promise.all(borrowed.splice(0).map((thread) => thread.end()))
    if (memories.splice(0).length > 0) noticeGarbage()
  }
  try {
    for (let count = 0; count < threads; count++) borrowed.push(borrowThread(setup))
    await unlessAborted(Promise.all(borrowed.map((thread) => thread.ready())), signal)
  } catch (error) {
    await close()
    throwIfAborted(signal)
    warnOnce(error)
    return undefined
  }
  const make: PartMaker = async ({ offset, length }, into) => {
    const [first, ...others] = borrowed
    if (first === undefined) throw new Error('these threads were given back')
    const stretch = { offset, length, size: file.size }
    const encryption =
      dataKey === undefined
        ? undefined
        : { format: dataKey.format, secret: lendStretch(dataKey, stretch, { sameBytes }) }
    const idlest = others.reduce((a, b) => (b.orders < a.orders ? b : a), first)
    const filled = idlest.fill({ stretch, encryption, memory: into.buffer as unknown as SharedArrayBuffer })
    return { bytes: into.subarray(0, length), digest: await unlessAborted(filled, signal) }
  }
  return { make, memory, release, close }
}

let hasWarned = false

function warnOnce(error: unknown): void {
  if (hasWarned) return
  hasWarned = true
  process.emitWarning('worker threads could not be started: parts are made on the main thread alone', {
    code: 'SEALSTREAM_NO_THREADS',
    detail: (error as Error).message,
  })
}

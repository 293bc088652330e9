/** Parts that are made by several threads. */
import { prepareMd5 } from '../checksum/md5-group.js'
import { lendStretch } from '../crypto/data-key.js'
import { unlessAborted } from '../internal/abort.js'
import type { PartMaker, PartMakerOptions } from './part-maker.js'
import type { SharedFile } from './seekable-source.js'
import { ThreadCrew } from './thread-crew.js'

/** Makes parts in shared memory. */
export interface ThreadedMaker {
  readonly make: PartMaker
  readonly crew: ThreadCrew
}

/** Has parts made by threads. @returns As {@link ThreadCrew.start}. @throws As that. */
export async function startThreads(
  file: SharedFile,
  threads: number,
  options: PartMakerOptions,
): Promise<ThreadedMaker | undefined> {
  const { dataKey, md5, sameBytes, signal } = options
  const peers = Math.ceil(options.peers / threads)
  if (md5) prepareMd5(peers)
  const crew = await ThreadCrew.start(threads, signal, { file, md5, peers })
  if (crew === undefined) return undefined
  const make: PartMaker = async ({ offset, length }, memory) => {
    const { idlest } = crew
    const stretch = { offset, length, size: file.size }
    const encryption =
      dataKey === undefined
        ? undefined
        : { format: dataKey.format, secret: lendStretch(dataKey, stretch, { sameBytes }) }
    const filled = idlest.fill(memory, { stretch, encryption })
    return { bytes: memory.subarray(0, length), digest: await unlessAborted(filled, signal) }
  }
  return { make, crew }
}

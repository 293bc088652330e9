/** How many work on an upload. */
import { availableParallelism } from 'node:os'
import type { DataKey } from '../crypto/data-key.js'
import { isMadeInOrder } from './part-maker.js'
import type { PlannedPart } from './part-plan.js'
import type { SeekableSource } from './seekable-source.js'
import type { UploadJob } from './upload-job.js'

/** From so many bytes on, more threads are worth their start: some 60 ms and 15 MiB each. */
const LEAST_THREADED_BYTES = 256 * 1024 * 1024
const MOST_DEFAULT_THREADS = 4

export interface UploadCrew {
  /** Each has one part in hand, from its first byte to the service's answer. */
  readonly workers: number
  /** Threads that make the parts; 0 where the calling thread does. */
  readonly threads: number
}

/** What an upload's parts are made of. */
export interface CrewTask {
  readonly source: SeekableSource
  readonly dataKey: DataKey | undefined
  /** What is to be made and sent. */
  readonly parts: readonly PlannedPart[]
  /** Of the largest part. */
  readonly partSize: number
}

export function crewFor(job: UploadJob, { source, dataKey, parts, partSize }: CrewTask): UploadCrew {
  // What workers hold is bounded twice over; one always works.
  const byMemory = Math.max(1, Math.floor(job.maxBuffer / partSize))
  const workers = Math.min(job.concurrency, byMemory, parts.length)
  const canShare = source.shared !== undefined && !isMadeInOrder(dataKey)
  const threads = canShare ? Math.min(threadsWanted(job, parts), workers) : 1
  return { workers, threads: threads === 1 ? 0 : threads }
}

function threadsWanted({ threads }: UploadJob, parts: readonly PlannedPart[]): number {
  if (threads !== undefined) return threads
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  return length < LEAST_THREADED_BYTES ? 1 : Math.min(availableParallelism(), MOST_DEFAULT_THREADS)
}

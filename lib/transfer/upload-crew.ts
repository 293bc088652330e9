/** How many work on an upload. */
import type { DataKey } from '../crypto/data-key.js'
import { isMadeInOrder } from './part-maker.js'
import type { PlannedPart } from './part-plan.js'
import type { SeekableSource } from './seekable-source.js'
import { threadsFor } from './thread-crew.js'
import type { UploadJob } from './upload-job.js'

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
  const bytes = parts.reduce((sum, part) => sum + part.length, 0)
  const threads = canShare ? Math.min(threadsFor(job.threads, bytes), workers) : 1
  return { workers, threads: threads === 1 ? 0 : threads }
}

/** B13, B15: uploadFile killed at its steps on the file system: before, in the middle of, and after each kind. */
import { stories } from '../support/kill-bench.js'
import type { FileStep, FileStop } from '../support/kill-hook.js'
import {
  expectUploaded,
  tellUpload,
  titleOf,
  type UploadEnding,
  type UploadPoint,
} from '../support/kill-upload.js'

const point = (then: UploadEnding, ...kills: FileStop[]): UploadPoint => ({ then, kills })
const stop = (when: FileStop['when'], step: FileStep, nth: number): FileStop => ({ when, step, nth })

/** Checkpoint 1 says that an upload is being started, 2 has its id, the others have parts. */
const BEFORE = { 1: 'begins', 2: 'reports the orphan and begins anew' } as const
const AFTER = { 1: 'begins anew', 2: 'goes on' } as const

/** The steps of one checkpoint that is flushed: `nth` is 1 or 2. */
function durable(nth: 1 | 2): UploadPoint[] {
  return [
    point(BEFORE[nth], stop('after', 'open checkpoint', nth)),
    point(BEFORE[nth], stop('halfway', 'write checkpoint', nth)),
    // Odd: the file. Even: the folder, when the file has its name.
    point(BEFORE[nth], stop('after', 'sync', 2 * nth - 1)),
    point(BEFORE[nth], stop('before', 'rename checkpoint', nth)),
    point(AFTER[nth], stop('after', 'rename checkpoint', nth)),
    point(AFTER[nth], stop('after', 'sync', 2 * nth)),
  ]
}

const POINTS: readonly UploadPoint[] = [
  ...durable(1),
  ...durable(2),
  // Every part is noted before it is sent; three at a time may share a checkpoint, so there are 5 at least.
  ...[3, 5].flatMap((nth) => [
    point('goes on', stop('before', 'rename checkpoint', nth)),
    point('goes on', stop('after', 'rename checkpoint', nth)),
  ]),
  point('goes on', stop('halfway', 'write checkpoint', 4)),
  point('finds the object', stop('before', 'remove checkpoint', 1)),
  // Everything is done: there is nothing to go on with, and the caller asks for another upload.
  point('begins', stop('after', 'remove checkpoint', 1)),
  // A resumed run writes checkpoints of its own, counted from 1.
  point('goes on', stop('before', 'rename checkpoint', 3), stop('before', 'rename checkpoint', 1)),
  point('finds the object', stop('after', 'rename checkpoint', 5), stop('before', 'remove checkpoint', 1)),
  // It reports the orphan, and forgets it: once is enough.
  point('begins', stop('before', 'rename checkpoint', 2), stop('after', 'remove checkpoint', 1)),
  point(
    'reports the orphan and begins anew',
    stop('before', 'rename checkpoint', 2),
    stop('before', 'remove checkpoint', 1),
  ),
]

describe('uploadFile that is killed at a file', () => {
  const story = stories(POINTS, tellUpload)
  for (const point of POINTS) {
    it(titleOf(point), async () => expectUploaded(await story(point), point))
  }
})

/** B13: downloadFile killed when a call reaches the service, in the middle of its answer, and at its steps on the file system. */
import {
  type DownloadEnding,
  type DownloadPoint,
  downloadTitle,
  expectDownloaded,
  tellDownload,
} from '../support/kill-download.js'
import { type Kill, PARTS, stories } from '../support/kill-bench.js'
import type { GateStop, Moment } from '../support/kill-gate.js'
import type { FileStep, FileStop } from '../support/kill-hook.js'
import { IS_WHOLE } from '../support/whole.js'

const at = (operation: string, moment: Moment, part?: number): GateStop => ({ operation, moment, part })
const stop = (when: FileStop['when'], step: FileStep, nth: number): FileStop => ({ when, step, nth })
const point = (then: DownloadEnding, ...kills: Kill[]): DownloadPoint => ({ then, kills })

const WHATEVER = 'goes on with whatever is written down'

/** Three workers: a fourth range is asked for when one of the first three is written down. */
const since = (part: number): DownloadEnding => (part > 3 ? 'goes on' : WHATEVER)

/** Each range is struck in one way, the last in both. */
const ARRIVING = IS_WHOLE ? PARTS : [1, 3, 5, 7]
const HALF_ANSWERED = IS_WHOLE ? PARTS : [2, 4, 6, 7]

const POINTS: Readonly<Record<string, readonly DownloadPoint[]>> = {
  'at the service': [
    point('begins', at('headObject', 'arrives')),
    point('begins', at('headObject', 'is carried out')),
    ...ARRIVING.map((part) => point(since(part), at('getObject', 'arrives', part))),
    ...HALF_ANSWERED.map((part) => point(since(part), at('getObject', 'is half answered', part))),
    point('goes on', at('getObject', 'is carried out', 6)),
  ],
  // Checkpoint 1 names the temporary file, before it is there; the others have ranges.
  'at a file': [
    point('begins', stop('halfway', 'write checkpoint', 1)),
    point('begins', stop('before', 'rename checkpoint', 1)),
    point('begins anew', stop('after', 'rename checkpoint', 1)),
    point(WHATEVER, stop('before', 'resize target', 1)),
    point(WHATEVER, stop('after', 'resize target', 1)),
    point(WHATEVER, stop('halfway', 'write target', 1)),
    // One write a range there is at least; how many more depends on how the bytes come.
    point(WHATEVER, stop('halfway', 'write target', 7)),
    point(WHATEVER, stop('before', 'datasync target', 1)),
    point(WHATEVER, stop('after', 'datasync target', 1)),
    point(WHATEVER, stop('before', 'rename checkpoint', 2)),
    point('goes on', stop('after', 'rename checkpoint', 2)),
    point('goes on', stop('before', 'datasync target', 2)),
    point('goes on', stop('halfway', 'write checkpoint', 3)),
    point('goes on', stop('after', 'datasync target', 3)),
    point('goes on', stop('before', 'sync', 1)),
    point('goes on', stop('before', 'rename target', 1)),
    point('goes on', stop('after', 'rename target', 1)),
    point('goes on', stop('after', 'sync', 2)),
    point('goes on', stop('before', 'remove checkpoint', 1)),
    point('begins', stop('after', 'remove checkpoint', 1)),
  ],
  'and again while it goes on': [
    point('goes on', at('getObject', 'is half answered', 4), at('headObject', 'arrives')),
    point('goes on', at('getObject', 'arrives', 4), at('getObject', 'is half answered', 7)),
    point('goes on', stop('before', 'datasync target', 2), stop('after', 'datasync target', 1)),
    point('goes on', stop('before', 'rename checkpoint', 3), stop('before', 'rename checkpoint', 1)),
    point('begins anew', stop('after', 'rename checkpoint', 1), stop('after', 'rename checkpoint', 1)),
    point('goes on', stop('before', 'rename target', 1), stop('after', 'rename target', 1)),
  ],
}

describe('downloadFile that is killed', () => {
  const story = stories(Object.values(POINTS).flat(), tellDownload)
  for (const [name, points] of Object.entries(POINTS)) {
    describe(name, () => {
      for (const point of points) {
        it(downloadTitle(point), async () => expectDownloaded(await story(point), point))
      }
    })
  }
})

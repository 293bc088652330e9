/** B13, B15: uploadFile killed when a call reaches the service, halfway through it, and after the service has done it. */
import type { Kill } from '../support/kill-bench.js'
import { PARTS, stories } from '../support/kill-bench.js'
import type { GateStop, Moment } from '../support/kill-gate.js'
import {
  expectUploaded,
  tellUpload,
  titleOf,
  type UploadEnding,
  type UploadPoint,
} from '../support/kill-upload.js'
import { IS_WHOLE } from '../support/whole.js'

const at = (operation: string, moment: Moment, part?: number): GateStop => ({ operation, moment, part })
const point = (then: UploadEnding, ...kills: Kill[]): UploadPoint => ({ then, kills })

const START = 'createMultipartUpload'
const LIST = 'listMultipartUploads'
const COMPLETE = 'completeMultipartUpload'

/** Each part is struck in one way, the first, the fourth and the last also halfway. */
const ARRIVING = IS_WHOLE ? PARTS : [1, 3, 5, 7]
const CARRIED_OUT = IS_WHOLE ? PARTS : [2, 4, 6, 7]

const POINTS: Readonly<Record<string, readonly UploadPoint[]>> = {
  once: [
    point('begins anew', at(START, 'arrives')),
    point('reports the orphan and begins anew', at(START, 'is carried out')),
    ...ARRIVING.map((part) => point('goes on', at('uploadPart', 'arrives', part))),
    ...[1, 4, 7].map((part) => point('goes on', at('uploadPart', 'is half sent', part))),
    ...CARRIED_OUT.map((part) => point('goes on', at('uploadPart', 'is carried out', part))),
    point('goes on', at(COMPLETE, 'arrives')),
    point('finds the object', at(COMPLETE, 'is carried out')),
    { ...point('finds the object', at('headObject', 'arrives')), hidesCrc64: true },
    { ...point('finds the object', at('headObject', 'is carried out')), hidesCrc64: true },
    { ...point('begins', at('putObject', 'is half sent')), size: 100_001 },
    { ...point('begins', at('putObject', 'is carried out')), size: 100_001 },
  ],
  'and again while it goes on': [
    point('goes on', at('uploadPart', 'is carried out', 4), at('listParts', 'arrives')),
    point('goes on', at('uploadPart', 'is half sent', 4), at('listParts', 'is carried out')),
    point('goes on', at('uploadPart', 'arrives', 3), at('uploadPart', 'is half sent', 3)),
    point(
      'goes on',
      at('uploadPart', 'is half sent', 2),
      at('uploadPart', 'is half sent', 2),
      at('uploadPart', 'is half sent', 7),
    ),
    point('goes on', at('uploadPart', 'is carried out', 5), at(COMPLETE, 'arrives')),
    point('finds the object', at('uploadPart', 'is carried out', 5), at(COMPLETE, 'is carried out')),
    point('finds the object', at(COMPLETE, 'is carried out'), at('listParts', 'is carried out')),
    point('finds the object', at(COMPLETE, 'is carried out'), at('headObject', 'arrives')),
  ],
  'and again while it looks for the upload that it may have started': [
    point('reports the orphan and begins anew', at(START, 'is carried out'), at(LIST, 'is carried out')),
    point('reports the orphan and begins anew', at(START, 'is carried out'), at(START, 'arrives')),
    point('reports the orphan and begins anew', at(START, 'is carried out'), at(START, 'is carried out')),
    point('goes on', at(START, 'is carried out'), at('uploadPart', 'is half sent', 1)),
  ],
}

describe('uploadFile that is killed at the service', () => {
  const story = stories(Object.values(POINTS).flat(), tellUpload)
  for (const [name, points] of Object.entries(POINTS)) {
    describe(name, () => {
      for (const point of points) {
        it(titleOf(point), async () => expectUploaded(await story(point), point))
      }
    })
  }
})

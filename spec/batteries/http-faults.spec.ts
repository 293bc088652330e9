/** Battery B10: HTTP faults in every operation, with retries and without. */
import {
  expectedWithRetries,
  KINDS,
  ONCE,
  type Position,
  POSITIONS,
  TARGETS,
  whySkipped,
} from '../support/fault-cases.js'
import { faultBattery } from '../support/fault-battery.js'
import type { FaultCase } from '../support/fault-runner.js'
import { IS_WHOLE } from '../support/whole.js'

/** Where the server is gone for a while, some of the small waits between attempts must outlast it. */
const attemptsFor = (kind: string): number => (kind === 'connect-refused' ? 60 : 4)

const combinations = TARGETS.flatMap((target) =>
  // What makes no sense is left out; `whySkipped` says why.
  KINDS.filter((kind) => whySkipped(kind, target) === undefined).map((kind) => ({ kind, target })),
)

/** All, or one: each kind is tried in each target, and each of both at each position. */
function positionsOf({ kind, target }: (typeof combinations)[number]): typeof POSITIONS | Position[] {
  const turn = KINDS.indexOf(kind) + TARGETS.indexOf(target)
  return IS_WHOLE ? POSITIONS : [POSITIONS[turn % POSITIONS.length]!]
}

describe('battery B10: HTTP faults, the encrypting client, with retries', () => {
  faultBattery(
    combinations.flatMap(({ kind, target }) =>
      positionsOf({ kind, target }).map((position): FaultCase => {
        const expected = expectedWithRetries(kind, target)
        return { kind, target, position, side: 'encrypting', attempts: attemptsFor(kind), expected }
      }),
    ),
  )
})

describe('battery B10: HTTP faults, the plain client, with retries', () => {
  const isMeaningful = ({ kind, target }: { kind: string; target: string }): boolean => {
    // Without an envelope nothing tells an error document from an object; the service sends none where it only reads.
    if (kind === 'error-in-200' && target === 'get') return false
    // By hand, the plain client leaves the settling of a lost answer to its caller; uploadFile (the first) does not.
    return target !== 'listParts' && target !== 'head'
  }
  faultBattery(
    combinations.filter(isMeaningful).map(({ kind, target }): FaultCase => {
      const expected = expectedWithRetries(kind, target)
      return { kind, target, position: 'first', side: 'plain', attempts: attemptsFor(kind), expected }
    }),
  )
})

describe('battery B10: HTTP faults, the encrypting client, without retries', () => {
  faultBattery(
    combinations.flatMap(({ kind, target }): FaultCase[] => {
      const once = ONCE[kind]
      if (once === undefined) return []
      const expected = target === 'complete' ? once.complete : once.others
      return [{ kind, target, position: 'middle', side: 'encrypting', attempts: 1, expected }]
    }),
  )
})

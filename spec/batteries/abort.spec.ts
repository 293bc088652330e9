/** Battery B16: abort at every await point. */
import { expect } from 'chai'
import { ABORTABLES, type Abortable } from '../support/abort-operations.js'
import { abortAt, countEvents, type Moment } from '../support/abort-runner.js'
import type { Side } from '../support/abort-stage.js'
import { IS_WHOLE } from '../support/whole.js'

/** Of the events on the server, so many are tried, from the first to the last. */
const MOST_EVENTS = IS_WHOLE ? 7 : 4

function momentsOf({ isNeverRepeated }: Abortable, events: number): Moment[] {
  const some = Math.min(events, MOST_EVENTS)
  const numbers = Array.from(
    { length: some },
    (_, i) => 1 + Math.round((i * (events - 1)) / Math.max(1, some - 1)),
  )
  const waits: Moment[] = isNeverRepeated === true ? [] : ['while waiting to retry']
  return ['before the call', 'in the same tick', ...numbers, ...waits, 'during a stall']
}

describe('battery B16: abort', () => {
  let attempted = 0
  let passed = 0

  const sides: [Side, (name: string) => boolean][] = [
    ['encrypting', () => true],
    ['plain', (name) => ['upload of a stream', 'putObject', 'the body of getObject'].includes(name)],
  ]
  for (const [side, isTried] of sides) {
    for (const operation of ABORTABLES.filter(({ name }) => isTried(name))) {
      it(`${operation.name}, ${side}: rejects once within 100 ms and leaves nothing`, async function () {
        const problems: string[] = []
        for (const moment of momentsOf(operation, await countEvents(operation, side))) {
          const found = await abortAt(operation, side, moment)
          attempted += 1
          if (found.length === 0) passed += 1
          problems.push(...found)
        }
        expect(problems).to.deep.equal([])
      }).timeout(60_000)
    }
  }

  it('passes all moments', function () {
    this.test!.title = `passes ${passed} of ${attempted} moments`
    expect(attempted).to.be.greaterThan(IS_WHOLE ? 150 : 100)
    expect(passed).to.equal(attempted)
  })
})

import { expect } from 'chai'
import { breathe } from '../../lib/internal/breathe.js'

/** By the clock of these specs, which goes on only as they say. */
describe('breathe', () => {
  const real = performance.now.bind(performance)
  let now = 0

  beforeEach(() => {
    // Later than all that breathe has seen: the process is younger than this.
    now = (now === 0 ? 1e12 : now) + 1e6
    performance.now = () => now
  })
  afterEach(() => {
    performance.now = real
  })

  /** Work that takes `cost` milliseconds a step, and ends when `isOver`. */
  async function work(
    cost: number,
    isOver: () => boolean,
    onStep: () => void = () => undefined,
  ): Promise<void> {
    while (!isOver()) {
      now += cost
      onStep()
      await breathe()
    }
  }

  it('does not wait for a turn of the event loop while there is time left', async () => {
    await breathe()
    let turns = 0
    const immediate = setImmediate(() => (turns += 1))
    for (let step = 0; step < 7; step++) {
      now += 1
      await breathe()
    }
    expect(turns).to.equal(0)
    clearImmediate(immediate)
  })

  it('waits for a turn when more than 8 ms have gone by, once, and then has 8 ms again', async () => {
    await breathe()
    for (let round = 0; round < 5; round++) {
      let turns = 0
      const count = (): unknown => setImmediate(() => (turns += 1))
      now += 9
      count()
      await breathe()
      expect(turns, `round ${round}`).to.equal(1)
      count()
      now += 8
      await breathe()
      expect(turns, `round ${round}`).to.equal(1)
      await new Promise(setImmediate)
    }
  })

  for (const loops of [1, 2, 5, 50]) {
    for (const cost of [1, 9, 1000]) {
      it(`gives immediates and timers their turn while ${loops} loops work without end, ${cost} ms a step`, async () => {
        let isOver = false
        let steps = 0
        const working = Array.from({ length: loops }, () =>
          work(
            cost,
            () => isOver || steps > 1_000_000,
            () => (steps += 1),
          ),
        )
        await new Promise((resolve) => setImmediate(resolve))
        await new Promise((resolve) => setTimeout(resolve, 1))
        await new Promise((resolve) => setImmediate(resolve))
        isOver = true
        await Promise.all(working)
        expect(steps).to.be.at.least(loops).and.at.most(1_000_000)
      })
    }
  }

  it('starves nobody: each of several loops gets on in its turn', async () => {
    let isOver = false
    const done = Array.from({ length: 6 }, () => 0)
    const working = done.map((_, index) =>
      work(
        9,
        () => isOver,
        () => {
          done[index]! += 1
          if (Math.min(...done) >= 10 || Math.max(...done) >= 1000) isOver = true
        },
      ),
    )
    await Promise.all(working)
    expect(Math.min(...done)).to.be.at.least(10)
    expect(Math.max(...done)).to.be.at.most(20)
  })

  it('lets one of several loops go on in a turn when each takes as long as a turn may', async () => {
    let isOver = false
    const stepsOfTurns = [0]
    const countTurns = (): void => {
      stepsOfTurns.push(0)
      if (stepsOfTurns.length > 40) isOver = true
      else setImmediate(countTurns)
    }
    const working = Array.from({ length: 4 }, () =>
      work(
        10,
        () => isOver,
        () => (stepsOfTurns[stepsOfTurns.length - 1]! += 1),
      ),
    )
    setImmediate(countTurns)
    await Promise.all(working)
    // All begin in the first.
    expect(Math.max(...stepsOfTurns.slice(1))).to.equal(1)
  })
})

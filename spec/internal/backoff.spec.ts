import { expect } from 'chai'
import { backoffDelay, wait } from '../../lib/internal/backoff.js'
import { refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'

const ALMOST_ONE = 1 - Number.EPSILON
const BACKOFF = { baseDelay: 100, maxDelay: 20_000 }

describe('backoffDelay', () => {
  for (const [retry, bound] of [
    [1, 100],
    [2, 200],
    [3, 400],
    [8, 12_800],
    [9, 20_000],
    [10, 20_000],
    [99, 20_000],
    [5000, 20_000],
  ] as const) {
    it(`is from 0 to ${bound} before retry ${retry}, from 100 up to 20000`, () => {
      expect(backoffDelay(retry, BACKOFF, () => 0)).to.equal(0)
      expect(backoffDelay(retry, BACKOFF, () => 0.5)).to.equal(bound / 2)
      expect(backoffDelay(retry, BACKOFF, () => ALMOST_ONE)).to.be.closeTo(bound, bound * 1e-9)
    })
  }

  it('is spread over all of its range: every tenth of it comes up among 2000', () => {
    const random = new Seeded(5)
    const next = (): number => random.integer(1_000_000) / 1_000_000
    const tenths = new Set<number>()
    for (let i = 0; i < 2000; i++) tenths.add(Math.floor(backoffDelay(4, BACKOFF, next) / 80))
    expect([...tenths].sort((a, b) => a - b)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('is 0 where the base or the bound is 0', () => {
    expect(backoffDelay(7, { baseDelay: 0, maxDelay: 10 }, () => ALMOST_ONE)).to.equal(0)
    expect(backoffDelay(7, { baseDelay: 10, maxDelay: 0 }, () => ALMOST_ONE)).to.equal(0)
  })

  it('is never over a bound that is below the base', () => {
    expect(backoffDelay(1, { baseDelay: 100, maxDelay: 7 }, () => ALMOST_ONE)).to.be.at.most(7)
  })
})

describe('wait', () => {
  it('waits at least as long as asked', async () => {
    const start = performance.now()
    await wait(40, undefined)
    await wait(40, new AbortController().signal)
    // Timers count whole milliseconds.
    expect(performance.now() - start).to.be.at.least(78)
  })

  it('ends with SEALSTREAM_ABORTED and the reason, long before its time', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const waiting = refused('SEALSTREAM_ABORTED', () => wait(600_000, controller.signal))
    controller.abort(reason)
    expect((await waiting).cause).to.equal(reason)
  })

  it('does not begin when the signal was aborted before', async () => {
    const error = await refused('SEALSTREAM_ABORTED', () => wait(600_000, AbortSignal.abort('early')))
    expect(error.cause).to.equal('early')
  })
})

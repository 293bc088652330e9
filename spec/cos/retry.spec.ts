import { expect } from 'chai'
import { Retrier, type Repeatable, type RetryEvent, type RetryOptions } from '../../lib/cos/retry.js'
import { SealstreamError, ServiceError } from '../../lib/errors.js'
import { refused } from '../support/refused.js'

const REQUEST: Repeatable = { operation: 'op', repeat: 'always' }
const NO_WAIT = { baseDelay: 0 }

function answered(status: number, retryAfter?: number): ServiceError {
  const facts = { serviceCode: '', serviceMessage: '', resource: '', requestId: '', traceId: '' }
  return new ServiceError('op', { status, retryAfter, ...facts })
}

const reset = (): SealstreamError =>
  new SealstreamError('SEALSTREAM_CONNECTION', 'reset', {
    cause: Object.assign(new Error(), { code: 'EPIPE' }),
  })

/** Runs attempts that fail with these errors in turn, the last one for ever or, with undefined, success. */
async function run(
  retrier: Retrier,
  failures: readonly (Error | undefined)[],
  request: Repeatable = REQUEST,
): Promise<{ attempts: number[]; error: unknown }> {
  const attempts: number[] = []
  const error: unknown = await retrier
    .run(request, async (number) => {
      attempts.push(number)
      const failure = failures[Math.min(attempts.length, failures.length) - 1]
      if (failure !== undefined) throw failure
    })
    .catch((thrown: unknown) => thrown)
  return { attempts, error }
}

describe('Retrier', () => {
  it('gives what the first attempt gives', async () => {
    expect(await new Retrier().run(REQUEST, async (number) => `attempt ${number}`)).to.equal('attempt 1')
  })

  for (const [attempts, expected] of [
    [1, [1]],
    [2, [1, 2]],
    [7, [1, 2, 3, 4, 5, 6, 7]],
  ] as const) {
    it(`tries ${attempts} times in all, numbered from 1, and throws what the last one threw`, async () => {
      const last = answered(500)
      const failures = [...Array.from({ length: attempts - 1 }, () => answered(503)), last]
      const outcome = await run(new Retrier({ ...NO_WAIT, attempts }), failures)
      expect(outcome.attempts).to.deep.equal(expected)
      expect(outcome.error).to.equal(last)
    })
  }

  it('tries 5 times unless told otherwise', async () => {
    expect((await run(new Retrier(NO_WAIT), [answered(500)])).attempts).to.have.length(5)
  })

  it('stops at the first success and at the first failure that will not pass', async () => {
    const retrier = new Retrier(NO_WAIT)
    expect(await run(retrier, [reset(), undefined])).to.deep.include({ attempts: [1, 2], error: undefined })
    const denied = answered(403)
    expect(await run(retrier, [reset(), denied])).to.deep.equal({ attempts: [1, 2], error: denied })
  })

  it('never repeats what must not be: repeat never', async () => {
    for (const error of [reset(), answered(503), answered(429)]) {
      const outcome = await run(new Retrier(NO_WAIT), [error], { ...REQUEST, repeat: 'never' })
      expect(outcome).to.deep.equal({ attempts: [1], error })
    }
  })

  it('repeats only what surely was not done: repeat refused', async () => {
    const request = { ...REQUEST, repeat: 'refused' } as const
    expect((await run(new Retrier(NO_WAIT), [answered(503), undefined], request)).attempts).to.have.length(2)
    for (const error of [reset(), answered(500), new SealstreamError('SEALSTREAM_TIMEOUT', 'slow')]) {
      expect((await run(new Retrier(NO_WAIT), [error], request)).attempts).to.deep.equal([1])
    }
  })

  it('tells of each failure after which the service may have acted, the last one too', async () => {
    const told: Error[] = []
    const onUncertain = (error: Error): void => void told.push(error)
    const [first, second, third] = [reset(), answered(503), answered(500)]
    await run(new Retrier({ ...NO_WAIT, attempts: 3 }), [first, second, third], { ...REQUEST, onUncertain })
    expect(told).to.deep.equal([first, third])
    await run(new Retrier(NO_WAIT), [first], { ...REQUEST, repeat: 'never', onUncertain })
    expect(told).to.have.length(3)
  })

  describe('waits', () => {
    async function delays(options: RetryOptions, failures: readonly Error[]): Promise<number[]> {
      const events: RetryEvent[] = []
      await run(new Retrier(options, (event) => void events.push(event)), failures)
      return events.map(({ delay }) => delay)
    }

    it('at random up to a bound that doubles, and not beyond maxDelay', async () => {
      const found: number[][] = []
      for (let i = 0; i < 20; i++) {
        found.push(await delays({ attempts: 6, baseDelay: 1, maxDelay: 5 }, [answered(500)]))
      }
      for (const [retry, bound] of [1, 2, 4, 5, 5].entries()) {
        const all = found.map((run) => run[retry]!)
        expect(Math.min(...all)).to.be.at.least(0)
        expect(Math.max(...all)).to.be.below(bound)
        expect(new Set(all).size).to.be.above(10)
      }
      // Full jitter: by chance 1 in 2^40 otherwise.
      expect(Math.max(...found.flat())).to.be.above(2)
    })

    it('at least as long as the service asks, maxDelay or not', async () => {
      const found = await delays({ attempts: 3, baseDelay: 0, maxDelay: 1 }, [answered(503, 30)])
      expect(found).to.deep.equal([30, 30])
    })

    it('really', async () => {
      const times: number[] = []
      const retrier = new Retrier({ attempts: 3, baseDelay: 0 })
      await refused('SEALSTREAM_SERVICE', () =>
        retrier.run(REQUEST, async () => {
          times.push(performance.now())
          throw answered(429, 50)
        }),
      )
      expect(times[1]! - times[0]!).to.be.at.least(48)
      expect(times[2]! - times[1]!).to.be.at.least(48)
    })

    it('not at all where the service asks for more than 5 minutes: that is the caller’s to know', async () => {
      const error = answered(503, 300_001)
      expect(await run(new Retrier(), [error])).to.deep.equal({ attempts: [1], error })
    })

    it('5 minutes where it asks for that, until the signal is aborted', async () => {
      const controller = new AbortController()
      const reason = new Error('enough')
      const delays: number[] = []
      const retrier = new Retrier({}, ({ delay }) => {
        delays.push(delay)
        setImmediate(() => controller.abort(reason))
      })
      const outcome = await run(retrier, [answered(503, 300_000)], { ...REQUEST, signal: controller.signal })
      expect(outcome.attempts).to.deep.equal([1])
      expect(outcome.error).to.include({ code: 'SEALSTREAM_ABORTED', cause: reason })
      expect(delays).to.deep.equal([300_000])
    })

    it('not after an abort that came with the failure', async () => {
      const controller = new AbortController()
      const events: RetryEvent[] = []
      const retrier = new Retrier(NO_WAIT, (event) => void events.push(event))
      const error = reset()
      const request = { ...REQUEST, signal: controller.signal }
      const thrown: unknown = await retrier
        .run(request, async () => {
          controller.abort()
          throw error
        })
        .catch((failure: unknown) => failure)
      expect(thrown).to.equal(error)
      expect(events).to.deep.equal([])
    })
  })

  it('tells onRetry the operation, the attempt that failed, its error and the wait, before waiting', async () => {
    const events: RetryEvent[] = []
    const retrier = new Retrier({ attempts: 3, baseDelay: 0 }, (event) => void events.push(event))
    const [first, second] = [reset(), answered(503, 3)]
    await run(retrier, [first, second, undefined])
    expect(events).to.deep.equal([
      { operation: 'op', attempt: 1, error: first, delay: 0 },
      { operation: 'op', attempt: 2, error: second, delay: 3 },
    ])
  })

  describe('budget', () => {
    it('of 3 allows 3 retries over all requests, then none', async () => {
      const retrier = new Retrier({ ...NO_WAIT, attempts: 3, budget: 3 })
      expect((await run(retrier, [reset()])).attempts).to.have.length(3)
      expect((await run(retrier, [reset()])).attempts).to.have.length(2)
      expect((await run(retrier, [reset()])).attempts).to.have.length(1)
      expect((await run(retrier, [reset()])).attempts).to.have.length(1)
    })

    it('of 0 allows none', async () => {
      expect((await run(new Retrier({ ...NO_WAIT, budget: 0 }), [reset()])).attempts).to.have.length(1)
    })

    it('gets half a retry back for each success', async () => {
      const retrier = new Retrier({ ...NO_WAIT, attempts: 2, budget: 1 })
      await run(retrier, [reset()])
      await run(retrier, [undefined])
      expect((await run(retrier, [reset()])).attempts).to.have.length(1)
      await run(retrier, [undefined])
      expect((await run(retrier, [reset()])).attempts).to.have.length(2)
      expect((await run(retrier, [reset()])).attempts).to.have.length(1)
    })

    it('gets nothing back for what could not be repeated', async () => {
      const retrier = new Retrier({ ...NO_WAIT, attempts: 2, budget: 1 })
      await run(retrier, [reset()])
      for (let i = 0; i < 4; i++) await run(retrier, [undefined], { ...REQUEST, repeat: 'never' })
      expect((await run(retrier, [reset()])).attempts).to.have.length(1)
    })

    it('never grows over what it was', async () => {
      const retrier = new Retrier({ ...NO_WAIT, attempts: 100, budget: 2 })
      for (let i = 0; i < 20; i++) await run(retrier, [undefined])
      expect((await run(retrier, [reset()])).attempts).to.have.length(3)
    })

    it('is not spent by failures that are not tried again', async () => {
      const retrier = new Retrier({ ...NO_WAIT, attempts: 2, budget: 1 })
      await run(retrier, [answered(404)])
      await run(retrier, [reset()], { ...REQUEST, repeat: 'never' })
      await run(retrier, [answered(503, 999_999)])
      expect((await run(retrier, [reset()])).attempts).to.have.length(2)
    })
  })

  for (const [options, option] of [
    [{ attempts: 0 }, 'retry.attempts'],
    [{ attempts: 101 }, 'retry.attempts'],
    [{ attempts: 1.5 }, 'retry.attempts'],
    [{ baseDelay: -1 }, 'retry.baseDelay'],
    [{ baseDelay: 2 ** 31 }, 'retry.baseDelay'],
    [{ maxDelay: Number.NaN }, 'retry.maxDelay'],
    [{ maxDelay: 2 ** 31 }, 'retry.maxDelay'],
    [{ budget: '9' }, 'retry.budget'],
    [{ limit: 3 }, 'retry.limit'],
    [{ maxAttempts: 3 }, 'retry.maxAttempts'],
    [3, 'retry'],
  ] as const) {
    it(`refuses ${JSON.stringify(options)}, naming ${option}`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => new Retrier(options as RetryOptions))
      expect(error).to.have.property('option', option)
      if (/limit|max[A-Z]tt/i.test(option)) expect(error.hint).to.include('attempts')
    })
  }

  it('refuses an onRetry that is no function', async () => {
    const error = await refused('SEALSTREAM_OPTION', () => new Retrier({}, 'log' as never))
    expect(error).to.have.property('option', 'onRetry')
  })
})

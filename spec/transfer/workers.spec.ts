import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { SealstreamError } from '../../lib/errors.js'
import { linkedAbort } from '../../lib/internal/abort.js'
import { deferred } from '../../lib/internal/deferred.js'
import { runWorkers } from '../../lib/transfer/workers.js'
import { refused } from '../support/refused.js'

const numbers = (length: number): number[] => Array.from({ length }, (_, i) => i)

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('expected a rejection'),
    (error: unknown) => error,
  )
}

describe('runWorkers', () => {
  for (const [items, workers] of [
    [0, 1],
    [0, 4],
    [1, 4],
    [7, 1],
    [100, 3],
    [100, 256],
  ] as const) {
    it(`has ${workers} workers do ${items} items once each, in the order of the list`, async () => {
      const done: number[] = []
      let running = 0
      let most = 0
      await runWorkers(numbers(items), workers, linkedAbort(undefined), () => async (item) => {
        done.push(item)
        most = Math.max(most, ++running)
        await setImmediate()
        running -= 1
      })
      expect(done).to.deep.equal(numbers(items))
      expect(most).to.equal(Math.min(items, workers))
    })
  }

  it('makes each worker once, for many items', async () => {
    const seen: number[][] = []
    await runWorkers(numbers(50), 3, linkedAbort(undefined), () => {
      const mine: number[] = []
      seen.push(mine)
      return async (item) => {
        mine.push(item)
        await setImmediate()
      }
    })
    expect(seen.length).to.equal(3)
    expect(seen.flat().sort((a, b) => a - b)).to.deep.equal(numbers(50))
  })

  it('takes items from a generator one by one, not before a worker is free', async () => {
    let taken = 0
    function* items(): Generator<number> {
      for (const number of numbers(10)) {
        taken += 1
        yield number
      }
    }
    const gate = deferred<undefined>()
    const running = runWorkers(items(), 2, linkedAbort(undefined), () => async () => {
      await gate.promise
    })
    for (let turn = 0; turn < 5; turn++) await setImmediate()
    expect(taken).to.equal(2)
    gate.resolve(undefined)
    await running
    expect(taken).to.equal(10)
  })

  it('throws the first failure once the others have ended, aborts them, and starts nothing more', async () => {
    const abort = linkedAbort(undefined)
    const gate = deferred<undefined>()
    const started: number[] = []
    let othersEnded = false
    const running = failureOf(
      runWorkers(numbers(10), 2, abort, () => async (item) => {
        started.push(item)
        if (item === 0) throw new Error('the first')
        await gate.promise
        othersEnded = true
        throw new Error('the second')
      }),
    )
    await setImmediate()
    expect([abort.signal.aborted, othersEnded]).to.deep.equal([true, false])
    gate.resolve(undefined)
    expect(await running).to.have.property('message', 'the first')
    expect([started, othersEnded]).to.deep.equal([[0, 1], true])
  })

  it('throws what the list throws', async () => {
    function* items(): Generator<number> {
      yield 1
      throw new RangeError('no more')
    }
    const failure = await failureOf(
      runWorkers(items(), 1, linkedAbort(undefined), () => async () => undefined),
    )
    expect(failure).to.be.instanceOf(RangeError)
  })

  it('ends the others, too, when a worker cannot be made', async () => {
    const abort = linkedAbort(undefined)
    const done: number[] = []
    let made = 0
    const failure = await failureOf(
      runWorkers(numbers(100), 2, abort, () => {
        if (++made === 2) throw new RangeError('no memory')
        return async (item) => {
          await setImmediate()
          done.push(item)
        }
      }),
    )
    const before = done.length
    expect(failure).to.be.instanceOf(RangeError)
    for (let turn = 0; turn < 10; turn++) await setImmediate()
    expect([abort.signal.aborted, done.length]).to.deep.equal([true, before])
  })

  it('is SEALSTREAM_ABORTED with the reason as cause when it is aborted from outside, before and in between', async () => {
    for (const when of ['before', 'between']) {
      const outer = new AbortController()
      const reason = new Error('enough')
      if (when === 'before') outer.abort(reason)
      const done: number[] = []
      const error = await refused('SEALSTREAM_ABORTED', () =>
        runWorkers(numbers(10), 2, linkedAbort(outer.signal), () => async (item) => {
          done.push(item)
          if (item === 3) outer.abort(reason)
          await setImmediate()
        }),
      )
      expect(error).to.be.instanceOf(SealstreamError)
      expect(error.cause).to.equal(reason)
      expect(done.length, when).to.equal(when === 'before' ? 0 : 4)
    }
  })
})

import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { deferred, type Deferred } from '../../lib/internal/deferred.js'
import { PartPool } from '../../lib/transfer/part-pool.js'
import { Seeded } from '../support/seeded.js'

/** Lets everything run that does not wait for something. */
async function idle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await setImmediate()
}

/** A task that runs until it is told how to end. */
class Task {
  started = false
  readonly end: Deferred<void> = deferred()

  readonly run = (): Promise<void> => {
    this.started = true
    return this.end.promise
  }
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('expected a rejection'),
    (error: unknown) => error,
  )
}

describe('PartPool', () => {
  for (const concurrency of [1, 2, 8]) {
    it(`runs ${concurrency} tasks at once and holds back the next until one has ended`, async () => {
      const pool = new PartPool({ concurrency, mostBytes: 1000 })
      const tasks = Array.from({ length: concurrency + 1 }, () => new Task())
      for (const task of tasks.slice(0, concurrency)) await pool.add(1, task.run)
      let isIn = false
      const adding = pool.add(1, tasks[concurrency]!.run).then(() => (isIn = true))
      await idle()
      expect([isIn, tasks[concurrency]!.started]).to.deep.equal([false, false])
      tasks[0]!.end.resolve()
      await adding
      expect(tasks[concurrency]!.started).to.equal(true)
      for (const task of tasks) task.end.resolve()
      await pool.drain()
    })
  }

  it('holds back a task whose bytes, with those that are held, are one too many', async () => {
    const pool = new PartPool({ concurrency: 10, mostBytes: 100 })
    const [first, second, third] = [new Task(), new Task(), new Task()]
    await pool.add(60, first.run)
    await pool.add(40, second.run)
    const adding = pool.add(1, third.run)
    await idle()
    expect(third.started).to.equal(false)
    second.end.resolve()
    await adding
    expect(third.started).to.equal(true)
    for (const task of [first, third]) task.end.resolve()
    await pool.drain()
  })

  for (const mostBytes of [0, 1, 99]) {
    it(`runs a task of 100 bytes alone where only ${mostBytes} may be held`, async () => {
      const pool = new PartPool({ concurrency: 10, mostBytes })
      const [first, second] = [new Task(), new Task()]
      await pool.add(100, first.run)
      const adding = pool.add(100, second.run)
      await idle()
      expect([first.started, second.started]).to.deep.equal([true, false])
      first.end.resolve()
      await adding
      second.end.resolve()
      await pool.drain()
    })
  }

  it('never exceeds its bounds over 400 random tasks, and runs every one of them once', async () => {
    const random = new Seeded(3)
    const pool = new PartPool({ concurrency: 5, mostBytes: 300 })
    const done: number[] = []
    let running = 0
    let held = 0
    for (let i = 0; i < 400; i++) {
      const bytes = random.integer(200)
      const turns = random.integer(4)
      await pool.add(bytes, async () => {
        running += 1
        held += bytes
        expect(running).to.be.at.most(5)
        if (running > 1) expect(held).to.be.at.most(300)
        for (let turn = 0; turn < turns; turn++) await setImmediate()
        running -= 1
        held -= bytes
        done.push(i)
      })
    }
    await pool.drain()
    expect(done.sort((a, b) => a - b)).to.deep.equal(Array.from({ length: 400 }, (_, i) => i))
  })

  it('gives the first failure to drain, to a call that waits for room, and to every later one', async () => {
    const told: unknown[] = []
    const pool = new PartPool({ concurrency: 2, mostBytes: 100 }, (error) => told.push(error))
    const [first, second, third] = [new Task(), new Task(), new Task()]
    await pool.add(1, first.run)
    await pool.add(1, second.run)
    const waiting = failureOf(pool.add(1, third.run))
    first.end.reject('the first')
    expect(await waiting).to.equal('the first')
    second.end.reject('the second')
    expect(await failureOf(pool.drain())).to.equal('the first')
    expect(await failureOf(pool.add(1, third.run))).to.equal('the first')
    expect([third.started, told]).to.deep.equal([false, ['the first']])
  })

  it('counts a failure that is undefined as one', async () => {
    const pool = new PartPool({ concurrency: 2, mostBytes: 100 })
    await pool.add(1, async () => {
      // What a caller's listener throws may be anything.
      throw undefined as unknown as Error
    })
    expect(await failureOf(pool.drain())).to.equal(undefined)
  })

  it('starts nothing after fail, with its reason; a later failure does not replace it', async () => {
    const told: unknown[] = []
    const pool = new PartPool({ concurrency: 1, mostBytes: 100 }, (error) => told.push(error))
    const [first, second] = [new Task(), new Task()]
    await pool.add(1, first.run)
    const waiting = failureOf(pool.add(1, second.run))
    pool.fail('given up')
    pool.fail('again')
    expect(await waiting).to.equal('given up')
    first.end.reject('too late')
    expect(await failureOf(pool.drain())).to.equal('given up')
    expect([second.started, told]).to.deep.equal([false, []])
  })

  it('settles when the last task has ended, also where tasks failed, and does not throw', async () => {
    const pool = new PartPool({ concurrency: 3, mostBytes: 100 })
    const [first, second] = [new Task(), new Task()]
    await pool.add(1, first.run)
    await pool.add(1, second.run)
    let isSettled = false
    const settling = pool.settle().then(() => (isSettled = true))
    first.end.reject('failed')
    await idle()
    expect(isSettled).to.equal(false)
    second.end.resolve()
    await settling
  })

  it('drains and settles at once when nothing ever ran', async () => {
    const pool = new PartPool({ concurrency: 1, mostBytes: 1 })
    await pool.drain()
    await pool.settle()
  })
})

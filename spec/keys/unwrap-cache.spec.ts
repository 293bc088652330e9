import { expect } from 'chai'
import { UnwrapCache } from '../../lib/keys/unwrap-cache.js'
import { eventually } from '../support/eventually.js'
import { refused } from '../support/refused.js'

const HOUR = 3_600_000

/** A key service that counts; the key of a text is its bytes, 32 of them. */
class Service {
  calls = 0
  /** What it gave out, itself and no copy. */
  readonly given: Buffer[] = []

  readonly ask = (text: string) => async (): Promise<Buffer> => {
    this.calls += 1
    const bytes = Buffer.alloc(32, text)
    this.given.push(bytes)
    return bytes
  }
}

describe('UnwrapCache', () => {
  const caches: UnwrapCache[] = []
  afterEach(() => {
    for (const cache of caches.splice(0)) cache.clear()
  })
  const cacheOf = (...options: ConstructorParameters<typeof UnwrapCache>): UnwrapCache => {
    const cache = new UnwrapCache(...options)
    caches.push(cache)
    return cache
  }

  it('asks once for the same texts, and gives the same bytes', async () => {
    const [cache, service] = [cacheOf({}), new Service()]
    for (let time = 0; time < 5; time++) {
      expect((await cache.get(['a', 'b'], service.ask('a')))!.equals(Buffer.alloc(32, 'a'))).to.equal(true)
    }
    expect([service.calls, cache.size]).to.deep.equal([1, 1])
  })

  it('tells texts apart, wherever one ends and the next begins', async () => {
    const [cache, service] = [cacheOf({}), new Service()]
    const lists = [
      ['a', 'b'],
      ['ab', ''],
      ['', 'ab'],
      ['ab'],
      ['a', 'b', ''],
      ['b', 'a'],
      ['a","b'],
      ['a"', 'b'],
    ]
    for (const texts of lists) await cache.get(texts, service.ask('a'))
    expect([service.calls, cache.size]).to.deep.equal([lists.length, lists.length])
  })

  it('gives copies: wiping one, or what was asked for, does not touch the next', async () => {
    const [cache, service] = [cacheOf({}), new Service()]
    for (let time = 0; time < 3; time++) {
      const bytes = (await cache.get(['a'], service.ask('a')))!
      expect(bytes.equals(Buffer.alloc(32, 'a'))).to.equal(true)
      bytes.fill(0)
    }
    service.given[0]!.fill(1)
    expect((await cache.get(['a'], service.ask('a')))!.equals(Buffer.alloc(32, 'a'))).to.equal(true)
  })

  for (const uses of [1, 2, 5]) {
    it(`gives a key out ${uses} times, the first included, then asks again`, async () => {
      const [cache, service] = [cacheOf({ uses }), new Service()]
      for (let time = 0; time < 3 * uses; time++) await cache.get(['a'], service.ask('a'))
      expect(service.calls).to.equal(3)
      expect(cache.size).to.equal(0)
    })
  }

  it('forgets after its time', async () => {
    const [cache, service] = [cacheOf({ ttl: 20 }), new Service()]
    await cache.get(['a'], service.ask('a'))
    await eventually(() => expect(cache.size).to.equal(0))
    await cache.get(['a'], service.ask('a'))
    expect(service.calls).to.equal(2)
  })

  it('counts the time from when the key came, not from its last use', async () => {
    const [cache, service] = [cacheOf({ ttl: 100 }), new Service()]
    await eventually(async () => {
      await cache.get(['a'], service.ask('a'))
      return service.calls >= 2
    })
  })

  it('keeps no more than it may, and forgets the oldest first', async () => {
    const [cache, service] = [cacheOf({ entries: 2, ttl: HOUR }), new Service()]
    for (const text of ['a', 'b', 'c']) await cache.get([text], service.ask(text))
    expect([service.calls, cache.size]).to.deep.equal([3, 2])
    for (const text of ['b', 'c']) await cache.get([text], service.ask(text))
    expect(service.calls).to.equal(3)
    await cache.get(['a'], service.ask('a'))
    expect([service.calls, cache.size]).to.deep.equal([4, 2])
  })

  it('keeps no failure, and none that gave nothing', async () => {
    const cache = cacheOf({})
    let calls = 0
    for (let time = 0; time < 2; time++) {
      const found = await cache.get(['a'], async () => {
        calls += 1
        return undefined
      })
      expect(found).to.equal(undefined)
      const failing = cache.get(['b'], () => Promise.reject(new Error(`failure ${++calls}`)))
      expect(await failing.catch((error: unknown) => error)).to.be.instanceOf(Error)
    }
    expect([calls, cache.size]).to.deep.equal([4, 0])
  })

  it('takes several at once for the same texts', async () => {
    const [cache, service] = [cacheOf({}), new Service()]
    const found = await Promise.all(Array.from({ length: 5 }, () => cache.get(['a'], service.ask('a'))))
    for (const bytes of found) expect(bytes!.equals(Buffer.alloc(32, 'a'))).to.equal(true)
    expect(cache.size).to.equal(1)
  })

  it('forgets all when it is cleared, and goes on', async () => {
    const [cache, service] = [cacheOf({}), new Service()]
    for (const text of ['a', 'b', 'a']) await cache.get([text], service.ask(text))
    cache.clear()
    expect(cache.size).to.equal(0)
    await cache.get(['a'], service.ask('a'))
    expect(service.calls).to.equal(3)
  })

  /** What is filled with zeros meanwhile, as it was before. */
  async function wipedBy(action: () => unknown): Promise<string[]> {
    const wiped: string[] = []
    const prototype = Buffer.prototype as Buffer
    const real = Reflect.get(prototype, 'fill') as (...values: unknown[]) => Buffer
    Reflect.set(prototype, 'fill', function (this: Buffer, ...values: unknown[]) {
      if (values[0] === 0) wiped.push(this.toString('latin1'))
      return Reflect.apply(real, this, values)
    })
    try {
      await action()
    } finally {
      Reflect.set(prototype, 'fill', real)
    }
    return wiped
  }

  type Forget = (cache: UnwrapCache, service: Service) => unknown
  const ways: readonly [string, object, Forget][] = [
    ['by its last use', { uses: 2 }, (cache, service) => cache.get(['a'], service.ask('a'))],
    ['by its time', { ttl: 20 }, (cache) => eventually(() => cache.size === 0)],
    ['for another key', { entries: 1 }, (cache, service) => cache.get(['b'], service.ask('b'))],
    ['by clear', {}, (cache) => cache.clear()],
  ]
  for (const [title, options, forget] of ways) {
    it(`wipes a key that is forgotten ${title}`, async () => {
      const [cache, service] = [cacheOf({ ttl: HOUR, ...options }), new Service()]
      await cache.get(['a'], service.ask('a'))
      const wiped = await wipedBy(() => forget(cache, service))
      expect(wiped).to.include('a'.repeat(32))
    })
  }

  it('does not keep a process alive', async () => {
    const { setTimeout: real } = globalThis
    const timers: NodeJS.Timeout[] = []
    globalThis.setTimeout = Object.assign((...given: Parameters<typeof real>): NodeJS.Timeout => {
      const timer = real(...given)
      timers.push(timer)
      return timer
    }, real)
    try {
      await cacheOf({ ttl: HOUR }).get(['a'], new Service().ask('a'))
    } finally {
      globalThis.setTimeout = real
    }
    expect(timers.map((timer) => timer.hasRef())).to.deep.equal([false])
  })

  for (const options of [{ ttl: 0 }, { uses: 0 }, { entries: 0 }, { ttl: 2 ** 31 }, { size: 5 }]) {
    it(`refuses ${JSON.stringify(options)}`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => new UnwrapCache(options))
      expect(error).to.include({ option: `cache.${Object.keys(options)[0]!}` })
    })
  }
})

import { execFile } from 'node:child_process'
import { createSecretKey, type Cipher, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { plainCtr, type CtrBackEnd } from '../../lib/crypto/ctr-keystream.js'
import { ctrThroughGcm } from '../../lib/crypto/ctr-through-gcm.js'
import { fastestCtr, race } from '../../lib/crypto/fastest-ctr.js'
import { counterModel, ctrModel } from '../support/ctr-model.js'
import { SWITCHES, type SwitchResult } from '../support/ctr-switch-process.js'
import { Seeded } from '../support/seeded.js'

const PROGRAM = fileURLToPath(new URL('../support/ctr-switch-process.ts', import.meta.url))
const WORD = 2 ** 32
const MOST_BLOCKS = WORD - 2

const random = new Seeded(401)
const KEY_BYTES = random.bytes(32)
const KEY = createSecretKey(KEY_BYTES)
const HIGH = random.bytes(12)

/** A counter block with these low 32 bits. */
function counterOf(low: number, high = HIGH): Buffer {
  const counter = Buffer.concat([high, Buffer.alloc(4)])
  counter.writeUInt32BE(low, 12)
  return counter
}

/** What a back end makes of `bytes`, as far as it may be used. */
function run(key: KeyObject, counter: Buffer, bytes: Buffer): { output: Buffer; mostBytes: number } {
  const { cipher, mostBytes } = ctrThroughGcm(key, counter)
  return { output: cipher.update(bytes.subarray(0, mostBytes)), mostBytes }
}

describe('ctrThroughGcm', () => {
  it('gives the keystream of AES-256-CTR for 200 keys and counter blocks', () => {
    for (let i = 0; i < 200; i++) {
      const [keyBytes, counter, plain] = [random.bytes(32), random.bytes(16), random.bytes(1 + i)]
      const { output } = run(createSecretKey(keyBytes), counter, plain)
      const expected = ctrModel(keyBytes, counter, plain)
      expect(output.toString('hex'), `${i}`).to.equal(expected.toString('hex'))
    }
  })

  it('gives it for 200 counter blocks under one key, whose inverse is computed once', () => {
    for (let i = 0; i < 200; i++) {
      const counter = random.bytes(16)
      const plain = random.bytes(33)
      const { output } = run(KEY, counter, plain)
      expect(output.equals(ctrModel(KEY_BYTES, counter, plain)), `${i}`).to.equal(true)
    }
  })

  it('does not take one key for another, when they come in turns', () => {
    const keys = [random.bytes(32), random.bytes(32), random.bytes(32)].map((bytes) => ({
      bytes,
      key: createSecretKey(bytes),
    }))
    for (const { bytes, key } of [...keys, ...keys.toReversed(), ...keys]) {
      const counter = random.bytes(16)
      expect(run(key, counter, HIGH).output.equals(ctrModel(bytes, counter, HIGH))).to.equal(true)
    }
  })

  for (const [name, high] of [
    ['random', HIGH],
    ['zero', Buffer.alloc(12)],
    ['all ones', Buffer.alloc(12, 0xff)],
  ] as const) {
    for (const low of [0, 1, 2, 3, WORD / 2, WORD - 100, WORD - 3, WORD - 2, WORD - 1]) {
      it(`gives it from low 32 bits ${low} on under high bits that are ${name}, up to their wrap`, () => {
        const counter = counterOf(low, high)
        const plain = random.bytes(4096)
        const { output, mostBytes } = run(KEY, counter, plain)
        expect(mostBytes).to.equal(16 * Math.min(MOST_BLOCKS, WORD - low))
        expect(output.length).to.equal(Math.min(4096, mostBytes))
        expect(output.equals(ctrModel(KEY_BYTES, counter, plain.subarray(0, mostBytes)))).to.equal(true)
      })
    }
  }

  for (const [name, keyBytes] of [
    ['zeros', Buffer.alloc(32)],
    ['ones', Buffer.alloc(32, 0xff)],
  ] as const) {
    it(`gives it under a key of ${name}, for counter blocks of zeros, of ones and of a single one`, () => {
      const key = createSecretKey(keyBytes)
      const singles = Array.from({ length: 128 }, (_, bit) => {
        const block = Buffer.alloc(16)
        block[bit >>> 3] = 0x80 >>> (bit & 7)
        return block
      })
      for (const counter of [Buffer.alloc(16), Buffer.alloc(16, 0xff), ...singles]) {
        const { output, mostBytes } = run(key, counter, Buffer.alloc(80))
        const expected = ctrModel(keyBytes, counter, Buffer.alloc(Math.min(80, mostBytes)))
        expect(output.equals(expected), counter.toString('hex')).to.equal(true)
      }
    })
  }

  it('is good for exactly as long as the low 32 bits do not wrap, and for 2^32 - 2 blocks at most', () => {
    for (const [low, blocks] of [
      [0, MOST_BLOCKS],
      [1, MOST_BLOCKS],
      [2, MOST_BLOCKS],
      [3, WORD - 3],
      [WORD - 2, 2],
      [WORD - 1, 1],
    ] as const) {
      expect(ctrThroughGcm(KEY, counterOf(low)).mostBytes, `${low}`).to.equal(16 * blocks)
    }
  })

  it('would not carry past that: the next block needs another start', () => {
    const counter = counterOf(WORD - 1)
    const { cipher } = ctrThroughGcm(KEY, counter)
    const output = cipher.update(Buffer.alloc(32))
    const expected = ctrModel(KEY_BYTES, counter, Buffer.alloc(32))
    expect(output.subarray(0, 16).equals(expected.subarray(0, 16))).to.equal(true)
    expect(output.subarray(16).equals(expected.subarray(16))).to.equal(false)
    const next = run(KEY, counterModel(counter, 1), Buffer.alloc(16))
    expect(next.output.equals(expected.subarray(16))).to.equal(true)
  })

  it('gives the same in pieces of any length', () => {
    const counter = counterOf(77)
    const plain = random.bytes(10_000)
    const { cipher } = ctrThroughGcm(KEY, counter)
    const output = Buffer.concat(random.pieces(plain, 100).map((piece) => cipher.update(piece)))
    expect(output.equals(ctrModel(KEY_BYTES, counter, plain))).to.equal(true)
  })

  it('leaves the counter block as it was', () => {
    for (const low of [0, 1, WORD - 1]) {
      const counter = counterOf(low)
      ctrThroughGcm(KEY, counter)
      expect(counter.equals(counterOf(low)), `${low}`).to.equal(true)
    }
  })
})

describe('race', () => {
  const real = performance.now.bind(performance)
  let now = 0

  beforeEach(() => {
    now = 0
    performance.now = () => now
  })
  afterEach(() => {
    performance.now = real
  })

  /** AES-256-CTR that takes so many milliseconds for a piece, by the clock of this spec. */
  const taking =
    (...costs: readonly number[]): CtrBackEnd =>
    (key, counter) => {
      const { cipher, mostBytes } = plainCtr(key, counter)
      const cost = costs[Math.min(started++, costs.length - 1)]!
      const update = (bytes: Buffer): Buffer => {
        now += cost
        return cipher.update(bytes)
      }
      return { cipher: { update } as unknown as Cipher, mostBytes }
    }
  let started = 0
  beforeEach(() => (started = 0))

  /** A quick one whose output is not always right. */
  const wrong =
    (spoil: (output: Buffer, round: number) => Buffer): CtrBackEnd =>
    (key, counter) => {
      // The champion starts one, too.
      const round = Math.floor(started++ / 2)
      const { cipher, mostBytes } = plainCtr(key, counter)
      const update = (bytes: Buffer): Buffer => spoil(cipher.update(bytes), round)
      return { cipher: { update } as unknown as Cipher, mostBytes }
    }

  const champion = taking(10)

  for (const [cost, wins] of [
    [0, true],
    [1, true],
    [7.9, true],
    [8, false],
    [9, false],
    [10, false],
    [1000, false],
  ] as const) {
    it(`${wins ? 'is won' : 'is not won'} by a challenger that takes ${cost} ms to the champion's 10`, () => {
      const challenger = taking(cost)
      expect(race(champion, challenger)).to.equal(wins ? challenger : champion)
    })
  }

  it('counts the best of all rounds of each', () => {
    const slowAtFirst = taking(100, 100, 100, 2)
    expect(race(champion, slowAtFirst)).to.equal(slowAtFirst)
    started = 0
    const challenger = taking(5)
    expect(race(taking(100, 100, 6), challenger), 'the champion in a later round').not.to.equal(challenger)
  })

  for (const [name, spoil] of [
    [
      'its last byte is another',
      (output: Buffer) => (output.writeUInt8(output.at(-1)! ^ 1, output.length - 1), output),
    ],
    ['its first byte is another', (output: Buffer) => (output.writeUInt8(output[0]! ^ 0x80), output)],
    ['it is a byte short', (output: Buffer) => output.subarray(0, -1)],
    ['it gives nothing', () => Buffer.alloc(0)],
    [
      'a byte is another in the last of 5 rounds',
      (output: Buffer, round: number) => (round === 4 ? output.fill(output[100]! ^ 1, 100, 101) : output),
    ],
  ] as const) {
    it(`is never won by a challenger that is quick and wrong: ${name}`, () => {
      expect(race(champion, wrong(spoil))).to.equal(champion)
    })
  }

  it('is never won by a challenger that throws, when it starts or when it encrypts', () => {
    const challengers: CtrBackEnd[] = [
      () => {
        throw new Error('no such cipher')
      },
      (key, counter) => {
        const { mostBytes } = plainCtr(key, counter)
        const update = (): never => {
          throw new Error('it cannot')
        }
        return { cipher: { update } as unknown as Cipher, mostBytes }
      },
    ]
    for (const challenger of challengers) expect(race(champion, challenger)).to.equal(champion)
  })

  it('gives every round another counter block, and both sides the same one', () => {
    const seen: Record<'champion' | 'challenger', string[]> = { champion: [], challenger: [] }
    const noting =
      (who: keyof typeof seen): CtrBackEnd =>
      (key, counter) => {
        seen[who].push(counter.toString('hex'))
        return plainCtr(key, counter)
      }
    race(noting('champion'), noting('challenger'))
    expect(seen.champion).to.deep.equal(seen.challenger)
    expect(new Set(seen.champion).size).to.equal(seen.champion.length)
  })
})

describe('fastestCtr', () => {
  it('is one and the same every time: plain CTR, or CTR through GCM', () => {
    const found = fastestCtr()
    expect([plainCtr, ctrThroughGcm]).to.include(found)
    expect(fastestCtr()).to.equal(found)
  })
})

describe('AesCtr, in a process whose race CTR through GCM wins', () => {
  let results: readonly SwitchResult[] = []

  before(async () => {
    const argv = ['--import', 'ts-blank-space/register', PROGRAM, '--print']
    const { stdout } = await promisify(execFile)(process.execPath, argv, {
      cwd: new URL('../..', import.meta.url),
    })
    results = JSON.parse(stdout) as SwitchResult[]
  })

  for (const [index, { title, starts }] of SWITCHES.entries()) {
    it(`gives the keystream where it ${title}`, () => {
      expect(results[index]).to.deep.equal({ isRight: true, isWhole: true, starts })
    })
  }
})

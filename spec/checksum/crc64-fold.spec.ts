/** Long inputs, which are folded, against the plain tables and the definition. */
import { expect } from 'chai'
import {
  type Crc64Folder,
  crc64Folder,
  FOLDED_UNIT,
  LEAST_FOLDED,
  makeFolder,
} from '../../lib/checksum/crc64-fold.js'
import { Crc64, crc64 } from '../../lib/checksum/crc64.js'
import { CRC64_FOLD } from '../../lib/checksum/kernel-code.js'
import { piecesOf, Seeded } from '../support/seeded.js'
import { slowCombine } from '../support/slow-crc64.js'
import { slowCrcs, through } from '../support/slow-crcs.js'
import { UNUSABLE, withWebAssembly } from '../support/without-webassembly.js'

/** The value whose register is zero: the final xor alone. */
const ZERO_REGISTER = (1n << 64n) - 1n
/** Most bytes of one call of the kernel: where another call goes on, mistakes would show. */
const WINDOW = CRC64_FOLD.mostBytes
/** As the engine's pieces. */
const MOST_FOLDED = 128 * 1024

const CONTENT = new Seeded(640).bytes(3 * MOST_FOLDED + 2 * LEAST_FOLDED)
/** The CRC of each beginning of it, up to what is folded more than twice over. */
let heads: ReadonlyMap<number, bigint>
const LONGEST_HEAD = 8192

before(() => {
  heads = slowCrcs(CONTENT, through(0, LONGEST_HEAD))
})

/** By tables alone: each piece is too short to be folded. */
function plainCrc64(bytes: Buffer, previous = 0n): bigint {
  const running = new Crc64(previous)
  for (const piece of piecesOf(bytes, LEAST_FOLDED - 1)) running.update(piece)
  return running.value
}

/** The CRC of `previous` and bytes, of which the folder takes all, in pieces. */
function foldedCrc64(folder: Crc64Folder, pieces: readonly Uint8Array[], previous = 0n): bigint {
  const state = folder.begin()
  for (const [index, piece] of pieces.entries()) {
    const register = index === 0 ? previous : ZERO_REGISTER
    const low = ~Number(BigInt.asUintN(32, register))
    const high = ~Number(BigInt.asUintN(32, register >> 32n))
    folder.fold(state, piece, low, high)
  }
  return crc64(folder.tail(state), ZERO_REGISTER)
}

/** Lengths that are folded whole. */
const whole = (lengths: readonly number[]): number[] =>
  lengths.filter((length) => length > 0 && length % FOLDED_UNIT === 0)

/** Any 64 bits. */
function randomValue(random: Seeded): bigint {
  return (BigInt(random.integer(2 ** 32)) << 32n) | BigInt(random.integer(2 ** 32))
}

/** Reaches `about` and what lies around it. */
const around = (about: number, reach: number): number[] => through(about - reach, about + reach)

describe('crc64 of long inputs', () => {
  it('runs with the folder: there is one here, the same at each call', () => {
    expect(crc64Folder()).not.to.equal(undefined)
    expect(crc64Folder()).to.equal(crc64Folder())
  })

  it('agrees with the definition for all lengths from 0 to 8192', () => {
    for (const [length, expected] of heads)
      expect(crc64(CONTENT.subarray(0, length)), `${length} bytes`).to.equal(expected)
  })

  it('agrees with the tables for other bytes at each length from 0 to 4096, and to as much past the least that is folded', () => {
    const random = new Seeded(641)
    for (const length of [...through(0, 4096), ...through(LEAST_FOLDED, LEAST_FOLDED + 4096)]) {
      const start = random.integer(CONTENT.length - length)
      const bytes = CONTENT.subarray(start, start + length)
      const previous = randomValue(random)
      expect(crc64(bytes, previous), `${length} bytes`).to.equal(plainCrc64(bytes, previous))
    }
  })

  it('agrees with the definition where one, two and three times the most that is folded end, and where a rest becomes worth folding', () => {
    const lengths = [0, 1, 2, 3].flatMap((times) =>
      [0, 1, LEAST_FOLDED / 2, LEAST_FOLDED, 2 * LEAST_FOLDED - 20].flatMap((rest) =>
        around(times * MOST_FOLDED + rest, 18).filter((length) => length >= 0),
      ),
    )
    for (const [length, expected] of slowCrcs(CONTENT, new Set(lengths)))
      expect(crc64(CONTENT.subarray(0, length)), `${length} bytes`).to.equal(expected)
  })

  it('agrees with the definition for random lengths', () => {
    const random = new Seeded(642)
    const lengths = Array.from({ length: 300 }, () => random.integer(CONTENT.length + 1))
    for (const [length, expected] of slowCrcs(CONTENT, lengths))
      expect(crc64(CONTENT.subarray(0, length)), `${length} bytes`).to.equal(expected)
  })

  for (const [title, fill] of [
    ['zeros', 0x00],
    ['ones', 0xff],
    ['0x80 bytes', 0x80],
  ] as const) {
    it(`agrees with the definition for ${title}`, () => {
      const bytes = Buffer.alloc(2 * WINDOW, fill)
      const lengths = [LEAST_FOLDED, LEAST_FOLDED + 7, WINDOW, WINDOW + LEAST_FOLDED + 1, 2 * WINDOW]
      for (const [length, expected] of slowCrcs(bytes, lengths))
        expect(crc64(bytes.subarray(0, length)), `${length} bytes`).to.equal(expected)
    })
  }

  it('changes with each single bit as it must, at 1000 random places', () => {
    const random = new Seeded(647)
    const bytes = Buffer.alloc(LEAST_FOLDED + 13)
    const untouched = crc64(bytes)
    for (let round = 0; round < 1000; round++) {
      const at = random.integer(bytes.length)
      bytes[at] = 1 << random.integer(8)
      // CRC is linear: what a bit changes depends on nothing but how many bytes follow.
      const change = plainCrc64(bytes.subarray(at, at + 1)) ^ plainCrc64(Buffer.alloc(1))
      const expected = slowCombine(change, untouched, BigInt(bytes.length - at - 1))
      expect(crc64(bytes), `byte ${at}`).to.equal(expected)
      bytes[at] = 0
    }
  })

  it('agrees at all 16 alignments of the view', () => {
    const lengths = [...around(LEAST_FOLDED, 17), ...around(WINDOW, 17), ...around(MOST_FOLDED, 17)]
    const expected = slowCrcs(CONTENT, lengths)
    for (let alignment = 0; alignment < 16; alignment++) {
      const bytes = new Uint8Array(new ArrayBuffer(MOST_FOLDED + 64), alignment, MOST_FOLDED + 17)
      bytes.set(CONTENT.subarray(0, bytes.length))
      for (const [length, value] of expected)
        expect(crc64(bytes.subarray(0, length)), `${length} bytes at ${alignment}`).to.equal(value)
    }
  })

  it('continues from a previous value at every split of 8192 bytes', () => {
    const bytes = CONTENT.subarray(0, LONGEST_HEAD)
    for (const [split, head] of heads)
      expect(crc64(bytes.subarray(split), head), `at ${split}`).to.equal(heads.get(LONGEST_HEAD))
  })

  it('continues from 500 random values', () => {
    const random = new Seeded(643)
    const lengths = Array.from({ length: 500 }, () => LEAST_FOLDED + random.integer(2 * LEAST_FOLDED))
    for (const [length, crc] of slowCrcs(CONTENT, lengths)) {
      const previous = randomValue(random)
      const expected = slowCombine(previous, crc, BigInt(length))
      expect(
        crc64(CONTENT.subarray(0, length), previous),
        `${length} bytes from ${previous.toString()}`,
      ).to.equal(expected)
    }
  })

  it('leaves its input as it was', () => {
    const bytes = Buffer.from(CONTENT)
    crc64(bytes, 0x0123456789abcdefn)
    expect(bytes.equals(CONTENT)).to.equal(true)
  })

  it('reads nothing around the view', () => {
    for (const length of [LEAST_FOLDED, LEAST_FOLDED + 5, MOST_FOLDED, MOST_FOLDED + LEAST_FOLDED]) {
      const [expected] = slowCrcs(CONTENT, [length]).values()
      for (const fill of [0x00, 0xff, 0xa5]) {
        const memory = Buffer.alloc(length + 64, fill)
        CONTENT.copy(memory, 32, 0, length)
        expect(crc64(memory.subarray(32, 32 + length)), `${length} bytes`).to.equal(expected)
      }
    }
  })

  it('takes views of a SharedArrayBuffer', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(CONTENT.length + 16))
    const lengths = [100, LEAST_FOLDED, LEAST_FOLDED + 1, WINDOW + 3, MOST_FOLDED + 5]
    const expected = slowCrcs(CONTENT, lengths)
    for (const alignment of [0, 1, 8, 15]) {
      shared.set(CONTENT, alignment)
      for (const [length, value] of expected) {
        const view = shared.subarray(alignment, alignment + length)
        expect(crc64(view), `${length} bytes at ${alignment}`).to.equal(value)
      }
    }
    expect(Buffer.from(shared.subarray(15, 15 + CONTENT.length)).equals(CONTENT)).to.equal(true)
  })
})

describe('Crc64 of long inputs', () => {
  it('gives the value of the whole for random pieces, folded or not', () => {
    const whole = plainCrc64(CONTENT)
    for (const [round, most] of [
      40,
      LEAST_FOLDED,
      3 * LEAST_FOLDED,
      MOST_FOLDED + 9,
      5 * MOST_FOLDED,
    ].entries()) {
      const running = new Crc64()
      for (const piece of new Seeded(650 + round).pieces(CONTENT, most)) running.update(piece)
      expect(running.value, `pieces of ${most} at most`).to.equal(whole)
    }
  })

  it('keeps two that take turns apart, though they share a folder', () => {
    const random = new Seeded(644)
    const halves = [CONTENT.subarray(0, 200_000), CONTENT.subarray(200_000)]
    const running = halves.map((half) => ({ crc: new Crc64(), pieces: random.pieces(half, 20_000) }))
    while (running.some(({ pieces }) => pieces.length > 0)) {
      const { crc, pieces } = running[random.integer(2)]!
      crc.update(pieces.shift() ?? Buffer.alloc(0))
    }
    expect(running.map(({ crc }) => crc.value)).to.deep.equal(halves.map((half) => plainCrc64(half)))
  })
})

describe('a folder of CRC-64', () => {
  const folder = makeFolder()!

  it('keeps the CRC at all lengths of whole vectors up to 8192, from any value', () => {
    const random = new Seeded(645)
    for (const length of whole(through(1, LONGEST_HEAD))) {
      const previous = randomValue(random)
      const expected = slowCombine(previous, heads.get(length)!, BigInt(length))
      expect(foldedCrc64(folder, [CONTENT.subarray(0, length)], previous), `${length} bytes`).to.equal(
        expected,
      )
    }
  })

  it('keeps the CRC where one call of the kernel ends and another begins', () => {
    const lengths = whole(
      [1, 2, 3, 8].flatMap((times) => around(times * WINDOW, 2 * CRC64_FOLD.historyBytes)),
    )
    for (const length of lengths) {
      const bytes = CONTENT.subarray(0, length)
      expect(foldedCrc64(folder, [bytes]), `${length} bytes`).to.equal(plainCrc64(bytes))
    }
  })

  it('goes on where it was, piece after piece, however short, while others are folded', () => {
    const random = new Seeded(646)
    for (let round = 0; round < 200; round++) {
      const runs = [0, 1, 2].map(() => {
        const length = FOLDED_UNIT * (1 + random.integer(3000))
        const start = random.integer(CONTENT.length - length)
        const bytes = CONTENT.subarray(start, start + length)
        return { bytes, state: folder.begin(), at: 0 }
      })
      const open = [...runs]
      while (open.length > 0) {
        const run = open[random.integer(open.length)]!
        const most = random.integer(3) === 0 ? 8 : 2000
        const piece = run.bytes.subarray(run.at, run.at + FOLDED_UNIT * (1 + random.integer(most)))
        const register = run.at === 0 ? -1 : 0
        folder.fold(run.state, piece, register, register)
        run.at += piece.length
        if (random.integer(8) === 0) folder.tail(run.state)
        if (run.at === run.bytes.length) open.splice(open.indexOf(run), 1)
      }
      for (const { bytes, state } of runs) {
        expect(crc64(folder.tail(state), ZERO_REGISTER), `round ${round}`).to.equal(plainCrc64(bytes))
      }
    }
  })

  it('leaves too little to be folded again', () => {
    expect(CRC64_FOLD.tailBytes).to.be.lessThan(LEAST_FOLDED)
    expect(folder.tail(folder.begin())).to.have.length(CRC64_FOLD.tailBytes)
  })

  it('leaves the piece as it was', () => {
    const piece = Buffer.from(CONTENT.subarray(0, MOST_FOLDED))
    folder.fold(folder.begin(), piece, -1, 0x7fffffff)
    expect(piece.equals(CONTENT.subarray(0, MOST_FOLDED))).to.equal(true)
  })

  it('has a memory of its own', () => {
    const [mine, other] = [makeFolder()!, makeFolder()!]
    const state = mine.begin()
    mine.fold(state, CONTENT.subarray(0, 4992), 1, 2)
    const tail = mine.tail(state)
    const copy = Buffer.from(tail)
    other.fold(other.begin(), CONTENT.subarray(4992, 14_976), 3, 4)
    expect(copy.equals(tail)).to.equal(true)
  })

  for (const [title, api] of UNUSABLE) {
    it(`is undefined where there ${title}`, () => {
      expect(withWebAssembly(api, makeFolder)).to.equal(undefined)
      // Control: here it is not.
      expect(makeFolder()).not.to.equal(undefined)
    })
  }
})

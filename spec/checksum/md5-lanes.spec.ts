/** Several MD5s at once, against those that Node.js computes one by one. */
import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { cheapestKernels, Md5Lanes, Md5Slot } from '../../lib/checksum/md5-lanes.js'
import { Seeded } from '../support/seeded.js'
import { through } from '../support/slow-crcs.js'
import { UNUSABLE, withWebAssembly } from '../support/without-webassembly.js'

const SLOTS = 24
const SLOT_BYTES = 128 * 1024
/** Lengths at which the padding, a block, a slot or two slots end. */
const EDGES = [
  ...[0, 1, 54, 55, 56, 57, 63, 64, 65, 119, 120, 121, 127, 128, 129],
  ...[1, 2].flatMap((slots) =>
    [-65, -64, -63, -9, -8, -1, 0, 1, 8, 55, 56, 63, 64, 65].map((more) => slots * SLOT_BYTES + more),
  ),
]

const CONTENT = new Seeded(50).bytes(5 * 1024 * 1024)

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex')

/** Bytes of that length, from anywhere in the content. */
function message(length: number, random: Seeded): Buffer {
  const start = random.integer(CONTENT.length - length + 1)
  return CONTENT.subarray(start, start + length)
}

interface Run {
  readonly slot: Md5Slot
  rest: Buffer
  digest?: string
}

/** Hashes messages in slots of their own: pieces, turns, and who is run along with whom are random. */
function hashAll(lanes: Md5Lanes, messages: readonly Buffer[], random: Seeded, most: number): string[] {
  const runs = messages.map((rest): Run => ({ slot: lanes.open()!, rest }))
  const open = [...runs]
  while (open.length > 0) {
    const at = random.integer(open.length)
    const run = open[at]!
    const piece = run.rest.subarray(0, random.integer(most + 1))
    run.rest = run.rest.subarray(run.slot.put(piece))
    const isDone = run.rest.length === 0
    if (run.slot.isFull || isDone || random.integer(4) === 0) {
      // Few of the others, or all of them.
      const share = random.integer(5)
      const others = open.filter((other) => other !== run && random.integer(4) < share)
      lanes.run([...others, run].map(({ slot }) => slot))
    }
    if (!isDone) continue
    run.digest = lanes.digest(run.slot)
    lanes.close(run.slot)
    open.splice(at, 1)
  }
  return runs.map(({ digest }) => digest!)
}

describe('Md5Lanes', () => {
  const lanes = Md5Lanes.load()!

  it('gives the MD5 of nothing', () => {
    const slot = lanes.open()!
    expect(lanes.digest(slot)).to.equal('d41d8cd98f00b204e9800998ecf8427e')
    lanes.close(slot)
  })

  // RFC 1321, A.5.
  for (const [text, expected] of [
    ['a', '0cc175b9c0f1b6a831c399e269772661'],
    ['abc', '900150983cd24fb0d6963f7d28e17f72'],
    ['message digest', 'f96b697d7cb7938d525a2f31aaf161d0'],
    ['abcdefghijklmnopqrstuvwxyz', 'c3fcd3d76192e4007dfb496cca67e13b'],
    [
      '12345678901234567890123456789012345678901234567890123456789012345678901234567890',
      '57edf4a22be3c955ac49da2e2107b67a',
    ],
  ] as const) {
    it(`gives ${expected} for ${text}`, () => {
      const slot = lanes.open()!
      slot.put(Buffer.from(text))
      lanes.run([slot])
      expect(lanes.digest(slot)).to.equal(expected)
      lanes.close(slot)
    })
  }

  it(`agrees for all lengths from 0 to 4096, ${SLOTS} messages at a time in random pieces`, () => {
    const random = new Seeded(51)
    const lengths = through(0, 4096)
    while (lengths.length > 0) {
      // Short ones beside long ones.
      const batch = Array.from({ length: Math.min(SLOTS, lengths.length) }, () =>
        message(lengths.splice(random.integer(lengths.length), 1)[0]!, random),
      )
      const expected = batch.map(md5)
      const title = batch.map(({ length }) => length).join(', ')
      expect(hashAll(lanes, batch, random, 1500), title).to.deep.equal(expected)
    }
  })

  it('agrees where padding, blocks and slots end, by one to 24 messages at once', () => {
    const random = new Seeded(52)
    const lengths = [...EDGES]
    for (let count = 1; count <= SLOTS; count++) {
      const batch = Array.from({ length: count }, (_, index) =>
        message(lengths[(count * 5 + index) % lengths.length]!, random),
      )
      const title = `${count}: ${batch.map(({ length }) => length).join(', ')}`
      expect(hashAll(lanes, batch, random, SLOT_BYTES + 100), title).to.deep.equal(batch.map(md5))
    }
  })

  for (const length of EDGES) {
    it(`agrees for ${length} bytes that come as one piece`, () => {
      const bytes = message(length, new Seeded(length))
      const slot = lanes.open()!
      for (let at = 0; at < length;) {
        at += slot.put(bytes.subarray(at))
        lanes.run([slot])
      }
      expect(lanes.digest(slot)).to.equal(md5(bytes))
      lanes.close(slot)
    })
  }

  it('agrees for equal lengths in every number of lanes, each of which has its own bytes', () => {
    const random = new Seeded(53)
    for (let count = 1; count <= SLOTS; count++) {
      const batch = Array.from({ length: count }, () => message(10_000 + count, random))
      expect(hashAll(lanes, batch, random, 20_000), `${count}`).to.deep.equal(batch.map(md5))
    }
  })

  it('agrees for up to 5 MiB, for one message that goes on alone at the end, too', () => {
    const random = new Seeded(54)
    const lengths = [CONTENT.length, 3_000_001, 1_048_576, 1_000_000, ...EDGES.slice(0, 12)]
    const batch = lengths.map((length) => message(length, random))
    expect(hashAll(lanes, batch, random, 300_000)).to.deep.equal(batch.map(md5))
  })

  it('takes in different numbers of blocks at once', () => {
    const random = new Seeded(55)
    for (let count = 1; count <= SLOTS; count++) {
      const batch = Array.from({ length: count }, () => message(random.integer(SLOT_BYTES + 1), random))
      const slots = batch.map((bytes) => {
        const slot = lanes.open()!
        slot.put(bytes)
        return slot
      })
      lanes.run(slots)
      expect(slots.map(({ blocks }) => blocks)).to.deep.equal(slots.map(() => 0))
      expect(
        slots.map((slot) => lanes.digest(slot)),
        `${count}`,
      ).to.deep.equal(batch.map(md5))
      for (const slot of slots) lanes.close(slot)
    }
  })

  it('leaves what it is given as it was', () => {
    const bytes = Buffer.from(CONTENT.subarray(0, 200_000))
    hashAll(lanes, [bytes, bytes, bytes], new Seeded(56), 50_000)
    expect(bytes.equals(CONTENT.subarray(0, 200_000))).to.equal(true)
  })

  it('takes views of a SharedArrayBuffer, and keeps what it took when they change', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(1000))
    shared.set(CONTENT.subarray(0, 1000))
    const slot = lanes.open()!
    slot.put(shared)
    shared.fill(0)
    lanes.run([slot])
    expect(lanes.digest(slot)).to.equal(md5(CONTENT.subarray(0, 1000)))
    lanes.close(slot)
  })

  it('runs no slots without complaint, and slots in which there is no block', () => {
    const slot = lanes.open()!
    slot.put(CONTENT.subarray(0, 63))
    lanes.run([])
    lanes.run([slot])
    slot.put(CONTENT.subarray(63, 64))
    lanes.run([slot])
    lanes.run([slot])
    expect(lanes.digest(slot)).to.equal(md5(CONTENT.subarray(0, 64)))
    lanes.close(slot)
  })

  it(`has room for ${SLOTS} messages, and for another as soon as one is closed`, () => {
    const slots = Array.from({ length: SLOTS }, () => lanes.open()!)
    expect(new Set(slots.map(({ index }) => index)).size).to.equal(SLOTS)
    expect(lanes.open()).to.equal(undefined)
    slots.forEach((slot, index) => slot.put(CONTENT.subarray(index, 2 * SLOT_BYTES)))
    lanes.close(slots[7]!)
    const late = lanes.open()!
    expect(lanes.open()).to.equal(undefined)
    late.put(CONTENT.subarray(99, 300))
    slots[7] = late
    lanes.run(slots)
    const expected = slots.map((slot, index) =>
      md5(slot === late ? CONTENT.subarray(99, 300) : CONTENT.subarray(index, index + SLOT_BYTES)),
    )
    expect(slots.map((slot) => lanes.digest(slot))).to.deep.equal(expected)
    for (const slot of slots) lanes.close(slot)
  })

  it('keeps two sets of lanes apart', () => {
    const other = Md5Lanes.load()!
    const slots = [lanes.open()!, other.open()!]
    slots[0]!.put(CONTENT.subarray(0, 5000))
    slots[1]!.put(CONTENT.subarray(5000, 11_000))
    other.run([slots[1]!])
    lanes.run([slots[0]!])
    expect(other.digest(slots[1]!)).to.equal(md5(CONTENT.subarray(5000, 11_000)))
    expect(lanes.digest(slots[0]!)).to.equal(md5(CONTENT.subarray(0, 5000)))
    lanes.close(slots[0]!)
  })

  for (const [title, api] of UNUSABLE) {
    it(`is undefined where there ${title}`, () => {
      expect(withWebAssembly(api, () => Md5Lanes.load())).to.equal(undefined)
      // Control: here it is not.
      expect(Md5Lanes.load()).to.not.equal(undefined)
    })
  }
})

describe('Md5Slot', () => {
  const ROOM = SLOT_BYTES + 3 * 64
  const ZEROS = Buffer.alloc(SLOT_BYTES)

  /** Has it count so many zeros more, without hashing them. */
  function skip(slot: Md5Slot, length: number): void {
    for (let left = length; left > 0;) {
      left -= slot.put(ZEROS.subarray(0, left))
      if (left > 0) slot.drop(slot.blocks)
    }
  }

  it('takes 128 KiB, then nothing until blocks are dropped', () => {
    const slot = new Md5Slot(0, new Uint8Array(ROOM))
    expect([slot.isFull, slot.blocks, slot.put(ZEROS.subarray(0, 100))]).to.deep.equal([false, 0, 100])
    expect([slot.isFull, slot.blocks]).to.deep.equal([false, 1])
    expect(slot.put(ZEROS)).to.equal(SLOT_BYTES - 100)
    expect([slot.isFull, slot.blocks, slot.put(ZEROS)]).to.deep.equal([true, 2048, 0])
    slot.drop(2)
    expect([slot.isFull, slot.blocks, slot.put(ZEROS)]).to.deep.equal([false, 2046, 128])
  })

  for (const [title, length, low, high] of [
    ['0', 0, 0, 0],
    ['2^29 - 1', 2 ** 29 - 1, 2 ** 32 - 8, 0],
    ['2^29', 2 ** 29, 0, 1],
    ['3 * 2^29 + 77', 3 * 2 ** 29 + 77, 616, 3],
  ] as const) {
    it(`ends a message of ${title} bytes with its length in bits: ${high} and ${low}`, () => {
      const memory = new Uint8Array(ROOM)
      const slot = new Md5Slot(0, memory)
      skip(slot, length)
      slot.drop(slot.blocks)
      slot.pad()
      const end = slot.blocks * 64
      expect(end).to.equal(length % 64 < 56 ? 64 : 128)
      const view = new DataView(memory.buffer)
      expect([view.getUint32(end - 8, true), view.getUint32(end - 4, true)]).to.deep.equal([low, high])
    })
  }

  // The state after the whole blocks, so that they need not be hashed here; that it is right, the MD5 shows: it is what
  // `head -c 1610612813 /dev/zero | md5sum` prints.
  for (const [length, rest, state, expected] of [
    [2 ** 29, 5, [-264211064, -1372255004, 1993860534, 371049071], '53f83c490b7435d7e205466bfd984882'],
    [3 * 2 ** 29, 77, [419861620, 741622650, -1025309609, -1311914124], '7091a1210580ca27d82c1a94ba8b4b25'],
  ] as const) {
    it(`has the MD5 of ${length + rest} zeros, whose length in bits takes more than 32`, () => {
      const lanes = Md5Lanes.load()!
      const slot = lanes.open()!
      skip(slot, length)
      slot.drop(slot.blocks)
      slot.words.set(state)
      slot.put(ZEROS.subarray(0, rest))
      lanes.run([slot])
      expect(lanes.digest(slot)).to.equal(expected)
    })
  }
})

describe('cheapestKernels', () => {
  const lanesOf = (messages: number, costs: Record<number, number>): number[] =>
    cheapestKernels(
      messages,
      Object.entries(costs).map(([lanes, cost]) => ({ lanes: Number(lanes), cost })),
    ).map(({ lanes }) => lanes)

  it('is one kernel for all where lanes cost little, and several where more of them cost more than their share', () => {
    const [wide, narrow] = [
      { 4: 1, 8: 1.1, 12: 1.2 },
      { 4: 1, 8: 1.4, 12: 3 },
    ]
    expect([1, 4, 5, 8, 9, 12].map((messages) => lanesOf(messages, wide))).to.deep.equal(
      [4, 4, 8, 8, 12, 12].map((lanes) => [lanes]),
    )
    expect(lanesOf(12, narrow).sort()).to.deep.equal([4, 8])
    expect(lanesOf(9, narrow).sort()).to.deep.equal([4, 8])
    expect(lanesOf(24, narrow)).to.deep.equal([8, 8, 8])
  })

  it('is the one that fits where the widest is not needed, whatever it seems to cost', () => {
    const costs = { 4: 9, 8: 9, 12: 1 }
    expect([0, 1, 4, 5, 8].map((messages) => lanesOf(messages, costs))).to.deep.equal([
      [],
      [4],
      [4],
      [8],
      [8],
    ])
  })

  it('has room for every message, and is cheaper than any other choice where there is one', () => {
    const random = new Seeded(51)
    for (let round = 0; round < 200; round++) {
      const costs = { 4: 1 + random.integer(9), 8: 1 + random.integer(9), 12: 1 + random.integer(9) }
      const messages = 9 + random.integer(SLOTS - 8)
      const chosen = lanesOf(messages, costs)
      const sum = (of: (lanes: 4 | 8 | 12) => number): number =>
        chosen.reduce((all, lanes) => all + of(lanes as 4 | 8 | 12), 0)
      expect(sum((lanes) => lanes)).to.be.at.least(messages)
      for (let fours = 0; fours <= 6; fours++) {
        for (let eights = 0; eights <= 3; eights++) {
          for (let twelves = 0; twelves <= 2; twelves++) {
            if (4 * fours + 8 * eights + 12 * twelves < messages) continue
            const other = fours * costs[4] + eights * costs[8] + twelves * costs[12]
            expect(sum((lanes) => costs[lanes])).to.be.at.most(other)
          }
        }
      }
    }
  })
})

/** MD5s that wait for one another: right whoever comes, stays away or leaves, and nobody waits for ever. */
import { createHash } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import { openMd5, prepareMd5, type RunningMd5 } from '../../lib/checksum/md5-group.js'
import { eventually } from '../support/eventually.js'
import { Seeded } from '../support/seeded.js'

const SLOTS = 24
const SLOT_BYTES = 128 * 1024
const CONTENT = new Seeded(60).bytes(2 * 1024 * 1024)

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex')

/** Bytes of that length, from anywhere in the content. */
function message(length: number, random: Seeded): Buffer {
  const start = random.integer(CONTENT.length - length + 1)
  return CONTENT.subarray(start, start + length)
}

/** Feeds a message in random pieces from one buffer, which is used again, and now and then keeps the others waiting. */
async function feed(running: RunningMd5, bytes: Buffer, random: Seeded, most = 300_000): Promise<string> {
  const buffer = Buffer.alloc(most)
  for (const piece of random.pieces(bytes, most)) {
    piece.copy(buffer)
    await running.update(buffer.subarray(0, piece.length))
    buffer.fill(0xee)
    if (random.integer(8) === 0) await turn()
  }
  return running.digest()
}

/** Feeds messages side by side, and closes each when it is done. */
function feedAll(
  members: readonly RunningMd5[],
  messages: readonly Buffer[],
  seed: number,
): Promise<string[]> {
  return Promise.all(
    members.map(async (member, index) => {
      const digest = await feed(member, messages[index]!, new Seeded(seed + index))
      member.close()
      return digest
    }),
  )
}

const openMany = (count: number): RunningMd5[] => Array.from({ length: count }, () => openMd5(count))

/** Whether it hashes by itself: its update is over at once. */
const isAlone = (member: RunningMd5): boolean => member.update(Buffer.alloc(0)) === undefined

/** Runs while the time that lib waits for never comes: `expire` makes it come. */
async function withoutTime(run: (expire: () => void) => Promise<void>): Promise<void> {
  const real = globalThis.setTimeout
  const armed: (() => void)[] = []
  const stub = (callback: () => void): NodeJS.Timeout => {
    armed.push(callback)
    return real(() => undefined, 0)
  }
  globalThis.setTimeout = stub as typeof setTimeout
  try {
    await run(() => armed.splice(0).forEach((callback) => callback()))
  } finally {
    globalThis.setTimeout = real
  }
}

describe('openMd5', () => {
  for (const peers of [0, 1, 2]) {
    it(`hashes by itself for ${peers} messages`, () => {
      const running = openMd5(peers)
      expect(running.update(CONTENT.subarray(0, 1000))).to.equal(undefined)
      expect(running.update(CONTENT.subarray(1000, 300_000))).to.equal(undefined)
      expect(running.digest()).to.equal(md5(CONTENT.subarray(0, 300_000)))
      running.close()
      running.close()
    })
  }

  it('gives the MD5 of nothing, with and without an empty update', async () => {
    const members = openMany(3)
    await members[0]!.update(Buffer.alloc(0))
    for (const member of members) {
      expect(await member.digest()).to.equal('d41d8cd98f00b204e9800998ecf8427e')
      member.close()
    }
  })

  it('gives the right values for 3 to 24 messages of 0 to 400,000 bytes in random pieces', async () => {
    const random = new Seeded(61)
    for (let count = 3; count <= SLOTS; count++) {
      const messages = Array.from({ length: count }, () => message(random.integer(400_001), random))
      const title = `${count}: ${messages.map(({ length }) => length).join(', ')}`
      const digests = await feedAll(openMany(count), messages, 1000 * count)
      expect(digests, title).to.deep.equal(messages.map(md5))
    }
  })

  it('gives the right values where padding, blocks and slots end', async () => {
    const random = new Seeded(62)
    const edges = [0, 64, 128, SLOT_BYTES, 2 * SLOT_BYTES]
    const lengths = edges
      .flatMap((edge) => [-65, -64, -63, -9, -8, -1, 0, 1, 55, 56, 57, 63].map((more) => edge + more))
      .filter((length) => length >= 0)
    while (lengths.length > 0) {
      const messages = lengths.splice(0, 12).map((length) => message(length, random))
      const title = messages.map(({ length }) => length).join(', ')
      const digests = await feedAll(openMany(messages.length), messages, 2000)
      expect(digests, title).to.deep.equal(messages.map(md5))
    }
  })

  it('goes on with the one that is left when the others have ended', async () => {
    const messages = [CONTENT, ...[0, 70, 5000, 140_000].map((length) => CONTENT.subarray(3, 3 + length))]
    expect(await feedAll(openMany(5), messages, 3000)).to.deep.equal(messages.map(md5))
  })

  it(`hashes by itself what is opened when ${SLOTS} are under way, until one is closed`, async () => {
    const random = new Seeded(63)
    const members = openMany(SLOTS)
    const [late, later] = [openMd5(SLOTS), openMd5(SLOTS)]
    expect(members.map(isAlone)).to.deep.equal(members.map(() => false))
    expect([late, later].map(isAlone)).to.deep.equal([true, true])
    // Those without a slot take none with them when they close.
    later.close()
    const another = openMd5(SLOTS)
    expect(isAlone(another)).to.equal(true)
    another.close()

    const messages = Array.from({ length: SLOTS + 1 }, () => message(random.integer(300_000), random))
    const digests = await feedAll([...members, late], messages, 4000)
    expect(digests).to.deep.equal(messages.map(md5))
    const again = openMd5(SLOTS)
    expect(isAlone(again)).to.equal(false)
    again.close()
  })

  it('gives a slot back once, however often an MD5 is closed', async () => {
    const random = new Seeded(64)
    const closed = openMd5(3)
    for (let time = 0; time < 3; time++) closed.close()
    const members = openMany(SLOTS)
    const beyond = openMd5(SLOTS)
    expect(isAlone(beyond)).to.equal(true)
    // What has been closed long ago takes nobody's place.
    closed.close()
    const messages = members.map(() => message(random.integer(200_000), random))
    expect(await feedAll(members, messages, 5000)).to.deep.equal(messages.map(md5))
    beyond.close()
  })

  it('has members of which all come wait for no time', async () => {
    const random = new Seeded(65)
    const messages = Array.from({ length: 5 }, () => message(700_000, random))
    await withoutTime(async () => {
      const members = openMany(5)
      const digests = await feedAll(members, messages, 6000)
      expect(digests).to.deep.equal(messages.map(md5))
    })
  })

  it('has those who wait go on without a member that never comes', async () => {
    const random = new Seeded(66)
    const absent = openMd5(4)
    const messages = Array.from({ length: 3 }, () => message(300_000 + random.integer(100_000), random))
    const digests = await feedAll([openMd5(4), openMd5(4), openMd5(4)], messages, 7000)
    expect(digests).to.deep.equal(messages.map(md5))
    expect(await feed(absent, CONTENT, random)).to.equal(md5(CONTENT))
    absent.close()
  })

  it('has nobody taken in before the absent come or the time is over, and everybody then', async () => {
    await withoutTime(async (expire) => {
      const [a, b, absent] = [openMd5(3), openMd5(3), openMd5(3)]
      const messages = [CONTENT.subarray(0, SLOT_BYTES + 7), CONTENT.subarray(9, SLOT_BYTES + 9)]
      const done: string[] = []
      const updates = [a, b].map((member, index) =>
        Promise.resolve(member.update(messages[index]!)).then(() => done.push(`${index}`)),
      )
      await turn()
      expect(done).to.deep.equal([])
      expire()
      await Promise.all(updates)
      absent.close()
      const digests = await Promise.all([a.digest(), b.digest()])
      expect(digests).to.deep.equal(messages.map(md5))
      a.close()
      b.close()
    })
  })

  it('has those who wait go on at once when the one they wait for is closed', async () => {
    await withoutTime(async () => {
      const members = openMany(4)
      const absent = members.pop()!
      const messages = members.map((_, index) => CONTENT.subarray(index, 400_000))
      const digests = members.map((member, index) => feed(member, messages[index]!, new Seeded(index)))
      await turn()
      absent.close()
      for (const [index, digest] of digests.entries()) {
        expect(await digest).to.equal(md5(messages[index]!))
        members[index]!.close()
      }
    })
  })

  it('counts nobody who was closed while waiting among those who have come', async () => {
    await withoutTime(async () => {
      const [closed, b, c] = openMany(3)
      const bytes = CONTENT.subarray(0, SLOT_BYTES)
      Promise.resolve(closed!.update(bytes)).catch(() => undefined)
      closed!.close()
      const done: string[] = []
      const first = Promise.resolve(b!.update(bytes)).then(() => done.push('b'))
      await turn()
      expect(done).to.deep.equal([])
      await Promise.all([first, c!.update(bytes)])
      b!.close()
      c!.close()
    })
  })

  it('gives the others right values when some are closed at random moments', async () => {
    const random = new Seeded(67)
    for (let round = 0; round < 12; round++) {
      const members = openMany(3 + random.integer(SLOTS - 2))
      const messages = members.map(() => message(random.integer(400_000), random))
      const left = members.filter((_, index) => {
        if (random.integer(3) > 0) return true
        const after = random.integer(6)
        const running = feed(members[index]!, messages[index]!, new Seeded(index))
        // What becomes of its own value is another test's matter.
        running.catch(() => undefined)
        void (async () => {
          for (let time = 0; time < after; time++) await turn()
          members[index]!.close()
        })()
        return false
      })
      const expected = left.map((member) => md5(messages[members.indexOf(member)]!))
      const bytes = left.map((member) => messages[members.indexOf(member)]!)
      expect(await feedAll(left, bytes, 100 * round), `round ${round}`).to.deep.equal(expected)
      await eventually(() => {
        const next = openMany(SLOTS)
        const isFree = next.every((member) => !isAlone(member))
        for (const member of next) member.close()
        return isFree
      })
    }
  })

  it('lets nobody hang who is closed while waiting', async () => {
    const members = openMany(3)
    const settled: string[] = []
    const note = (): void => void settled.push('update')
    Promise.resolve(members[0]!.update(CONTENT.subarray(0, 300_000))).then(note, note)
    await turn()
    members[0]!.close()
    try {
      await eventually(() => expect(settled).to.deep.equal(['update']), 1000)
    } finally {
      for (const member of members) member.close()
    }
  })

  it('keeps what is opened right after others were closed apart from what they were still given', async () => {
    const long = CONTENT.subarray(0, 300_000)
    const closed = openMany(3)
    // The last to come has all of them taken in; before they can go on, they are closed.
    for (const member of closed) Promise.resolve(member.update(long)).catch(() => undefined)
    for (const member of closed) member.close()
    const members = openMany(3)
    const messages = members.map((_, index) => CONTENT.subarray(1000 + index, 200_000 + index))
    const digests = members.map(async (member, index) => {
      const bytes = messages[index]!
      // Put into the slot before anything else comes to run.
      const first = member.update(bytes.subarray(0, 5000))
      await first
      await turn()
      await member.update(bytes.subarray(5000))
      return member.digest()
    })
    try {
      expect(await Promise.all(digests)).to.deep.equal(messages.map(md5))
    } finally {
      for (const member of members) member.close()
    }
  })
})

describe('prepareMd5', () => {
  it('changes no MD5, whether lanes will be used or not', async () => {
    const bytes = Buffer.alloc(1000, 7)
    for (const peers of [1, 3]) {
      prepareMd5(peers)
      const running = openMd5(peers)
      await running.update(bytes)
      expect(await running.digest()).to.equal(createHash('md5').update(bytes).digest('hex'))
      running.close()
    }
  })
})

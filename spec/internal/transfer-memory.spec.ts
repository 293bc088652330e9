import { expect } from 'chai'
import { HeldMemory, noticeGarbage, ownMemory } from '../../lib/internal/transfer-memory.js'
import { refused } from '../support/refused.js'

const MIB = 2 ** 20

describe('HeldMemory', () => {
  it('is all of a SharedArrayBuffer, of the length', () => {
    const held = new HeldMemory()
    const memory = held.take(100_000)
    expect([memory.length, memory.byteOffset, memory.buffer.byteLength]).to.deep.equal([100_000, 0, 100_000])
    expect(memory.buffer).to.be.instanceOf(SharedArrayBuffer)
    expect(held.take(100_000).buffer).not.to.equal(memory.buffer)
    held.drop()
  })

  it('is what another left, where that is large enough, once', () => {
    const [first, second] = [new HeldMemory(), new HeldMemory()]
    const left = first.take(200_000)
    first.leave()
    expect(second.take(150_000).buffer).to.equal(left.buffer)
    expect(second.take(150_000).buffer).not.to.equal(left.buffer)
    second.drop()
  })

  it('is not what another gave up', () => {
    const [first, second] = [new HeldMemory(), new HeldMemory()]
    const dropped = first.take(400_000)
    first.drop()
    first.leave()
    expect(second.take(400_000).buffer).not.to.equal(dropped.buffer)
    second.drop()
  })

  it('is kept no longer when it is too small, or much too large, for what comes next', () => {
    for (const next of [300_001, 149_999]) {
      const [first, second] = [new HeldMemory(), new HeldMemory()]
      const left = first.take(300_000)
      first.leave()
      expect(second.take(next).buffer).not.to.equal(left.buffer)
      expect(second.take(300_000).buffer).not.to.equal(left.buffer)
      second.drop()
    }
  })

  it('is what was left last, so that what is not needed goes', () => {
    const [first, second] = [new HeldMemory(), new HeldMemory()]
    const [, left] = [first.take(500_000), first.take(500_000)]
    first.leave()
    for (let round = 0; round < 3; round++) {
      expect(second.take(500_000).buffer).to.equal(left.buffer)
      second.leave()
    }
  })

  it('is refused with what can be done about it, where there is none', async () => {
    const error = await refused('SEALSTREAM_MEMORY', () => new HeldMemory().take(2 ** 53 - 1))
    expect(error.message).to.contain(String(2 ** 53 - 1))
    expect(error.hint).to.contain('PartSize')
    expect(error.cause).to.be.instanceOf(RangeError)
    await refused('SEALSTREAM_MEMORY', () => ownMemory(2 ** 53 - 1))
  })

  it('is freed when transfer after transfer gives up little of it, and leaves none', async () => {
    let most = 0
    for (let round = 0; round < 160; round++) {
      const held = new HeldMemory()
      // Touched, or it would need no memory.
      for (let part = 0; part < 8; part++) held.take(MIB).fill(1)
      held.drop()
      if (round % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 10))
      most = Math.max(most, process.memoryUsage.rss())
    }
    // 1.25 GiB were given up.
    expect(most).to.be.below(900 * MIB)
  })
})

describe('noticeGarbage', () => {
  it('has V8 free shared memory that was given up, which piles up otherwise', async () => {
    let most = 0
    for (let round = 0; round < 24; round++) {
      // Touched, or it would need no memory.
      for (let part = 0; part < 8; part++) Buffer.from(new SharedArrayBuffer(8 * MIB)).fill(1)
      noticeGarbage()
      await new Promise((resolve) => setTimeout(resolve, 10))
      most = Math.max(most, process.memoryUsage.rss())
    }
    // 1.5 GiB were given up.
    expect(most).to.be.below(1024 * MIB)
  })
})

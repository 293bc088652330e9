import { expect } from 'chai'
import { keepShared, noticeGarbage, sharedMemory } from '../../lib/internal/shared-memory.js'

describe('sharedMemory', () => {
  it('is all of a SharedArrayBuffer, of exactly the length, and what was kept before', () => {
    const first = sharedMemory(1000)
    expect([first.length, first.byteOffset, first.buffer.byteLength]).to.deep.equal([1000, 0, 1000])
    expect(first.buffer).to.be.instanceOf(SharedArrayBuffer)
    const second = sharedMemory(1000)
    expect(second.buffer).not.to.equal(first.buffer)
    keepShared(first)
    expect(sharedMemory(1001).buffer).not.to.equal(first.buffer)
    expect(sharedMemory(1000).buffer).to.equal(first.buffer)
    expect(sharedMemory(1000).buffer).not.to.equal(first.buffer)
  })
})

describe('noticeGarbage', () => {
  it('has V8 free shared memory that was given up, which piles up otherwise', async () => {
    const MIB = 2 ** 20
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

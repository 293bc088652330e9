import { expect } from 'chai'
import { keepShared, noticeGarbage, sharedMemory } from '../../lib/internal/shared-memory.js'

describe('sharedMemory', () => {
  it('is all of a SharedArrayBuffer, of the length', () => {
    const memory = sharedMemory(100_000)
    expect([memory.length, memory.byteOffset, memory.buffer.byteLength]).to.deep.equal([100_000, 0, 100_000])
    expect(memory.buffer).to.be.instanceOf(SharedArrayBuffer)
    expect(sharedMemory(100_000).buffer).not.to.equal(memory.buffer)
  })

  it('is what was kept, where that is large enough, once', () => {
    const kept = sharedMemory(200_000)
    keepShared(kept)
    expect(sharedMemory(150_000).buffer).to.equal(kept.buffer)
    expect(sharedMemory(150_000).buffer).not.to.equal(kept.buffer)
  })

  it('is kept no longer when it is too small for what comes next', () => {
    const kept = sharedMemory(300_000)
    keepShared(kept)
    expect(sharedMemory(300_001).buffer).not.to.equal(kept.buffer)
    expect(sharedMemory(300_000).buffer).not.to.equal(kept.buffer)
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

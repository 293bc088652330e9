import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { useChunks } from '../../lib/internal/use-chunks.js'
import { deferred } from '../../lib/internal/deferred.js'

/** A stream that is pushed to. */
const pushed = (): Readable => new Readable({ read: () => undefined })

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await setImmediate()
}

describe('useChunks', () => {
  it('has each chunk used as it came, one after another', async () => {
    const chunks = [1, 2, 3, 4].map((byte) => Buffer.alloc(1000, byte))
    const used: Buffer[] = []
    let running = 0
    const stream = pushed()
    for (const chunk of [...chunks, null]) stream.push(chunk)
    await useChunks(stream, async (chunk) => {
      expect((running += 1)).to.equal(1)
      await setImmediate()
      used.push(chunk)
      running -= 1
    })
    expect(used.every((chunk, index) => chunk === chunks[index])).to.equal(true)
    expect(used.length).to.equal(4)
  })

  it('fails as the stream does, but not while a chunk is being used', async () => {
    const stream = pushed()
    const use = deferred<undefined>()
    let isOver = false
    const using = useChunks(stream, () => use.promise)
      .catch((error: unknown) => error)
      .finally(() => (isOver = true))
    stream.push(Buffer.alloc(10))
    await turns(3)
    const failure = new Error('the line is cut')
    stream.destroy(failure)
    await turns(5)
    expect(isOver).to.equal(false)
    use.resolve(undefined)
    expect(await using).to.equal(failure)
  })

  it('fails as what uses the chunks does, and ends the stream', async () => {
    const stream = pushed()
    stream.push(Buffer.alloc(10))
    const failure = new Error('the disk is full')
    const error: unknown = await useChunks(stream, () => Promise.reject(failure)).catch(
      (reason: unknown) => reason,
    )
    expect(error).to.equal(failure)
    expect(stream.destroyed).to.equal(true)
  })
})

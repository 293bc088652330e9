import { Readable } from 'node:stream'
import { expect } from 'chai'
import { SealstreamError } from '../../lib/errors.js'
import { transferBench } from '../support/transfers.js'

/** So much that others have their turn while it is being encrypted. */
const CHUNK = Buffer.alloc(48 * 1024 * 1024, 5)

describe('upload of a stream that gives one huge chunk', () => {
  const bench = transferBench()

  for (const turns of [1, 2, 3, 5, 8, 13]) {
    it(`is SEALSTREAM_ABORTED, with the reason, when it is aborted after ${turns} turns of the event loop`, async () => {
      const controller = new AbortController()
      const reason = new Error('enough')
      let left = turns
      const count = (): void => {
        left -= 1
        if (left === 0) controller.abort(reason)
        else setImmediate(count)
      }
      const source = Readable.from(
        (function* () {
          setImmediate(count)
          yield CHUNK
        })(),
      )
      const error = await bench
        .encrypting()
        .upload({ Key: 'k', Body: source, PartSize: 16 * 1024 * 1024, signal: controller.signal })
        .catch((failure: unknown) => failure)
      expect(error).to.be.instanceOf(SealstreamError)
      expect((error as SealstreamError).code).to.equal('SEALSTREAM_ABORTED')
      expect((error as SealstreamError).cause).to.equal(reason)
    })
  }
})

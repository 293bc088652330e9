/** Options, destruction and abort of the streams of the formats besides CTR; cipher-stream.spec.ts has those of CTR. */
import { expect } from 'chai'
import type { Transform } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { inspect } from 'node:util'
import { DataKey } from '../../lib/crypto/data-key.js'
import type { StreamOptions } from '../../lib/stream/byte-transform.js'
import { decryptStream, encryptStream } from '../../lib/stream/cipher-stream.js'
import {
  ABORT_CODES,
  closed,
  cut,
  failure,
  leaveEarly,
  pulledBytes,
  record,
  refusal,
  run,
  seededBytes,
  Sink,
  sourceOf,
  spyOnCiphers,
} from './helpers.js'

const CHUNK = 16384
const MIB = 1024 * 1024
const DISPOSED = 'SEALSTREAM_DATA_KEY_DISPOSED'

const key = seededBytes(51, 32)
const plain = seededBytes(52, 5 * CHUNK)
const sealedKey = (): DataKey => DataKey.from({ format: 'sealed', key, iv: seededBytes(53, 24) })
const gcmKey = (): DataKey => DataKey.from({ format: 'cos-java-gcm', key, iv: seededBytes(53, 12) })
const cbcKey = (): DataKey => DataKey.from({ format: 'cos-java-cbc', key, iv: seededBytes(53, 16) })

describe('the options of encryptStream and decryptStream', () => {
  for (const name of ['begin', 'end', 'head', 'releaseUnverified', 'context', 'chunkSize']) {
    it(`of encryptStream do not know ${name}`, () => {
      const error = refusal(() => encryptStream(sealedKey(), { [name]: undefined }))
      expect([error.code, error.option]).to.deep.equal(['SEALSTREAM_OPTION', `options.${name}`])
      for (const known of ['start', 'sameBytes', 'final', 'highWaterMark', 'signal']) {
        expect(error.hint).to.include(known)
      }
    })
  }

  for (const name of ['final', 'sameBytes', 'length', 'context']) {
    it(`of decryptStream do not know ${name}`, () => {
      const error = refusal(() => decryptStream(sealedKey(), { [name]: undefined }))
      expect([error.code, error.option]).to.deep.equal(['SEALSTREAM_OPTION', `options.${name}`])
      for (const known of ['start', 'end', 'head', 'releaseUnverified', 'mostHeld']) {
        expect(error.hint).to.include(known)
      }
    })
  }

  for (const start of [1, 16, CHUNK - 16, CHUNK + 1]) {
    it(`refuse to encrypt sealed from ${start}: no multiple of 16,384`, () => {
      const error = refusal(() => encryptStream(sealedKey(), { start }))
      expect([error.code, error.option, error.value]).to.deep.equal(['SEALSTREAM_OPTION', 'start', start])
    })
  }

  it('refuse to encrypt cos-java-gcm from elsewhere than its first byte', () => {
    const error = refusal(() => encryptStream(gcmKey(), { start: CHUNK }))
    expect([error.code, error.option]).to.deep.equal(['SEALSTREAM_OPTION', 'start'])
  })

  it('refuse to encrypt cos-java-cbc, with a code', () => {
    expect(refusal(() => encryptStream(cbcKey())).code).to.match(/^SEALSTREAM_/)
  })

  for (const [name, value] of [
    ['final', 'no'],
    ['final', 0],
  ] as const) {
    it(`refuse ${name} ${inspect(value)} and name it`, () => {
      const error = refusal(() => encryptStream(sealedKey(), { [name]: value } as object))
      expect([error.code, error.option]).to.deep.equal(['SEALSTREAM_OPTION', name])
    })
  }

  for (const head of [Buffer.alloc(55), Buffer.alloc(57), Buffer.alloc(0), 'x'.repeat(56), null, [1, 2]]) {
    it(`refuse ${inspect(head)} as head and name it`, () => {
      const error = refusal(() => decryptStream(sealedKey(), { head: head as Buffer }))
      expect([error.code, error.option]).to.deep.equal(['SEALSTREAM_OPTION', 'head'])
    })
  }

  it('refuse a head that is not of the data key before a byte has come', () => {
    const error = refusal(() => decryptStream(sealedKey(), { head: Buffer.alloc(56), start: CHUNK }))
    expect(error.code).to.equal('SEALSTREAM_COMMITMENT')
  })

  it('refuse a head of a format that has none', () => {
    for (const made of [gcmKey(), cbcKey(), DataKey.generate('cos')]) {
      const error = refusal(() => decryptStream(made, { head: Buffer.alloc(56) }))
      expect([error.code, error.option]).to.deep.equal(['SEALSTREAM_OPTION', 'head'])
    }
  })

  it('miss the head of a range that does not begin with it', () => {
    const made = DataKey.from({ format: 'sealed', key })
    const error = refusal(() => decryptStream(made, { start: CHUNK, end: CHUNK }))
    expect([error.code, error.option]).to.deep.equal(['SEALSTREAM_OPTION', 'head'])
  })

  it('refuse a range of cos-java-gcm without releaseUnverified', () => {
    for (const range of [{ end: 5 }, { start: 5, end: 9 }, { start: 5 }]) {
      expect(refusal(() => decryptStream(gcmKey(), range)).code).to.equal('SEALSTREAM_UNVERIFIED')
    }
  })

  for (const [name, value] of [
    ['releaseUnverified', 'yes'],
    ['mostHeld', -1],
    ['mostHeld', '64'],
  ] as const) {
    it(`refuse ${name} ${inspect(value)} and name it`, () => {
      const error = refusal(() => decryptStream(gcmKey(), { [name]: value }))
      expect([error.code, error.option]).to.deep.equal(['SEALSTREAM_OPTION', name])
    })
  }
})

/** A stream of each kind with what it can be fed. */
const SUBJECTS: Record<
  string,
  { key: () => DataKey; make: (made: DataKey, options?: StreamOptions) => Transform }
> = {
  'encryptStream of sealed': { key: sealedKey, make: encryptStream },
  'decryptStream of sealed': { key: sealedKey, make: decryptStream },
  'encryptStream of cos-java-gcm': { key: gcmKey, make: encryptStream },
  'decryptStream of cos-java-gcm': { key: gcmKey, make: decryptStream },
  'decryptStream of cos-java-cbc': { key: cbcKey, make: decryptStream },
}

for (const [name, subject] of Object.entries(SUBJECTS)) {
  describe(`${name} that ends before its end`, () => {
    /** Anything but an end: too short for a head or a chunk, so nothing can be wrong with it. */
    const some = plain.subarray(0, 40)
    const start = (options?: StreamOptions): { stream: Transform; released: () => boolean } => {
      const made = subject.key()
      const started = spyOnCiphers(made)
      const stream = subject.make(made, options)
      return { stream, released: () => refusal(() => started[0]!.update(some)).code === DISPOSED }
    }

    for (const error of [undefined, new Error('boom')]) {
      it(`closes and lets go of the key on destroy(${error === undefined ? '' : 'error'}) in the middle`, async () => {
        const { stream, released } = start()
        const events = record(stream)
        stream.resume().write(some)
        stream.destroy(error)
        await closed(stream)
        expect(events).to.deep.equal(error === undefined ? ['close'] : ['error: boom', 'close'])
        expect(released()).to.equal(true)
      })
    }

    it('is aborted in the middle by its signal, the reason as cause', async () => {
      const controller = new AbortController()
      const { stream, released } = start({ signal: controller.signal })
      const ended = failure(finished(stream))
      stream.resume().write(some)
      const reason = new Error('the user left')
      controller.abort(reason)
      const error = await ended
      expect(error.code).to.be.oneOf(ABORT_CODES)
      expect(error.cause).to.equal(reason)
      expect(released()).to.equal(true)
    })

    it('is aborted in the middle of a pipeline() by its signal', async () => {
      const controller = new AbortController()
      const { stream, released } = start()
      const source = sourceOf([some])
      source.push(some)
      const ended = failure(pipeline(source, stream, new Sink(), { signal: controller.signal }))
      controller.abort()
      expect((await ended).name).to.equal('AbortError')
      await closed(stream)
      expect(released()).to.equal(true)
    })

    it('lets go of the key when its source fails', async () => {
      const { stream, released } = start()
      const source = sourceOf([some])
      const ended = failure(pipeline(source, stream, new Sink()))
      source.destroy(new Error('boom'))
      expect((await ended).message).to.equal('boom')
      await closed(stream)
      expect(released()).to.equal(true)
    })
  })
}

describe('a stream of sealed that is left early', () => {
  for (const [name, make] of [
    ['encryptStream', (made: DataKey) => encryptStream(made, { sameBytes: true })],
    ['decryptStream', (made: DataKey) => decryptStream(made)],
  ] as const) {
    it(`lets go of the key of ${name}`, async () => {
      const made = sealedKey()
      const stored = await run(encryptStream(made), [plain])
      const started = spyOnCiphers(made)
      const stream = make(made)
      stream.write(stored)
      await leaveEarly(stream)
      await closed(stream)
      expect(refusal(() => started[0]!.update(plain)).code).to.equal(DISPOSED)
    })
  }
})

describe('decryptStream of cos-java-gcm that holds', () => {
  it('takes in more than any back-pressure would let, up to mostHeld, and then fails', async () => {
    const stream = decryptStream(gcmKey(), { mostHeld: 3 * MIB })
    const failed = failure(finished(stream))
    expect(await pulledBytes(stream, 8 * MIB)).to.be.within(3 * MIB, 5 * MIB)
    expect((await failed).code).to.equal('SEALSTREAM_UNVERIFIED')
  })

  it('gives nothing before its input has ended', async () => {
    const stored = await run(encryptStream(gcmKey()), [plain])
    const stream = decryptStream(gcmKey())
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    for (const chunk of cut(stored, 5000)) stream.write(chunk)
    await new Promise((resolve) => stream.write(Buffer.alloc(0), resolve))
    expect(chunks).to.deep.equal([])
    stream.end()
    await finished(stream)
    expect(Buffer.concat(chunks).equals(plain)).to.equal(true)
  })
})

import { expect } from 'chai'
import { createCipheriv } from 'node:crypto'
import type { Duplex, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { DataKey } from '../../lib/crypto/data-key.js'
import { decryptStream, encryptStream } from '../../lib/stream/cipher-stream.js'
import { ownedChain } from '../../lib/stream/owned-chain.js'
import { toWebReadable } from '../../lib/stream/web-readable.js'
import { CobblestoneModel, sealedContextModel } from '../support/cobblestone-model.js'
import { closed, cut, failure, joined, record, run, seededBytes, Sink, sourceOf } from './helpers.js'

const CHUNK = 16384
const SEALED = CHUNK + 16
const HEAD = 56

const key = seededBytes(41, 32)
const salt = seededBytes(42, 24)
const plain = seededBytes(43, 3 * CHUNK + 100)
const model = new CobblestoneModel(key, salt, sealedContextModel([]))
const chunks = model.chunks(plain)
const stored = model.message(plain)

const sealedKey = (): DataKey => DataKey.from({ format: 'sealed', key, iv: salt })
const gcmKey = (): DataKey => DataKey.from({ format: 'cos-java-gcm', key, iv: salt.subarray(0, 12) })
const cbcKey = (): DataKey => DataKey.from({ format: 'cos-java-cbc', key, iv: salt.subarray(0, 16) })

const flipped = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes)
  copy[at]! ^= 1
  return copy
}

async function gcm(): Promise<Buffer> {
  return run(encryptStream(gcmKey()), [plain])
}

/** How each thing that can be wrong fails the stream, and how much of it was right before. */
const FAULTS: Record<
  string,
  { input: () => Promise<Buffer> | Buffer; make: () => Transform; error: object; right: number }
> = {
  'sealed under another context': {
    input: () => stored,
    make: () => decryptStream(DataKey.from({ format: 'sealed', key, context: { a: 'b' } })),
    error: { code: 'SEALSTREAM_COMMITMENT', name: 'AuthenticationError' },
    right: 0,
  },
  'sealed with an altered salt': {
    input: () => flipped(stored, 3),
    make: () => decryptStream(sealedKey()),
    error: { code: 'SEALSTREAM_COMMITMENT' },
    right: 0,
  },
  'sealed with an altered first chunk': {
    input: () => flipped(stored, HEAD),
    make: () => decryptStream(sealedKey()),
    error: { code: 'SEALSTREAM_AUTHENTICATION', chunk: 0 },
    right: 0,
  },
  'sealed with an altered chunk 2': {
    input: () => flipped(stored, HEAD + 2 * SEALED + 5),
    make: () => decryptStream(sealedKey()),
    error: { code: 'SEALSTREAM_AUTHENTICATION', chunk: 2, name: 'AuthenticationError' },
    right: 2 * CHUNK,
  },
  'sealed with chunks 1 and 2 swapped': {
    input: () => Buffer.concat([model.head, chunks[0]!, chunks[2]!, chunks[1]!, chunks[3]!]),
    make: () => decryptStream(sealedKey()),
    error: { code: 'SEALSTREAM_AUTHENTICATION', chunk: 1 },
    right: CHUNK,
  },
  'sealed without its last chunk': {
    input: () => Buffer.concat([model.head, ...chunks.slice(0, 3)]),
    make: () => decryptStream(sealedKey()),
    error: { code: 'SEALSTREAM_TRUNCATED', name: 'LengthError' },
    right: 3 * CHUNK,
  },
  'a range of sealed that ends early': {
    input: () => stored.subarray(HEAD + SEALED, HEAD + 2 * SEALED),
    make: () => decryptStream(sealedKey(), { start: CHUNK, end: 2 * CHUNK + 5 }),
    error: { code: 'SEALSTREAM_TRUNCATED' },
    right: CHUNK,
  },
  'cos-java-gcm with an altered byte': {
    input: async () => flipped(await gcm(), 7),
    make: () => decryptStream(gcmKey()),
    error: { code: 'SEALSTREAM_AUTHENTICATION', name: 'AuthenticationError' },
    right: 0,
  },
  'cos-java-gcm cut short': {
    input: async () => (await gcm()).subarray(0, -1),
    make: () => decryptStream(gcmKey()),
    error: { code: 'SEALSTREAM_AUTHENTICATION' },
    right: 0,
  },
  'cos-java-gcm of more than mostHeld': {
    input: gcm,
    make: () => decryptStream(gcmKey(), { mostHeld: 40_000 }),
    error: { code: 'SEALSTREAM_UNVERIFIED' },
    right: 0,
  },
  'cos-java-cbc that is not whole blocks': {
    input: () => createCipheriv('aes-256-cbc', key, salt.subarray(0, 16)).update(plain).subarray(0, 100),
    make: () => decryptStream(cbcKey()),
    error: { code: 'SEALSTREAM_TRUNCATED' },
    right: 80,
  },
  'cos-java-cbc with wrong padding': {
    input: () => createCipheriv('aes-256-cbc', key, salt.subarray(0, 16)).update(plain).subarray(0, 96),
    make: () => decryptStream(cbcKey()),
    error: { code: 'SEALSTREAM_INTEGRITY' },
    right: 80,
  },
}

for (const [name, { input, make, error: expected, right }] of Object.entries(FAULTS)) {
  describe(`decryptStream of ${name}`, () => {
    const position = name.startsWith('a range') ? CHUNK : 0
    const expectRight = (bytes: Buffer): void => {
      expect(bytes.length).to.be.at.most(right)
      expect(bytes.equals(plain.subarray(position, position + bytes.length))).to.equal(true)
    }

    it('fails pipeline() with the error, and gives what was right before', async () => {
      const sink = new Sink()
      const error = await failure(pipeline(sourceOf(cut(await input(), 900)), make(), sink))
      expect(error).to.include(expected)
      expectRight(sink.bytes)
    })

    it(`emits the error once and then closes, all ${right} bytes that were right before it`, async () => {
      const stream = make()
      const [events, output] = [record(stream), [] as unknown[]]
      stream.on('data', (chunk: unknown) => output.push(chunk))
      let failed: unknown
      stream.on('error', (error) => (failed = error))
      for (const chunk of cut(await input(), 900)) {
        if (stream.destroyed) break
        stream.write(chunk)
        await turn()
      }
      stream.end()
      await closed(stream)
      expect(failed).to.include(expected)
      expect(events.filter((event) => event !== 'finish').length).to.equal(2)
      expect(events.includes('end')).to.equal(false)
      expectRight(joined(output))
      expect(joined(output).length).to.equal(right)
    })

    it('fails an ownedChain with the error, and destroys every stage', async () => {
      const stage = make()
      const whole: Duplex = ownedChain([stage, (chunk: unknown) => chunk])
      expect(await failure(run(whole, cut(await input(), 5000)))).to.include(expected)
      await closed(stage)
    })

    it('fails a web reader with the error', async () => {
      const reader = toWebReadable(sourceOf(cut(await input(), 5000)).pipe(make())).getReader()
      const read = async (): Promise<void> => {
        while (!(await reader.read()).done);
      }
      expect(await failure(read())).to.include(expected)
    })
  })
}

describe('decryptStream that is not destroyed by its error', () => {
  for (const [name, input] of [
    ['a whole chunk of zeros in between', [model.head, chunks[0]!, Buffer.alloc(SEALED), ...chunks.slice(1)]],
    ['chunk 0 twice', [model.head, chunks[0]!, ...chunks]],
    ['a wrong head before the right one', [flipped(model.head, 30), stored]],
  ] as const) {
    it(`gives nothing after it, and does not end, with ${name}`, async () => {
      const stream = decryptStream(sealedKey(), { autoDestroy: false })
      const [events, output] = [record(stream), [] as unknown[]]
      stream.on('data', (chunk: unknown) => output.push(chunk))
      for (const chunk of input) {
        stream.write(chunk)
        await turn()
      }
      stream.end()
      await turn()
      await turn()
      expect(events.filter((event) => !event.startsWith('error: '))).to.deep.equal([])
      expect(joined(output).equals(plain.subarray(0, joined(output).length))).to.equal(true)
      expect(joined(output).length).to.be.at.most(CHUNK)
    })
  }
})

describe('encryptStream of sealed and what cannot be', () => {
  it('fails with SEALSTREAM_BODY_LENGTH when a part that is not the end is no multiple of 16,384', async () => {
    const stream = encryptStream(sealedKey(), { start: CHUNK, final: false })
    const error = await failure(run(stream, [plain.subarray(0, CHUNK + 1)]))
    expect(error).to.include({ code: 'SEALSTREAM_BODY_LENGTH', found: 2 * CHUNK + 1, expected: 3 * CHUNK })
  })

  it('fails when it runs into a chunk already encrypted, and gives nothing of that write', async () => {
    const made = sealedKey()
    await run(encryptStream(made, { start: CHUNK }), [plain.subarray(CHUNK)])
    const sink = new Sink()
    const parts = [plain.subarray(0, CHUNK), plain.subarray(CHUNK, CHUNK + 1)]
    const error = await failure(pipeline(sourceOf(parts), encryptStream(made), sink))
    expect(error.code).to.equal('SEALSTREAM_DATA_KEY_REUSED')
    expect(stored.subarray(0, sink.bytes.length).equals(sink.bytes)).to.equal(true)
  })
})

import { expect } from 'chai'
import { createCipheriv } from 'node:crypto'
import { once } from 'node:events'
import { DataKey } from '../../lib/crypto/data-key.js'
import { decryptStream, encryptStream } from '../../lib/stream/cipher-stream.js'
import {
  chunksOf,
  closed,
  cut,
  failure,
  joined,
  leaveEarly,
  refusal,
  run,
  seeded,
  seededBytes,
  spyOnCiphers,
} from './helpers.js'
import { transformContract } from './transform-contract.js'

const key = seededBytes(1, 32)
const iv = seededBytes(2, 16)
const plain = seededBytes(3, 1000)
const reference = (bytes: Buffer, counter = iv): Buffer =>
  createCipheriv('aes-256-ctr', key, counter).update(bytes)
const sealed = reference(plain)
const dataKey = (): DataKey => DataKey.from({ format: 'cos', key, iv })

describe('encryptStream', () => {
  transformContract({
    make: (options) => encryptStream(dataKey(), options),
    reference,
    passesThrough: false,
  })

  for (let start = 0; start <= 40; start++) {
    it(`encrypts from position ${start} what one cipher makes of the whole`, async () => {
      const chunks = cut(plain.subarray(start), 7)
      expect(await run(encryptStream(dataKey(), { start }), chunks)).to.deep.equal(sealed.subarray(start))
    })
  }

  const counters = {
    '2^32': 'ffffffff',
    '2^64': 'ffffffffffffffff',
    '2^96': 'ffffffffffffffffffffffff',
    '2^128 back to 0': 'ffffffffffffffffffffffffffffffff',
  }
  for (const [where, low] of Object.entries(counters)) {
    it(`carries the counter over ${where}, in the stream and by start`, async () => {
      const counter = Buffer.from(low.padStart(32, '0'), 'hex')
      const expected = reference(plain.subarray(0, 64), counter)
      const made = DataKey.from({ format: 'cos', key, iv: counter })
      expect(await run(encryptStream(made), cut(plain.subarray(0, 64), 5))).to.deep.equal(expected)
      const rest = encryptStream(made, { start: 33, sameBytes: true })
      expect(await run(rest, [plain.subarray(33, 64)])).to.deep.equal(expected.subarray(33))
    })
  }

  it('encrypts at position 2^40 + 5 with the counter block 2^36 further', async () => {
    const counter = Buffer.from((BigInt(`0x${iv.toString('hex')}`) + 2n ** 36n).toString(16), 'hex')
    const expected = reference(Buffer.concat([Buffer.alloc(5), plain]), counter).subarray(5)
    const stream = encryptStream(dataKey(), { start: 2 ** 40 + 5 })
    expect(await run(stream, [plain])).to.deep.equal(expected)
  })

  it('makes the whole of parts that are encrypted out of order', async () => {
    const made = dataKey()
    const random = seeded(4)
    const bounds = [0, 1, 16, 100, 333, 512, 999, plain.length]
    const parts = bounds.slice(0, -1).map((from, index) => [from, bounds[index + 1]!] as const)
    const output = Buffer.alloc(plain.length)
    for (const [from, to] of parts.toSorted(() => random(3) - 1)) {
      const part = await run(encryptStream(made, { start: from }), cut(plain.subarray(from, to), 13))
      part.copy(output, from)
    }
    expect(output).to.deep.equal(sealed)
  })

  it('makes the whole of parts that are encrypted at the same time', async () => {
    const made = dataKey()
    const parts = await Promise.all(
      cut(plain, 100).map((part, index) => run(encryptStream(made, { start: index * 100 }), cut(part, 9))),
    )
    expect(Buffer.concat(parts)).to.deep.equal(sealed)
  })

  describe('on positions already encrypted', () => {
    const reused = 'SEALSTREAM_DATA_KEY_REUSED'
    for (const start of [0, 1, 15, 16, 99]) {
      it(`refuses to start at ${start} after 0 to 99`, async () => {
        const made = dataKey()
        await run(encryptStream(made), [plain.subarray(0, 100)])
        expect(refusal(() => encryptStream(made, { start })).code).to.equal(reused)
      })
    }

    it('starts at 100 after 0 to 99', async () => {
      const made = dataKey()
      await run(encryptStream(made), [plain.subarray(0, 100)])
      const rest = await run(encryptStream(made, { start: 100 }), [plain.subarray(100)])
      expect(rest).to.deep.equal(sealed.subarray(100))
    })

    it('fails a stream that runs into them, before a byte of the chunk leaves', async () => {
      const made = dataKey()
      await run(encryptStream(made, { start: 100 }), [plain.subarray(100, 200)])
      const stream = encryptStream(made)
      const seen: unknown[] = []
      stream.on('data', (chunk) => seen.push(chunk))
      const failed = once(stream, 'error')
      stream.write(plain.subarray(0, 60))
      stream.write(plain.subarray(60, 101))
      const [error] = (await failed) as [{ code: string }]
      expect(error.code).to.equal(reused)
      expect(joined(seen)).to.deep.equal(sealed.subarray(0, 60))
    })

    it('refuses two streams from the same position before either has a byte', () => {
      const made = dataKey()
      encryptStream(made, { start: 32 })
      expect(refusal(() => encryptStream(made, { start: 32 })).code).to.equal(reused)
    })

    it('refuses them for a stream that was destroyed on its way', async () => {
      const made = dataKey()
      const stream = encryptStream(made).resume()
      stream.write(plain.subarray(0, 50))
      stream.destroy()
      await closed(stream)
      expect(refusal(() => encryptStream(made, { start: 49 })).code).to.equal(reused)
      expect(await run(encryptStream(made, { start: 50 }), [plain.subarray(50)])).to.deep.equal(
        sealed.subarray(50),
      )
    })

    it('accepts them with sameBytes and gives the same ciphertext', async () => {
      const made = dataKey()
      await run(encryptStream(made), [plain])
      for (const start of [0, 17]) {
        const again = await run(
          encryptStream(made, { start, sameBytes: true }),
          cut(plain.subarray(start), 9),
        )
        expect(again).to.deep.equal(sealed.subarray(start))
      }
    })

    it('refuses them without sameBytes when they were encrypted with it only', async () => {
      const made = dataKey()
      await run(encryptStream(made, { sameBytes: true }), [plain])
      expect(refusal(() => encryptStream(made)).code).to.equal(reused)
    })

    it('keeps apart what two data keys have encrypted', async () => {
      await run(encryptStream(dataKey()), [plain])
      expect(await run(encryptStream(dataKey()), [plain])).to.deep.equal(sealed)
    })
  })

  it('takes an explicit undefined for the default', async () => {
    const options = { start: undefined, sameBytes: undefined } as unknown as { start: number }
    expect(await run(encryptStream(dataKey(), options), [plain])).to.deep.equal(sealed)
  })

  for (const start of [-1, 1.5, NaN, '16', 2 ** 53, null]) {
    it(`refuses start ${JSON.stringify(start)} and names it`, () => {
      const error = refusal(() => encryptStream(dataKey(), { start: start as number }))
      expect([error.code, error.option]).to.deep.equal(['SEALSTREAM_OPTION', 'start'])
    })
  }

  it('refuses end: the input ends where it ends', () => {
    const error = refusal(() => encryptStream(dataKey(), { end: 5 } as object))
    expect([error.code, error.option]).to.deep.equal(['SEALSTREAM_OPTION', 'options.end'])
  })
})

describe('decryptStream', () => {
  transformContract({
    make: (options) => decryptStream(dataKey(), options),
    reference,
    passesThrough: false,
  })

  for (let start = 0; start <= 40; start++) {
    it(`decrypts from position ${start} to the input's end, and to every end up to 40`, async () => {
      const { start: from } = dataKey().ciphertextRange(start, plain.length - 1)
      const whole = decryptStream(dataKey(), { start })
      expect(await run(whole, cut(sealed.subarray(from), 7))).to.deep.equal(plain.subarray(start))
      for (let end = start; end <= 40; end++) {
        const stored = dataKey().ciphertextRange(start, end)
        const chunks = cut(sealed.subarray(stored.start, stored.end + 1), 7)
        const output = await run(decryptStream(dataKey(), { start, end }), chunks)
        expect(output, `end ${end}`).to.deep.equal(plain.subarray(start, end + 1))
      }
    })
  }

  for (const writeSize of [1, 7, 16, 4096]) {
    it(`drops what follows end, written ${writeSize} at a time`, async () => {
      const stream = decryptStream(dataKey(), { start: 5, end: 50 })
      expect(await run(stream, cut(sealed.subarray(5), writeSize))).to.deep.equal(plain.subarray(5, 51))
    })

    for (const found of [0, 1, 45]) {
      it(`fails with SEALSTREAM_TRUNCATED after ${found} of 46 bytes, written ${writeSize} at a time`, async () => {
        const stream = decryptStream(dataKey(), { start: 5, end: 50 })
        const input = cut(sealed.subarray(5, 5 + found), writeSize)
        const error = await failure(run(stream, input))
        expect([error.code, error.expected, error.found]).to.deep.equal(['SEALSTREAM_TRUNCATED', 46, found])
      })
    }
  }

  it('drops 40 MiB that follow end in the same chunk', async () => {
    const input = Buffer.concat([sealed, Buffer.alloc(40 * 1024 * 1024)])
    expect(await run(decryptStream(dataKey(), { end: 9 }), [input])).to.deep.equal(plain.subarray(0, 10))
  })

  it('decrypts the same positions as often as it is asked', async () => {
    const made = dataKey()
    for (let times = 0; times < 3; times++) {
      expect(await run(decryptStream(made), [sealed])).to.deep.equal(plain)
    }
  })

  it('refuses an end before start and names it', () => {
    const error = refusal(() => decryptStream(dataKey(), { start: 10, end: 9 }))
    expect([error.code, error.option, error.value]).to.deep.equal(['SEALSTREAM_OPTION', 'end', 9])
  })

  for (const end of [-1, 0.5, Infinity, '9', null]) {
    it(`refuses end ${typeof end} ${end} and names it`, () => {
      const error = refusal(() => decryptStream(dataKey(), { end: end as number }))
      expect([error.code, error.option]).to.deep.equal(['SEALSTREAM_OPTION', 'end'])
    })
  }

  it('refuses sameBytes: decryption needs no vouching', () => {
    const error = refusal(() => decryptStream(dataKey(), { sameBytes: true } as object))
    expect([error.code, error.option]).to.deep.equal(['SEALSTREAM_OPTION', 'options.sameBytes'])
  })
})

const makers = {
  encryptStream,
  decryptStream,
  'decryptStream with end': (made: DataKey, options: object = {}) =>
    decryptStream(made, { end: 9, ...options }),
}
for (const [name, make] of Object.entries(makers)) {
  describe(`the key of ${name}`, () => {
    const disposed = 'SEALSTREAM_DATA_KEY_DISPOSED'

    it('is released at the end', async () => {
      const made = dataKey()
      const started = spyOnCiphers(made)
      const stream = make(made).resume()
      stream.end(plain)
      await closed(stream)
      expect(refusal(() => started[0]!.update(plain)).code).to.equal(disposed)
    })

    for (const error of [undefined, new Error('boom')]) {
      it(`is released on destroy(${error === undefined ? '' : 'error'})`, async () => {
        const made = dataKey()
        const started = spyOnCiphers(made)
        const stream = make(made).on('error', () => undefined)
        stream.write(plain.subarray(0, 5))
        stream.destroy(error)
        await closed(stream)
        expect(refusal(() => started[0]!.update(plain)).code).to.equal(disposed)
      })
    }

    it('is released when the signal aborts', async () => {
      const made = dataKey()
      const started = spyOnCiphers(made)
      const controller = new AbortController()
      const stream = make(made, { signal: controller.signal }).on('error', () => undefined)
      controller.abort()
      await closed(stream)
      expect(refusal(() => started[0]!.update(plain)).code).to.equal(disposed)
    })

    it('is released when the signal was aborted before', async () => {
      const made = dataKey()
      const started = spyOnCiphers(made)
      const stream = make(made, { signal: AbortSignal.abort() }).on('error', () => undefined)
      await closed(stream)
      expect(refusal(() => started[0]!.update(plain)).code).to.equal(disposed)
    })

    it('is released when the consumer leaves for await early', async () => {
      const made = dataKey()
      const started = spyOnCiphers(made)
      const stream = make(made)
      stream.write(plain)
      await leaveEarly(stream)
      await closed(stream)
      expect(refusal(() => started[0]!.update(plain)).code).to.equal(disposed)
    })

    it('stays usable in a running stream after the data key is disposed', async () => {
      const made = dataKey()
      const stream = make(made)
      stream.write(plain.subarray(0, 5))
      made.dispose()
      stream.end(plain.subarray(5))
      const output = joined(await chunksOf(stream))
      expect(output).to.deep.equal(sealed.subarray(0, output.length))
      expect(output).to.have.length(name === 'decryptStream with end' ? 10 : plain.length)
    })

    it('stays usable for others after a stream has ended', async () => {
      const made = dataKey()
      await run(make(made), [plain])
      expect(await run(encryptStream(made, { start: 1000 }), [])).to.have.length(0)
    })

    it('is refused once the data key is disposed', () => {
      const made = dataKey()
      made.dispose()
      expect(refusal(() => make(made)).code).to.equal(disposed)
    })

    for (const other of [undefined, null, key, { format: 'cos', key, iv }]) {
      it(`is refused when it is no DataKey but ${other === null ? 'null' : typeof other}`, () => {
        const error = refusal(() => make(other as unknown as DataKey))
        expect([error.code, error.option, error.value]).to.deep.equal([
          'SEALSTREAM_OPTION',
          'dataKey',
          undefined,
        ])
      })
    }
  })
}

import { createCipheriv } from 'node:crypto'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import { decryptStream, encryptStream } from '../../lib/stream/cipher-stream.js'
import { ownedChain } from '../../lib/stream/owned-chain.js'
import { partStream } from '../../lib/stream/part-stream.js'
import { CobblestoneModel, sealedContextModel } from '../support/cobblestone-model.js'
import { Seeded } from '../support/seeded.js'
import { CONSUMERS, cut, MORE_CONSUMERS, randomCut, run, seeded, seededBytes, sourceOf } from './helpers.js'

const CHUNK = 16384
const SEALED = CHUNK + 16
const HEAD = 56

const key = seededBytes(21, 32)
const plain = seededBytes(22, 3 * CHUNK + 100)
const context = { tenant: 'a' }
const ivs = {
  sealed: seededBytes(23, 24),
  cos: seededBytes(23, 16),
  'cos-python': seededBytes(23, 16),
  'cos-java-gcm': seededBytes(23, 12),
  'cos-java-cbc': seededBytes(23, 16),
}
type Name = keyof typeof ivs
const FORMATS = Object.keys(ivs) as Name[]
const WRITTEN = FORMATS.filter((format) => format !== 'cos-java-cbc')

const dataKey = (format: Name): DataKey => DataKey.from({ format, key, iv: ivs[format], context })

function nodes(name: 'ctr' | 'cbc', bytes: Buffer): Buffer {
  const cipher = createCipheriv(`aes-256-${name}`, key, ivs.cos)
  return Buffer.concat([cipher.update(bytes), cipher.final()])
}

/** What each format makes of a plaintext, by Node's own ciphers and the specification's words. */
const references: Record<Name, (bytes: Buffer) => Buffer> = {
  sealed: (bytes) =>
    new CobblestoneModel(key, ivs.sealed, sealedContextModel([['tenant', 'a']])).message(bytes),
  cos: (bytes) => nodes('ctr', bytes),
  'cos-python': (bytes) => nodes('ctr', bytes),
  'cos-java-gcm': (bytes) => {
    const cipher = createCipheriv('aes-256-gcm', key, ivs['cos-java-gcm'])
    return Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
  },
  'cos-java-cbc': (bytes) => nodes('cbc', bytes),
}

const SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 100]

for (const format of FORMATS) {
  describe(`encryptStream and decryptStream of ${format}`, () => {
    const reference = references[format]

    for (const [style, consume] of Object.entries({ ...CONSUMERS, ...MORE_CONSUMERS })) {
      it(`give the right bytes of ${SIZES.join(', ')} bytes through ${style}`, async () => {
        for (const size of SIZES) {
          const [input, random] = [plain.subarray(0, size), new Seeded(size)]
          const stored = reference(input)
          if (format !== 'cos-java-cbc') {
            const sealed = await consume(
              sourceOf(random.pieces(input, 6000)),
              encryptStream(dataKey(format), {}),
            )
            expect(sealed.equals(stored), `encrypt ${size}`).to.equal(true)
          }
          const opened = await consume(
            sourceOf(random.pieces(stored, 6000)),
            decryptStream(dataKey(format), {}),
          )
          expect(opened.equals(input), `decrypt ${size}`).to.equal(true)
        }
      })
    }

    it('take and give the right bytes one by one, over the edge of a chunk', async () => {
      const input = plain.subarray(0, CHUNK + 20)
      const stored = reference(input)
      expect((await run(decryptStream(dataKey(format)), cut(stored, 1))).equals(input)).to.equal(true)
      if (format === 'cos-java-cbc') return
      expect((await run(encryptStream(dataKey(format)), cut(input, 1))).equals(stored)).to.equal(true)
    })

    if (format === 'cos-java-cbc') return

    it('restore through one ownedChain what they made, cut into parts on the way', async () => {
      const made = DataKey.generate(format, context)
      const whole = ownedChain(
        [encryptStream(made), partStream({ partSize: 1024 }), ({ bytes }: { bytes: Buffer }) => bytes],
        { readableObjectMode: false },
      )
      const stored = await run(whole, cut(plain, 777))
      expect(stored.length).to.equal(made.ciphertextSize(plain.length))
      expect((await run(ownedChain([decryptStream(made)]), cut(stored, 3000))).equals(plain)).to.equal(true)
    })
  })
}

describe('encryptStream of sealed in parts', () => {
  const stored = references.sealed(plain)

  it('makes the whole of parts encrypted at the same time, the last of them final', async () => {
    const made = dataKey('sealed')
    const starts = [0, CHUNK, 2 * CHUNK]
    const parts = starts.map(async (start, n) => {
      const end = starts[n + 1] ?? plain.length
      return run(
        encryptStream(made, { start, final: n === 2 }),
        randomCut(plain.subarray(start, end), seeded(n)),
      )
    })
    expect(Buffer.concat(await Promise.all(parts)).equals(stored)).to.equal(true)
  })

  it('encrypts a part again with sameBytes', async () => {
    const made = dataKey('sealed')
    await run(encryptStream(made), [plain])
    const again = encryptStream(made, { start: CHUNK, sameBytes: true })
    expect((await run(again, [plain.subarray(CHUNK)])).equals(stored.subarray(HEAD + SEALED))).to.equal(true)
  })

  it('takes an explicit undefined for the default', async () => {
    const options = { start: undefined, final: undefined, sameBytes: undefined } as object
    expect((await run(encryptStream(dataKey('sealed'), options), [plain])).equals(stored)).to.equal(true)
  })
})

describe('decryptStream of sealed in ranges', () => {
  const stored = references.sealed(plain)
  const head = stored.subarray(0, HEAD)

  it('gives any range of what ciphertextRange names, in random chunks', async () => {
    const random = seeded(31)
    for (let round = 0; round < 60; round++) {
      // As a reader has it: with head, but without salt.
      const made = DataKey.from({ format: 'sealed', key, context })
      const start = random(plain.length)
      const end = start + random(plain.length - start)
      const range = made.ciphertextRange(start, end)
      const stream = decryptStream(made, { start, end, head })
      const output = await run(stream, randomCut(stored.subarray(range.start, range.end + 1), random))
      expect(output.equals(plain.subarray(start, end + 1)), `${start}..${end}`).to.equal(true)
    }
  })

  it('gives everything from a position on', async () => {
    for (const start of [0, 5, CHUNK - 1, CHUNK, 2 * CHUNK + 7, 3 * CHUNK + 99]) {
      const made = DataKey.from({ format: 'sealed', key, context })
      const from = made.ciphertextRange(start, start).start
      const stream = decryptStream(made, { start, head })
      expect((await run(stream, cut(stored.subarray(from), 999))).equals(plain.subarray(start))).to.equal(
        true,
      )
    }
  })

  it('drops what follows its end', async () => {
    const stream = decryptStream(dataKey('sealed'), { start: 5, end: CHUNK })
    const output = await run(stream, cut(Buffer.concat([stored, Buffer.alloc(100_000)]), 4000))
    expect(output.equals(plain.subarray(5, CHUNK + 1))).to.equal(true)
  })

  it('takes an explicit undefined for the default', async () => {
    const names = ['start', 'end', 'head', 'releaseUnverified', 'mostHeld']
    const options = Object.fromEntries(names.map((name) => [name, undefined]))
    expect((await run(decryptStream(dataKey('sealed'), options), [stored])).equals(plain)).to.equal(true)
  })
})

describe('the data key of a stream of each format', () => {
  for (const format of WRITTEN) {
    it(`may be disposed while streams of ${format} run`, async () => {
      const made = dataKey(format)
      const [encrypting, decrypting] = [encryptStream(made), decryptStream(made)]
      made.dispose()
      const stored = await run(encrypting, cut(plain, 5000))
      expect(stored.equals(references[format](plain))).to.equal(true)
      expect((await run(decrypting, cut(stored, 5000))).equals(plain)).to.equal(true)
    })
  }
})

import { expect } from 'chai'
import type { RunningCipher } from '../../lib/crypto/content-cipher.js'
import { cobblestone256 } from '../../lib/crypto/cobblestone.js'
import { LengthError } from '../../lib/errors.js'
import { CobblestoneModel } from '../support/cobblestone-model.js'
import { decryption, secretOf } from '../support/content-secret.js'
import { failureOf, refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { piecesOf, Seeded } from '../support/seeded.js'

const CHUNK = 16384
const SEALED = CHUNK + 16
const HEAD = 56
const MOST_CHUNKS = 2 ** 38

const random = new Seeded(90)
const KEY = random.bytes(32)
const SALT = random.bytes(24)
const CONTEXT = Buffer.from('what it is about')
const PLAIN = random.bytes(3 * CHUNK + 100)
const SECRET = secretOf(KEY, SALT, CONTEXT)
const MODEL = new CobblestoneModel(KEY, SALT, CONTEXT)

const encryptor = (start = 0, isFinal = true): RunningCipher =>
  cobblestone256.encryptor(SECRET, start, isFinal)
const decryptor = (start = 0, end?: number): RunningCipher =>
  cobblestone256.decryptor(SECRET, decryption({ start, end }))

const EDGES = [0, 1, 15, 16, 17, CHUNK - 17, CHUNK - 16, CHUNK - 1, CHUNK, CHUNK + 1, CHUNK + 16]
const SIZES = [...EDGES, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 100]

describe('cobblestone256', () => {
  for (const size of SIZES) {
    const plain = PLAIN.subarray(0, size)
    const stored = MODEL.message(plain)

    it(`encrypts ${size} bytes as the definition says, however they come`, () => {
      const chunkings = [[plain], piecesOf(plain, CHUNK), piecesOf(plain, CHUNK - 1), piecesOf(plain, 1000)]
      for (let seed = 0; seed < 4; seed++) chunkings.push(new Seeded(seed).pieces(plain, 2 * CHUNK))
      for (const pieces of chunkings) {
        expect(runCipher(encryptor(), pieces).equals(stored)).to.equal(true)
      }
    })

    it(`restores ${size} bytes, however they arrive`, () => {
      const chunkings = [[stored], piecesOf(stored, SEALED), piecesOf(stored, HEAD), piecesOf(stored, 4096)]
      for (let seed = 0; seed < 4; seed++) chunkings.push(new Seeded(seed).pieces(stored, 2 * CHUNK))
      for (const pieces of chunkings) {
        expect(runCipher(decryptor(), pieces).equals(plain)).to.equal(true)
      }
    })
  }

  it('takes and gives single bytes around the edge of a chunk', () => {
    const plain = PLAIN.subarray(0, CHUNK + 40)
    const stored = MODEL.message(plain)
    expect(runCipher(encryptor(), piecesOf(plain, 1)).equals(stored)).to.equal(true)
    expect(runCipher(decryptor(), piecesOf(stored, 1)).equals(plain)).to.equal(true)
  })

  it('gives each chunk as soon as it is full, and the last one at the end', () => {
    const running = encryptor()
    const given = [1, CHUNK - 2, 1, CHUNK, 50].map((length) => running.update(Buffer.alloc(length)).length)
    expect(given).to.deep.equal([HEAD, 0, SEALED, SEALED, 0])
    expect(running.final().length).to.equal(66)
  })

  it('releases each chunk as soon as its tag is there, and the last one at the end', () => {
    const stored = MODEL.message(PLAIN)
    const running = decryptor()
    const cuts = [0, HEAD - 1, HEAD, HEAD + SEALED - 1, HEAD + SEALED, HEAD + 3 * SEALED, stored.length]
    const given = cuts.slice(1).map((end, n) => running.update(stored.subarray(cuts[n], end)).length)
    expect(given).to.deep.equal([0, 0, 0, CHUNK, 2 * CHUNK, 0])
    expect(running.final().length).to.equal(100)
  })

  it('begins with salt and commitment, before the first byte of plaintext', () => {
    expect(encryptor().update(Buffer.alloc(0)).equals(MODEL.head)).to.equal(true)
    expect(encryptor().final().subarray(0, HEAD).equals(MODEL.head)).to.equal(true)
  })

  for (const chunk of [
    1,
    254,
    255,
    256,
    65_535,
    65_536,
    2 ** 24 - 1,
    2 ** 24,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 32 + 1,
    2 ** 37,
    MOST_CHUNKS - 2,
  ]) {
    it(`encrypts and decrypts chunks ${chunk} and ${chunk + 1} by start, with the nonces of their numbers`, () => {
      const plain = PLAIN.subarray(0, CHUNK + 77)
      const start = chunk * CHUNK
      // Of several keys, so that the nonce has high and low bytes where the number is added.
      for (let seed = 0; seed < 8; seed++) {
        const bytes = new Seeded(seed)
        const [key, salt] = [bytes.bytes(32), bytes.bytes(24)]
        const stored = Buffer.concat(new CobblestoneModel(key, salt).chunks(plain, chunk))
        const secret = secretOf(key, salt)
        const output = runCipher(cobblestone256.encryptor(secret, start, true), [plain])
        expect(output.equals(stored), `seed ${seed}`).to.equal(true)
        const restored = runCipher(cobblestone256.decryptor(secret, decryption({ start })), [stored])
        expect(restored.equals(plain), `seed ${seed}`).to.equal(true)
      }
    })
  }

  it('makes the whole of parts that are encrypted alone, the last of them final', () => {
    const stored = MODEL.message(PLAIN)
    const parts = [0, CHUNK, 3 * CHUNK].map((start, n, starts) => {
      const end = starts[n + 1] ?? PLAIN.length
      return runCipher(encryptor(start, n === 2), [PLAIN.subarray(start, end)])
    })
    expect(Buffer.concat(parts).equals(stored)).to.equal(true)
  })

  for (const start of [1, 16, CHUNK - 1, CHUNK + 1, 2 ** 40 + 16]) {
    it(`refuses to encrypt from position ${start}: not where a chunk begins`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => encryptor(start))
      expect(error).to.include({ option: 'start', value: start })
    })
  }

  for (const size of [1, CHUNK - 1, CHUNK + 1, 2 * CHUNK + 100]) {
    it(`refuses to end ${size} bytes that are not the object's end: no chunk ends there`, async () => {
      const running = encryptor(CHUNK, false)
      const given = running.update(PLAIN.subarray(0, size))
      expect(given.length).to.equal(Math.floor(size / CHUNK) * SEALED)
      const error = await refused('SEALSTREAM_BODY_LENGTH', () => running.final())
      expect(error).to.include({ found: CHUNK + size, expected: CHUNK + Math.ceil(size / CHUNK) * CHUNK })
    })
  }

  it('refuses to encrypt without a salt', async () => {
    await refused('SEALSTREAM_OPTION', () => cobblestone256.encryptor(secretOf(KEY, undefined), 0, true))
  })

  it('gives output that shares no memory with its input, and leaves the input as it was', () => {
    const input = Buffer.from(PLAIN)
    const running = encryptor()
    const first = running.update(input)
    expect(input.equals(PLAIN)).to.equal(true)
    const before = Buffer.from(first)
    input.fill(0)
    running.update(Buffer.alloc(50_000, 3))
    expect(first.equals(before)).to.equal(true)
    const rest = decryptor()
    const stored = MODEL.message(PLAIN)
    const given = rest.update(stored)
    expect(stored.equals(MODEL.message(PLAIN))).to.equal(true)
    stored.fill(0)
    expect(given.equals(PLAIN.subarray(0, 3 * CHUNK))).to.equal(true)
  })

  for (const [name, open] of [
    ['encryptor', () => encryptor()],
    ['decryptor', () => decryptor()],
    ['bounded decryptor', () => decryptor(CHUNK, CHUNK + 9)],
  ] as const) {
    it(`refuses update and final of a closed ${name}, and closes twice without complaint`, async () => {
      const running = open()
      running.update(PLAIN.subarray(0, 5))
      running.close()
      await refused('SEALSTREAM_DATA_KEY_DISPOSED', () => running.update(PLAIN.subarray(5, 9)))
      await refused('SEALSTREAM_DATA_KEY_DISPOSED', () => running.final())
      running.close()
    })
  }
})

describe('sizes of cobblestone256', () => {
  const sizeOf = (plaintext: number): number => HEAD + plaintext + 16 * (Math.floor(plaintext / CHUNK) + 1)

  it('are those of RULES 3.4 for every plaintext of 0 to 50,000 bytes, and go back', () => {
    const stored = new Set<number>()
    for (let size = 0; size <= 50_000; size++) {
      const length = cobblestone256.ciphertextSize(size)
      if (length !== sizeOf(size)) expect.fail(`${size} bytes come to ${length}`)
      if (cobblestone256.plaintextSize(length) !== size) expect.fail(`${length} bytes do not go back`)
      stored.add(length)
    }
    for (let length = 0; length <= 50_000; length++) {
      if (stored.has(length)) continue
      expect(() => cobblestone256.plaintextSize(length), `${length} bytes`)
        .to.throw(LengthError)
        .with.property('code', 'SEALSTREAM_TRUNCATED')
    }
  })

  it('go back for multiples of a chunk and beside them, up to 4 PiB', () => {
    for (let power = 0; power <= 38; power++) {
      for (const beside of [-1, 0, 1]) {
        const size = Math.min(2 ** power * CHUNK + beside, MOST_CHUNKS * CHUNK - 1)
        expect(cobblestone256.ciphertextSize(size)).to.equal(sizeOf(size))
        expect(cobblestone256.plaintextSize(sizeOf(size)), `${size}`).to.equal(size)
      }
    }
  })

  it('end at 4 PiB - 1 byte', () => {
    const most = MOST_CHUNKS * CHUNK - 1
    expect(cobblestone256.ciphertextSize(most)).to.equal(HEAD + most + 16 * MOST_CHUNKS)
    expect(() => cobblestone256.ciphertextSize(most + 1)).to.throw(RangeError)
  })

  it('name the least that is missing', async () => {
    for (const [length, expected] of [
      [0, 72],
      [55, 72],
      [71, 72],
      [HEAD + SEALED, HEAD + SEALED + 16],
      [HEAD + SEALED + 15, HEAD + SEALED + 16],
    ] as const) {
      const error = await refused('SEALSTREAM_TRUNCATED', () => cobblestone256.plaintextSize(length))
      expect(error).to.include({ expected, found: length })
    }
  })
})

// The specification: who meets chunk 2^38, encrypting or decrypting, must stop.
describe('the last chunk number of cobblestone256', () => {
  const last = (MOST_CHUNKS - 1) * CHUNK

  it('is 2^38 - 1, whose chunk ends the message', () => {
    const stored = runCipher(encryptor(last), [PLAIN.subarray(0, CHUNK - 1)])
    expect(stored.equals(MODEL.chunk(MOST_CHUNKS - 1, PLAIN.subarray(0, CHUNK - 1)))).to.equal(true)
    expect(runCipher(decryptor(last), [stored]).equals(PLAIN.subarray(0, CHUNK - 1))).to.equal(true)
  })

  it('is not passed when encrypting, and an error of this package says so', async () => {
    const running = encryptor(last)
    await failureOf(() => {
      running.update(PLAIN.subarray(0, CHUNK))
      running.final()
    })
    await failureOf(() => encryptor(last + CHUNK).update(PLAIN.subarray(0, CHUNK)))
  })

  it('is not passed when decrypting', async () => {
    const stored = MODEL.chunk(MOST_CHUNKS, PLAIN.subarray(0, 100))
    await failureOf(() => runCipher(decryptor(last + CHUNK), [stored]))
  })
})

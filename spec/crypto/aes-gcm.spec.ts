import { createCipheriv } from 'node:crypto'
import { expect } from 'chai'
import { aes256Gcm, MOST_HELD_BYTES } from '../../lib/crypto/aes-gcm.js'
import type { DecryptionOptions, RunningCipher } from '../../lib/crypto/content-cipher.js'
import { DataKey } from '../../lib/crypto/data-key.js'
import { decryption, secretOf } from '../support/content-secret.js'
import { ctrModel } from '../support/ctr-model.js'
import { feed } from '../support/feeding.js'
import { refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { piecesOf, Seeded } from '../support/seeded.js'

const MOST = 2 ** 36 - 32
const AUTHENTICATION = 'SEALSTREAM_AUTHENTICATION'
const UNVERIFIED = 'SEALSTREAM_UNVERIFIED'

const random = new Seeded(101)
const KEY = random.bytes(32)
const IV = random.bytes(12)
const PLAIN = random.bytes(5000)
const SECRET = secretOf(KEY, IV)

/** By Node's own GCM, tag last. */
function gcm(plain: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', KEY, IV)
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

const STORED = gcm(PLAIN)
const encryptor = (isFinal = true): RunningCipher => aes256Gcm.encryptor(SECRET, 0, isFinal)
const decryptor = (options: Partial<DecryptionOptions> = {}): RunningCipher =>
  aes256Gcm.decryptor(SECRET, decryption(options))

const flipped = (bytes: Buffer, bit: number): Buffer => {
  const copy = Buffer.from(bytes)
  copy[bit >> 3]! ^= 1 << (bit & 7)
  return copy
}

describe('aes256Gcm', () => {
  for (const size of [0, 1, 15, 16, 17, 31, 32, 33, 1000, 4096, 5000]) {
    const plain = PLAIN.subarray(0, size)
    const stored = gcm(plain)
    const cut = (bytes: Buffer): Buffer[][] => [
      ...[1, 7, 15, 16, 17, 4096, 10_000].map((write) => piecesOf(bytes, write)),
      ...[1, 2, 3].map((seed) => new Seeded(seed).pieces(bytes, 60)),
    ]

    it(`encrypts ${size} bytes to Node's bytes and tag, however they come`, () => {
      for (const pieces of cut(plain)) {
        expect(runCipher(encryptor(), pieces).equals(stored)).to.equal(true)
      }
    })

    it(`restores ${size} bytes, however they arrive, held to the end or given out before`, () => {
      for (const releaseUnverified of [false, true]) {
        for (const pieces of cut(stored)) {
          expect(runCipher(decryptor({ releaseUnverified }), pieces).equals(plain)).to.equal(true)
        }
      }
    })
  }

  it('gives no tag for what is not the end of the object', () => {
    expect(runCipher(encryptor(false), [PLAIN]).equals(STORED.subarray(0, -16))).to.equal(true)
  })

  for (const start of [1, 16, 5000]) {
    it(`refuses to encrypt from position ${start}`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => aes256Gcm.encryptor(SECRET, start, true))
      expect(error).to.include({ option: 'start', value: start })
    })
  }

  it('gives out nothing before the tag is verified', () => {
    const running = decryptor()
    for (const byte of piecesOf(STORED, 1)) expect(running.update(byte).length).to.equal(0)
    expect(running.final().equals(PLAIN)).to.equal(true)
  })

  it('gives out all but what may be the tag with releaseUnverified', () => {
    const running = decryptor({ releaseUnverified: true })
    expect(running.update(STORED.subarray(0, 16)).length).to.equal(0)
    expect(running.update(STORED.subarray(16, 100)).equals(PLAIN.subarray(0, 84))).to.equal(true)
    expect(running.update(STORED.subarray(100)).equals(PLAIN.subarray(84))).to.equal(true)
    expect(running.final().length).to.equal(0)
  })

  it('refuses each of the 128 bits of the tag, and releases nothing', () => {
    const stored = gcm(PLAIN.subarray(0, 100))
    for (let bit = 800; bit < 928; bit++) {
      const { released, error, wentOn } = feed(decryptor(), piecesOf(flipped(stored, bit), 33))
      expect([error?.code, released.length], `bit ${bit}`).to.deep.equal([AUTHENTICATION, 0])
      expect(wentOn).to.deep.equal([])
    }
  })

  it('refuses each bit of 20 bytes of ciphertext, and releases nothing', () => {
    const stored = gcm(PLAIN.subarray(0, 20))
    for (let bit = 0; bit < 160; bit++) {
      const { released, error } = feed(decryptor(), [flipped(stored, bit)])
      expect([error?.code, released.length], `bit ${bit}`).to.deep.equal([AUTHENTICATION, 0])
    }
  })

  it('fails at the end too where it has released: with the wrong plaintext, and says so', () => {
    const altered = flipped(STORED, 17)
    const { released, error } = feed(decryptor({ releaseUnverified: true }), piecesOf(altered, 100))
    expect(error?.code).to.equal(AUTHENTICATION)
    expect(released.equals(flipped(PLAIN, 17))).to.equal(true)
  })

  for (const [title, bytes] of [
    ['without its last byte', STORED.subarray(0, -1)],
    ['without its tag', STORED.subarray(0, -16)],
    ['without its first byte', STORED.subarray(1)],
    ['with a byte after it', Buffer.concat([STORED, Buffer.of(0)])],
    ['with its tag twice', Buffer.concat([STORED, STORED.subarray(-16)])],
    ['with nothing but a tag of zeros', Buffer.alloc(16)],
  ] as const) {
    it(`refuses an object ${title}, and releases nothing`, () => {
      const { released, error } = feed(decryptor(), piecesOf(bytes, 1000))
      expect([error?.code, released.length]).to.deep.equal([AUTHENTICATION, 0])
    })
  }

  for (const found of [0, 1, 15]) {
    it(`calls ${found} bytes truncated: there is no room for a tag`, async () => {
      for (const releaseUnverified of [false, true]) {
        const running = decryptor({ releaseUnverified })
        running.update(Buffer.alloc(found))
        const error = await refused('SEALSTREAM_TRUNCATED', () => running.final())
        expect(error).to.include({ expected: 16, found })
      }
    })
  }

  it('refuses another key and another IV', () => {
    for (const secret of [secretOf(random.bytes(32), IV), secretOf(KEY, random.bytes(12))]) {
      const { error } = feed(aes256Gcm.decryptor(secret, decryption()), [STORED])
      expect(error?.code).to.equal(AUTHENTICATION)
    }
  })

  for (const [name, open] of [
    ['encryptor', () => encryptor()],
    ['decryptor', () => decryptor()],
    ['releasing decryptor', () => decryptor({ releaseUnverified: true })],
    ['ranged decryptor', () => decryptor({ start: 5, end: 9, releaseUnverified: true })],
  ] as const) {
    it(`refuses update and final of a closed ${name}, and closes twice without complaint`, async () => {
      const running = open()
      running.update(PLAIN.subarray(0, 40))
      running.close()
      await refused('SEALSTREAM_DATA_KEY_DISPOSED', () => running.update(PLAIN))
      await refused('SEALSTREAM_DATA_KEY_DISPOSED', () => running.final())
      running.close()
    })
  }
})

describe('aes256Gcm and mostHeld', () => {
  it('is 64 MiB unless it is said', () => {
    expect(MOST_HELD_BYTES).to.equal(64 * 1024 * 1024)
  })

  it('holds exactly so many bytes of plaintext', async () => {
    for (const pieces of [[STORED], piecesOf(STORED, 999)]) {
      expect(runCipher(decryptor({ mostHeld: 5000 }), pieces).equals(PLAIN)).to.equal(true)
      const error = await refused(UNVERIFIED, () => runCipher(decryptor({ mostHeld: 4999 }), pieces))
      expect(error.hint).to.include('releaseUnverified')
    }
    expect(runCipher(decryptor({ mostHeld: 0 }), [gcm(Buffer.alloc(0))]).length).to.equal(0)
  })

  it('does not count what is given out before', () => {
    const running = decryptor({ mostHeld: 0, releaseUnverified: true })
    expect(runCipher(running, piecesOf(STORED, 999)).equals(PLAIN)).to.equal(true)
  })

  it('fails from then on: an end that verifies is not the end of what was held', () => {
    for (const pieces of [[STORED], piecesOf(STORED, 4990)]) {
      const { released, error, wentOn } = feed(decryptor({ mostHeld: 4999 }), pieces)
      expect([error?.code, released.length]).to.deep.equal([UNVERIFIED, 0])
      expect(wentOn).to.deep.equal([])
    }
  })
})

describe('ranges of aes256Gcm', () => {
  const read = (start: number, end: number, input: Buffer): Buffer =>
    runCipher(decryptor({ start, end, releaseUnverified: true }), piecesOf(input, 13))

  it('are right from each to each of the first 50 positions, and drop what follows', () => {
    for (let start = 0; start < 50; start++) {
      for (let end = start; end < 50; end++) {
        const output = read(start, end, STORED.subarray(start, end + 1 + ((start + end) % 3)))
        expect(output.equals(PLAIN.subarray(start, end + 1)), `${start}..${end}`).to.equal(true)
      }
    }
  })

  it('take the bytes at the same positions', () => {
    expect(aes256Gcm.ciphertextRange(5, 77)).to.deep.equal({ start: 5, end: 77 })
  })

  it('are right up to the last block that GCM has', () => {
    for (const start of [2 ** 32, 2 ** 35 + 7, MOST - 40]) {
      const counter = Buffer.concat([IV, Buffer.alloc(4)])
      counter.writeUInt32BE(2 + Math.floor(start / 16), 12)
      const skip = start % 16
      const plain = PLAIN.subarray(0, 40)
      const stored = ctrModel(KEY, counter, Buffer.concat([Buffer.alloc(skip), plain])).subarray(skip)
      expect(read(start, start + 39, stored).equals(plain), `from ${start}`).to.equal(true)
    }
  })

  it('need releaseUnverified, whole or not: the hint says so', async () => {
    for (const [start, end] of [
      [0, 4999],
      [0, 0],
      [5, 9],
      [5, undefined],
    ] as const) {
      const error = await refused(UNVERIFIED, () => decryptor({ start, end }))
      expect(error.hint).to.include('releaseUnverified')
    }
  })

  it('need an end where they begin later: nobody knows where the tag begins', async () => {
    const error = await refused('SEALSTREAM_OPTION', () => decryptor({ start: 5, releaseUnverified: true }))
    expect(error).to.include({ option: 'end' })
  })

  it('are truncated when input is missing', async () => {
    const error = await refused('SEALSTREAM_TRUNCATED', () => read(5, 50, STORED.subarray(5, 50)))
    expect(error).to.include({ expected: 46, found: 45 })
  })
})

describe('sizes of aes256Gcm', () => {
  it('are 16 bytes more, and go back', () => {
    for (const size of [0, 1, 16, 5000, 2 ** 32, MOST]) {
      expect(aes256Gcm.ciphertextSize(size)).to.equal(size + 16)
      expect(aes256Gcm.plaintextSize(size + 16)).to.equal(size)
    }
  })

  it('end at 2^36 - 32 bytes of plaintext', async () => {
    expect(() => aes256Gcm.ciphertextSize(MOST + 1)).to.throw(RangeError)
    const error = await refused('SEALSTREAM_OPTION', () =>
      DataKey.generate('cos-java-gcm').ciphertextSize(MOST + 1),
    )
    expect(error).to.include({ option: 'format' })
  })

  it('refuse an encryption that goes beyond, before the bytes are looked at', async () => {
    const running = encryptor()
    running.update(PLAIN.subarray(0, 1))
    // Nobody has so many bytes at hand; the length alone is counted.
    const rest = Object.defineProperty(new Uint8Array(0), 'length', { value: MOST })
    const error = await refused('SEALSTREAM_BODY_LENGTH', () => running.update(rest))
    expect(error).to.include({ expected: MOST, found: MOST + 1 })
  })

  it('are SEALSTREAM_TRUNCATED below 16 stored bytes', async () => {
    for (const size of [0, 1, 15]) {
      const error = await refused('SEALSTREAM_TRUNCATED', () => aes256Gcm.plaintextSize(size))
      expect(error).to.include({ expected: 16, found: size })
    }
  })
})

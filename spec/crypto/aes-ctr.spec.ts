import { expect } from 'chai'
import { aes256Ctr } from '../../lib/crypto/aes-ctr.js'
import type { RunningCipher } from '../../lib/crypto/content-cipher.js'
import { LengthError } from '../../lib/errors.js'
import { decryption, secretOf } from '../support/content-secret.js'
import { ctrModel } from '../support/ctr-model.js'
import { refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { piecesOf, Seeded } from '../support/seeded.js'
import { nistCtrVectors } from '../support/vectors.js'

const random = new Seeded(20)
const KEY_BYTES = random.bytes(32)
const IV = random.bytes(16)
const PLAIN = random.bytes(65537)
const CIPHER = ctrModel(KEY_BYTES, IV, PLAIN)

/** From position `start` on. */
const encryptor = (start = 0, iv = IV, key = KEY_BYTES): RunningCipher =>
  aes256Ctr.encryptor(secretOf(key, iv), start, true)

const decryptor = (start = 0, end?: number, iv = IV, key = KEY_BYTES): RunningCipher =>
  aes256Ctr.decryptor(secretOf(key, iv), decryption({ start, end }))

const hex = (text: string): Buffer => Buffer.from(text, 'hex')

describe('aes256Ctr', () => {
  for (const { name, key, initialCounter, blocks } of nistCtrVectors()) {
    const [secret, iv] = [hex(key), hex(initialCounter)]
    const plaintext = hex(blocks.map((block) => block.plaintext).join(''))
    const ciphertext = hex(blocks.map((block) => block.ciphertext).join(''))

    it(`encrypts NIST ${name}`, () => {
      expect(runCipher(encryptor(0, iv, secret), [plaintext]).equals(ciphertext)).to.equal(true)
    })

    it(`decrypts NIST ${name}`, () => {
      expect(runCipher(decryptor(0, undefined, iv, secret), [ciphertext]).equals(plaintext)).to.equal(true)
    })

    for (const [n, block] of blocks.entries()) {
      it(`encrypts block ${n} of NIST ${name} alone, from position ${16 * n}`, () => {
        const output = runCipher(encryptor(16 * n, iv, secret), [hex(block.plaintext)])
        expect(output.toString('hex')).to.equal(block.ciphertext)
      })

      it(`decrypts block ${n} of NIST ${name} alone, from position ${16 * n}`, () => {
        const output = runCipher(decryptor(16 * n, undefined, iv, secret), [hex(block.ciphertext)])
        expect(output.toString('hex')).to.equal(block.plaintext)
      })
    }
  }

  for (const size of [0, 1, 15, 16, 17, 4095, 4096, 4097, 65535, 65536, 65537]) {
    for (const write of [1, 7, 16, 4096]) {
      it(`encrypts ${size} bytes that come ${write} at a time as the definition says`, () => {
        const output = runCipher(encryptor(), piecesOf(PLAIN.subarray(0, size), write))
        expect(output.equals(CIPHER.subarray(0, size))).to.equal(true)
      })

      it(`restores ${size} bytes that arrive ${write} at a time`, () => {
        const output = runCipher(decryptor(), piecesOf(CIPHER.subarray(0, size), write))
        expect(output.equals(PLAIN.subarray(0, size))).to.equal(true)
      })
    }
  }

  for (let start = 0; start <= 100; start++) {
    it(`encrypts from position ${start} to the slice of the whole`, () => {
      const output = runCipher(encryptor(start), [PLAIN.subarray(start, start + 200)])
      expect(output.equals(CIPHER.subarray(start, start + 200))).to.equal(true)
    })

    it(`decrypts from position ${start} to the slice of the whole`, () => {
      const output = runCipher(decryptor(start), [CIPHER.subarray(start, start + 200)])
      expect(output.equals(PLAIN.subarray(start, start + 200))).to.equal(true)
    })
  }

  it('gives each byte of a block alone for all 16 remainders of the position', () => {
    for (let start = 32; start < 48; start++) {
      const output = runCipher(decryptor(start, start), [CIPHER.subarray(start, start + 1)])
      expect(output.equals(PLAIN.subarray(start, start + 1)), `position ${start}`).to.equal(true)
    }
  })

  for (const [title, iv] of [
    ['2^32', '000000000000000000000000fffffffe'],
    ['2^64', '0000000000000000fffffffffffffffe'],
    ['2^96', '00000000fffffffffffffffffffffffe'],
    ['2^128', 'fffffffffffffffffffffffffffffffe'],
  ] as const) {
    it(`crosses ${title} in the middle of the keystream as the definition says`, () => {
      const plain = PLAIN.subarray(0, 100)
      const output = runCipher(encryptor(0, hex(iv)), [plain])
      expect(output.equals(ctrModel(KEY_BYTES, hex(iv), plain))).to.equal(true)
    })

    it(`crosses ${title} when it starts at each position from 0 to 64`, () => {
      const whole = ctrModel(KEY_BYTES, hex(iv), PLAIN.subarray(0, 100))
      for (let start = 0; start <= 64; start++) {
        const output = runCipher(encryptor(start, hex(iv)), [PLAIN.subarray(start, 100)])
        expect(output.equals(whole.subarray(start)), `from ${start}`).to.equal(true)
      }
    })
  }

  for (const start of [2 ** 31 + 5, 2 ** 32, 2 ** 36 + 7, 2 ** 45 + 15, 2 ** 53 - 16]) {
    it(`starts at position ${start} with counter block IV + ${Math.floor(start / 16)}`, () => {
      const skip = start % 16
      const iv = IV.readBigUInt64BE(8) + BigInt(Math.floor(start / 16))
      const counter = Buffer.from(IV)
      counter.writeBigUInt64BE(BigInt.asUintN(64, iv), 8)
      if (iv >= 1n << 64n) counter.writeBigUInt64BE(IV.readBigUInt64BE(0) + 1n, 0)
      const padded = Buffer.concat([Buffer.alloc(skip), PLAIN.subarray(0, 40)])
      const expected = ctrModel(KEY_BYTES, counter, padded).subarray(skip)
      expect(runCipher(encryptor(start), [PLAIN.subarray(0, 40)]).equals(expected)).to.equal(true)
    })
  }

  describe('decryptor with an end', () => {
    for (const [start, end] of [
      [0, 0],
      [0, 15],
      [0, 16],
      [1, 1],
      [15, 16],
      [16, 31],
      [17, 4096],
      [4095, 65536],
    ] as const) {
      for (const write of [1, 7, 4096]) {
        it(`gives positions ${start} to ${end} and ignores 50 bytes too many, ${write} at a time`, () => {
          const input = CIPHER.subarray(start, end + 1 + 50)
          const output = runCipher(decryptor(start, end), piecesOf(input, write))
          expect(output.equals(PLAIN.subarray(start, end + 1))).to.equal(true)
        })
      }

      it(`refuses to end one byte before position ${end} when it starts at ${start}`, async () => {
        const cipher = decryptor(start, end)
        cipher.update(CIPHER.subarray(start, end))
        const error = await refused('SEALSTREAM_TRUNCATED', () => cipher.final())
        expect(error).to.be.instanceOf(LengthError)
        expect(error).to.include({ expected: end - start + 1, found: end - start })
      })
    }

    it('ends without input in an error when bytes were promised', async () => {
      await refused('SEALSTREAM_TRUNCATED', () => decryptor(0, 9).final())
    })
  })

  it('gives output that later updates leave alone', () => {
    const cipher = encryptor()
    const first = cipher.update(PLAIN.subarray(0, 100))
    for (let at = 100; at < 5000; at += 100) cipher.update(PLAIN.subarray(at, at + 100))
    expect(first.equals(CIPHER.subarray(0, 100))).to.equal(true)
  })

  it('leaves its input as it was', () => {
    const input = Buffer.from(PLAIN.subarray(0, 100))
    encryptor(3).update(input)
    expect(input.equals(PLAIN.subarray(0, 100))).to.equal(true)
  })

  it('leaves the IV it was given as it was', () => {
    const iv = Buffer.from(IV)
    encryptor(1000, iv).update(PLAIN)
    expect(iv.equals(IV)).to.equal(true)
  })

  for (const [name, open] of [
    ['encryptor', () => encryptor()],
    ['decryptor', () => decryptor()],
    ['bounded decryptor', () => decryptor(0, 9)],
  ] as const) {
    it(`refuses update of a closed ${name}`, async () => {
      const cipher = open()
      cipher.update(PLAIN.subarray(0, 5))
      cipher.close()
      await refused('SEALSTREAM_DATA_KEY_DISPOSED', () => cipher.update(PLAIN.subarray(5, 9)))
    })

    it(`refuses final of a closed ${name}, as RunningCipher.close promises`, async () => {
      const cipher = open()
      cipher.update(PLAIN.subarray(0, 10))
      cipher.close()
      await refused('SEALSTREAM_DATA_KEY_DISPOSED', () => cipher.final())
    })

    it(`closes a ${name} twice without complaint`, () => {
      const cipher = open()
      cipher.close()
      cipher.close()
    })

    it(`gives nothing for an empty update of the ${name}`, () => {
      expect(open().update(Buffer.alloc(0)).length).to.equal(0)
    })
  }

  it('refuses update of a closed bounded decryptor that has given all its bytes', async () => {
    const cipher = decryptor(0, 9)
    cipher.update(CIPHER.subarray(0, 10))
    cipher.close()
    await refused('SEALSTREAM_DATA_KEY_DISPOSED', () => cipher.update(CIPHER.subarray(10, 20)))
  })

  for (const size of [0, 1, 16, 4097, 2 ** 40]) {
    it(`keeps the size of ${size} bytes both ways`, () => {
      expect(aes256Ctr.ciphertextSize(size)).to.equal(size)
      expect(aes256Ctr.plaintextSize(size)).to.equal(size)
    })
  }

  it('has keys of 32 and IVs of 16 bytes', () => {
    expect(aes256Ctr).to.include({ keyBytes: 32, ivBytes: 16, headBytes: 0 })
  })

  it('encrypts a stretch that is not the end of the object to the same bytes', () => {
    const output = runCipher(aes256Ctr.encryptor(secretOf(KEY_BYTES, IV), 5, false), [PLAIN.subarray(5, 99)])
    expect(output.equals(CIPHER.subarray(5, 99))).to.equal(true)
  })
})

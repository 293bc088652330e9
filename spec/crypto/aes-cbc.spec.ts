import { createCipheriv } from 'node:crypto'
import { expect } from 'chai'
import { aes256Cbc } from '../../lib/crypto/aes-cbc.js'
import type { RunningCipher } from '../../lib/crypto/content-cipher.js'
import { decryption, secretOf } from '../support/content-secret.js'
import { feed } from '../support/feeding.js'
import { refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { piecesOf, Seeded } from '../support/seeded.js'

const random = new Seeded(102)
const KEY = random.bytes(32)
const IV = random.bytes(16)
const PLAIN = random.bytes(5000)

/** By Node's own CBC. */
const cbc = (plain: Buffer): Buffer => {
  const cipher = createCipheriv('aes-256-cbc', KEY, IV)
  return Buffer.concat([cipher.update(plain), cipher.final()])
}

/** Whole blocks as they are, whatever stands at their end. */
const unpadded = (plain: Buffer): Buffer =>
  createCipheriv('aes-256-cbc', KEY, IV).setAutoPadding(false).update(plain)

const decryptor = (start = 0, end?: number): RunningCipher =>
  aes256Cbc.decryptor(secretOf(KEY, IV), decryption({ start, end }))

/** Feeds what `ciphertextRange` names; to the end of the object where there is no end. */
function read(stored: Buffer, start: number, end?: number, following = 0): Buffer {
  const range = aes256Cbc.ciphertextRange(start, end ?? start)
  const input = stored.subarray(range.start, end === undefined ? stored.length : range.end + 1 + following)
  return runCipher(decryptor(start, end), piecesOf(input, 7))
}

describe('aes256Cbc', () => {
  for (const size of [0, 1, 15, 16, 17, 31, 32, 33, 1000, 4095, 4096, 5000]) {
    it(`restores ${size} bytes, however they arrive`, () => {
      const plain = PLAIN.subarray(0, size)
      const stored = cbc(plain)
      const chunkings = [1, 7, 15, 16, 17, 4096, 10_000].map((write) => piecesOf(stored, write))
      for (let seed = 1; seed <= 3; seed++) chunkings.push(new Seeded(seed).pieces(stored, 60))
      for (const pieces of chunkings) {
        expect(runCipher(decryptor(), pieces).equals(plain)).to.equal(true)
      }
    })

    it(`stores ${size} bytes in whole blocks, one of them at least begun by padding`, () => {
      expect(aes256Cbc.ciphertextSize(size)).to.equal(cbc(PLAIN.subarray(0, size)).length)
    })
  }

  it('gives the last block only at the end, when its padding is known', () => {
    const running = decryptor()
    expect(running.update(cbc(PLAIN.subarray(0, 40))).equals(PLAIN.subarray(0, 32))).to.equal(true)
    expect(running.final().equals(PLAIN.subarray(32, 40))).to.equal(true)
  })

  it('knows the size of the plaintext only to a block: it gives the most there can be', async () => {
    expect([16, 32, 4096].map((size) => aes256Cbc.plaintextSize(size))).to.deep.equal([15, 31, 4095])
    expect(aes256Cbc.isSizeExact).to.equal(false)
    for (const [size, expected] of [
      [0, 16],
      [1, 16],
      [15, 16],
      [17, 32],
      [4095, 4096],
    ] as const) {
      const error = await refused('SEALSTREAM_TRUNCATED', () => aes256Cbc.plaintextSize(size))
      expect(error).to.include({ expected, found: size })
    }
  })

  it('is SEALSTREAM_TRUNCATED unless whole blocks come, at least one', async () => {
    const stored = cbc(PLAIN.subarray(0, 100))
    for (const [length, expected] of [
      [0, 16],
      [1, 16],
      [15, 16],
      [17, 32],
      [111, 112],
    ] as const) {
      const error = await refused('SEALSTREAM_TRUNCATED', () =>
        runCipher(decryptor(), piecesOf(stored.subarray(0, length), 10)),
      )
      expect(error).to.include({ expected, found: length })
    }
  })

  it('has one error for every wrong padding, and gives nothing of that block', () => {
    const messages = new Set<string>()
    const blocks = [0, 17, 18, 128, 255].map((count) => Buffer.alloc(16, count))
    // Right in the last byte only, wrong in each of the others in turn.
    for (let at = 0; at < 15; at++) {
      const block = Buffer.alloc(16, 16)
      block[at] = 15
      blocks.push(block)
    }
    blocks.push(Buffer.concat([Buffer.alloc(13), Buffer.of(1, 2, 3)]))
    for (const block of blocks) {
      const stored = unpadded(Buffer.concat([PLAIN.subarray(0, 32), block]))
      const { released, error, wentOn } = feed(decryptor(), piecesOf(stored, 9))
      expect(error?.code, block.toString('hex')).to.equal('SEALSTREAM_INTEGRITY')
      messages.add(error!.message)
      expect(released.equals(PLAIN.subarray(0, 32))).to.equal(true)
      expect(wentOn).to.deep.equal([])
    }
    expect(messages.size).to.equal(1)
  })

  it('takes each right padding, of 1 to 16 bytes', () => {
    for (let count = 1; count <= 16; count++) {
      const block = Buffer.concat([PLAIN.subarray(0, 16 - count), Buffer.alloc(count, count)])
      const output = runCipher(decryptor(), [unpadded(block)])
      expect(output.equals(PLAIN.subarray(0, 16 - count)), `${count}`).to.equal(true)
    }
  })

  it('has the same error under another key', () => {
    const other = aes256Cbc.decryptor(secretOf(random.bytes(32), IV), decryption())
    expect(feed(other, [cbc(PLAIN)]).error?.code).to.equal('SEALSTREAM_INTEGRITY')
  })

  it('proves nothing: an altered block before the last is not noticed', () => {
    const stored = cbc(PLAIN.subarray(0, 100))
    stored[5]! ^= 1
    const { released, error } = feed(decryptor(), [stored])
    expect([error, released.length]).to.deep.equal([undefined, 100])
    expect(released.equals(PLAIN.subarray(0, 100))).to.equal(false)
  })

  it('leaves its input as it was', () => {
    const stored = cbc(PLAIN)
    const before = Buffer.from(stored)
    runCipher(decryptor(20), piecesOf(stored, 50))
    expect(stored.equals(before)).to.equal(true)
  })

  for (const start of [0, 20]) {
    it(`refuses update and final of a closed decryptor from ${start}, and closes twice without complaint`, async () => {
      const running = decryptor(start)
      running.update(cbc(PLAIN).subarray(0, 40))
      running.close()
      await refused('SEALSTREAM_DATA_KEY_DISPOSED', () => running.update(PLAIN))
      await refused('SEALSTREAM_DATA_KEY_DISPOSED', () => running.final())
      running.close()
    })
  }
})

describe('ranges of aes256Cbc', () => {
  for (const size of [1, 15, 16, 17, 32, 50, 64]) {
    const plain = PLAIN.subarray(0, size)
    const stored = cbc(plain)

    it(`are right from each to each position of ${size} bytes, the first block and block edges among them`, () => {
      for (let start = 0; start < size; start++) {
        for (let end = start; end < size; end++) {
          const output = read(stored, start, end, (start + end) % 20)
          expect(output.equals(plain.subarray(start, end + 1)), `${start}..${end}`).to.equal(true)
        }
      }
    })

    it(`are right from each position of ${size} bytes to the end, without its padding`, () => {
      for (let start = 0; start < size; start++) {
        expect(read(stored, start).equals(plain.subarray(start)), `from ${start}`).to.equal(true)
      }
    })
  }

  for (const [start, end, from, to] of [
    [0, 0, 0, 15],
    [15, 15, 0, 15],
    [15, 16, 0, 31],
    [16, 16, 0, 31],
    [31, 32, 0, 47],
    [32, 32, 16, 47],
    [100, 200, 80, 207],
  ] as const) {
    it(`need the stored bytes ${from} to ${to} for ${start} to ${end}: the block before is the IV`, () => {
      expect(aes256Cbc.ciphertextRange(start, end)).to.deep.equal({ start: from, end: to })
    })
  }

  it('look at no padding where they end before it', () => {
    const stored = unpadded(Buffer.concat([PLAIN.subarray(0, 32), Buffer.alloc(16)]))
    expect(read(stored, 3, 31).equals(PLAIN.subarray(3, 32))).to.equal(true)
  })

  it('have the same errors at the end of the object', async () => {
    const wrong = unpadded(Buffer.concat([PLAIN.subarray(0, 32), Buffer.alloc(16)]))
    await refused('SEALSTREAM_INTEGRITY', () => read(wrong, 20))
    const stored = cbc(PLAIN.subarray(0, 100))
    await refused('SEALSTREAM_TRUNCATED', () => read(stored.subarray(0, 105), 20))
    for (const length of [0, 5, 16]) {
      await refused('SEALSTREAM_TRUNCATED', () => runCipher(decryptor(20), [stored.subarray(0, length)]))
    }
  })

  it('are truncated when input is missing', async () => {
    const stored = cbc(PLAIN.subarray(0, 100))
    const error = await refused('SEALSTREAM_TRUNCATED', () =>
      runCipher(decryptor(20, 60), [stored.subarray(0, 48)]),
    )
    expect(error).to.include({ expected: 41, found: 28 })
  })
})

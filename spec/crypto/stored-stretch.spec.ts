import { expect } from 'chai'
import { aes256Ctr } from '../../lib/crypto/aes-ctr.js'
import { cobblestone256 } from '../../lib/crypto/cobblestone.js'
import { DataKey } from '../../lib/crypto/data-key.js'
import { plaintextAt, planStretch } from '../../lib/crypto/stored-stretch.js'
import { CobblestoneModel, sealedContextModel } from '../support/cobblestone-model.js'
import { ctrModel } from '../support/ctr-model.js'
import { refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { piecesOf, Seeded } from '../support/seeded.js'

const CHUNK = 16384
const SEALED = CHUNK + 16
const HEAD = 56
const REUSED = 'SEALSTREAM_DATA_KEY_REUSED'

const random = new Seeded(96)
const KEY = random.bytes(32)
const SALT = random.bytes(24)
const IV = random.bytes(16)
const PLAIN = random.bytes(2 * CHUNK + 1)
const SIZES = [0, 1, CHUNK - 16, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1]

const storedOf = (plain: Buffer): Buffer =>
  new CobblestoneModel(KEY, SALT, sealedContextModel([])).message(plain)
const sealedKey = (): DataKey => DataKey.from({ format: 'sealed', key: KEY, iv: SALT })
const ctrKey = (): DataKey => DataKey.from({ format: 'cos', key: KEY, iv: IV })

/** Offset and length of every part of `total` stored bytes. */
const stretchesOf = (total: number, partSize: number): { offset: number; length: number }[] =>
  Array.from({ length: Math.ceil(total / partSize) }, (_, n) => ({
    offset: n * partSize,
    length: Math.min(partSize, total - n * partSize),
  }))

/** One stretch, fed what it asks for in pieces. */
function encrypt(
  made: DataKey,
  plain: Buffer,
  { offset, length }: { offset: number; length: number },
  sameBytes = false,
): Buffer {
  const stretch = made.stretchEncryptor({ offset, length, size: plain.length }, { sameBytes })
  const wanted = plain.subarray(stretch.start, stretch.start + stretch.length)
  expect(wanted.length).to.equal(stretch.length)
  return runCipher(stretch.running, piecesOf(wanted, 7000))
}

/** Every multiple of 16 that a part could have, from more than the head up to more than two chunks. */
const PART_SIZES = Array.from({ length: 2097 }, (_, n) => 16 * (n + 4))

describe('DataKey stretchEncryptor', () => {
  for (const size of SIZES) {
    const plain = PLAIN.subarray(0, size)
    const stored = storedOf(plain)

    it(`makes the whole of ${size} bytes in parts of each multiple of 16 from 64 to 33,600`, () => {
      const made = sealedKey()
      for (const partSize of PART_SIZES) {
        // Thousands of parts of a few bytes each encrypt a whole chunk: a tenth of those sizes shows as much.
        if (partSize < 2000 && (partSize / 16) % 10 !== size % 10) continue
        for (const stretch of stretchesOf(stored.length, partSize)) {
          const { offset, length } = stretch
          const given = encrypt(made, plain, stretch, true)
          if (given.equals(stored.subarray(offset, offset + length))) continue
          expect.fail(`parts of ${partSize}: ${offset} and ${length} more are wrong`)
        }
      }
    })

    it(`makes the whole of ${size} bytes in any two stretches that meet around an edge`, () => {
      const made = sealedKey()
      const edges = [0, HEAD, HEAD + CHUNK, HEAD + SEALED, HEAD + 2 * SEALED - 16, HEAD + 2 * SEALED]
      const cuts = edges.flatMap((edge) => [edge - 16, edge - 1, edge, edge + 1, edge + 15, edge + 16])
      for (const cut of cuts.filter((at) => at > HEAD && at < stored.length)) {
        const first = encrypt(made, plain, { offset: 0, length: cut }, true)
        const second = encrypt(made, plain, { offset: cut, length: stored.length - cut }, true)
        expect(Buffer.concat([first, second]).equals(stored), `cut at ${cut}`).to.equal(true)
      }
    })
  }

  it('gives a stretch that lies within the head, or is all of it, and asks for no plaintext', () => {
    for (const length of [1, 16, HEAD - 1, HEAD]) {
      const output = encrypt(sealedKey(), PLAIN, { offset: 0, length })
      expect(output.equals(storedOf(PLAIN).subarray(0, length)), `${length} bytes`).to.equal(true)
    }
  })

  it('gives cos in parts of 16 to 800 bytes as its keystream has it', () => {
    const plain = PLAIN.subarray(0, 1000)
    const stored = ctrModel(KEY, IV, plain)
    for (let partSize = 16; partSize <= 800; partSize += 16) {
      const made = ctrKey()
      const parts = stretchesOf(1000, partSize).map((stretch) => encrypt(made, plain, stretch))
      expect(Buffer.concat(parts).equals(stored), `parts of ${partSize}`).to.equal(true)
    }
  })

  it('gives cos-java-gcm only as one whole, from its first byte', async () => {
    const made = DataKey.generate('cos-java-gcm')
    const plain = PLAIN.subarray(0, 1000)
    await refused('SEALSTREAM_OPTION', () => encrypt(made, plain, { offset: 16, length: 16 }))
    const stored = encrypt(made, plain, { offset: 0, length: 1016 })
    expect(runCipher(made.decryptor(), [stored]).equals(plain)).to.equal(true)
  })

  it('refuses to end when fewer bytes came than it asked for', async () => {
    for (const size of [CHUNK, 2 * CHUNK]) {
      const made = sealedKey()
      const { running, length } = made.stretchEncryptor({ offset: 0, length: HEAD + SEALED, size })
      running.update(PLAIN.subarray(0, length - 1))
      await refused('SEALSTREAM_BODY_LENGTH', () => running.final())
    }
    const { running } = sealedKey().stretchEncryptor({ offset: 0, length: 172, size: 100 })
    running.update(PLAIN.subarray(0, 99))
    await refused('SEALSTREAM_TRUNCATED', () => running.final())
  })

  it('is refused after dispose', async () => {
    const made = sealedKey()
    made.dispose()
    await refused('SEALSTREAM_DATA_KEY_DISPOSED', () => encrypt(made, PLAIN, { offset: 0, length: 100 }))
  })
})

describe('DataKey stretchEncryptor and positions already encrypted', () => {
  const plain = PLAIN
  const total = storedOf(plain).length
  const stretches = stretchesOf(total, 4096)

  /** From the last to the first, and each way of beginning in the middle. */
  const orders = [stretches, stretches.toReversed(), [...stretches.slice(3), ...stretches.slice(0, 3)]]

  for (const [index, order] of orders.entries()) {
    it(`accepts stretches side by side, once, in order ${index + 1} of 3`, async () => {
      const made = sealedKey()
      for (const stretch of order) encrypt(made, plain, stretch)
      for (const stretch of order) await refused(REUSED, () => encrypt(made, plain, stretch))
    })
  }

  it('accepts them again with sameBytes, and refuses them then as before', async () => {
    const made = sealedKey()
    for (const stretch of stretches) encrypt(made, plain, stretch)
    for (const stretch of stretches) encrypt(made, plain, stretch, true)
    for (const stretch of stretches) await refused(REUSED, () => encrypt(made, plain, stretch))
  })

  it('accepts stretches side by side of every size from 80 bytes on, empty last chunks among them', () => {
    for (const size of SIZES) {
      for (let partSize = 80; partSize < 2 * SEALED; partSize += partSize < 400 ? 16 : 1600) {
        const made = sealedKey()
        const parts = stretchesOf(storedOf(plain.subarray(0, size)).length, partSize)
        for (const stretch of parts) encrypt(made, plain.subarray(0, size), stretch)
      }
    }
  })

  it('accepts two stretches without a byte of plaintext side by side: of the head, or of the last tags', () => {
    const made = sealedKey()
    for (const [offset, length] of [
      [0, 64],
      [64, 8],
    ] as const) {
      encrypt(made, Buffer.alloc(0), { offset, length })
    }
    const chunk = PLAIN.subarray(0, CHUNK)
    const other = sealedKey()
    for (const [offset, length] of [
      [0, HEAD + CHUNK],
      [HEAD + CHUNK, 8],
      [HEAD + CHUNK + 8, 24],
    ] as const) {
      encrypt(other, chunk, { offset, length })
    }
  })

  it('refuses those that overlap by a byte of plaintext', async () => {
    const made = sealedKey()
    encrypt(made, plain, { offset: 4096, length: 4096 })
    for (const [offset, length] of [
      [0, 4097],
      [4096, 1],
      [8191, 100],
      [5000, 50],
      [0, total],
    ] as const) {
      await refused(REUSED, () => encrypt(made, plain, { offset, length }))
    }
    encrypt(made, plain, { offset: 8192, length: 100 })
  })

  it('refuse plain encryption that overlaps them, and the other way round', async () => {
    const made = sealedKey()
    encrypt(made, plain, { offset: HEAD + SEALED, length: SEALED })
    await refused(REUSED, () => made.encryptor({ start: CHUNK }))
    await refused(REUSED, () => runCipher(made.encryptor(), [plain]))
    const other = sealedKey()
    runCipher(other.encryptor(), [plain])
    for (const stretch of stretches.slice(1)) await refused(REUSED, () => encrypt(other, plain, stretch))
  })

  it('are claimed when they are asked for, before a byte has come', async () => {
    const made = sealedKey()
    made.stretchEncryptor({ offset: 4096, length: 4096, size: plain.length })
    await refused(REUSED, () => encrypt(made, plain, { offset: 8000, length: 16 }))
  })

  it('are all refused after markUsed, except with sameBytes', async () => {
    const made = sealedKey()
    made.markUsed()
    for (const stretch of stretches) await refused(REUSED, () => encrypt(made, plain, stretch))
    const parts = stretches.map((stretch) => encrypt(made, plain, stretch, true))
    expect(Buffer.concat(parts).equals(storedOf(plain))).to.equal(true)
  })
})

describe('planStretch', () => {
  it('shares out every plaintext byte exactly once, whatever the part size', () => {
    for (const cipher of [cobblestone256, aes256Ctr]) {
      for (const size of SIZES) {
        for (const partSize of [16, 48, 64, 1008, 8192, CHUNK, SEALED, CHUNK + 32, 50_000]) {
          let next = 0
          for (const { offset, length } of stretchesOf(cipher.ciphertextSize(size), partSize)) {
            const plan = planStretch(cipher, { offset, length, size })
            expect(plan.owned.start, `${size} in ${partSize} at ${offset}`).to.equal(next)
            expect(plan.start % cipher.unit.plaintext).to.equal(0)
            expect(plan.start).to.be.at.most(plan.owned.start)
            next += plan.owned.length
            expect(plan.start + plan.length).to.be.at.least(next)
          }
          expect(next, `${size} in ${partSize}`).to.equal(size)
        }
      }
    }
  })

  for (const [offset, position] of [
    [0, 0],
    [HEAD, 0],
    [HEAD + 1, 1],
    [HEAD + CHUNK, CHUNK],
    [HEAD + SEALED - 1, CHUNK],
    [HEAD + SEALED, CHUNK],
    [HEAD + SEALED + 9, CHUNK + 9],
  ] as const) {
    it(`finds position ${position} at stored byte ${offset} of sealed`, () => {
      expect(plaintextAt(cobblestone256, offset)).to.equal(position)
    })
  }
})

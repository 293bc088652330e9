import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import type { DecryptorOptions } from '../../lib/crypto/data-key-options.js'
import { CobblestoneModel, sealedContextModel } from '../support/cobblestone-model.js'
import { refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { piecesOf, Seeded } from '../support/seeded.js'

const CHUNK = 16384
const SEALED = CHUNK + 16
const HEAD = 56

const random = new Seeded(91)
const KEY = random.bytes(32)
const SALT = random.bytes(24)
const OTHER_SALT = random.bytes(24)
const LARGE = random.bytes(20 * CHUNK + 5000)
const CONTEXT = { tenant: 'a', document: '17' }
/** Sorted by the bytes of the name. */
const BOUND = sealedContextModel([
  ['document', '17'],
  ['tenant', 'a'],
])

const MODEL = new CobblestoneModel(KEY, SALT, BOUND)
const messageOf = (salt: Buffer, plain: Buffer): Buffer =>
  new CobblestoneModel(KEY, salt, BOUND).message(plain)

/** As a reader has it: the salt stands in the object. */
const dataKey = (iv?: Buffer): DataKey =>
  DataKey.from({ format: 'sealed', key: KEY, context: CONTEXT, ...(iv === undefined ? {} : { iv }) })

/** Feeds what `ciphertextRange` names, as far as it is there, and whatever else follows. */
function read(made: DataKey, stored: Buffer, options: DecryptorOptions, following = 0): Buffer {
  const { start = 0, end = start } = options
  const range = made.ciphertextRange(start, end)
  const last = options.end === undefined ? stored.length : range.end + 1 + following
  return runCipher(made.decryptor(options), piecesOf(stored.subarray(range.start, last), 5000))
}

describe('ranges of sealed', () => {
  for (const size of [1, 17, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1, 3 * CHUNK + 100]) {
    const plain = LARGE.subarray(0, size)
    const stored = MODEL.message(plain)
    const edges = [0, CHUNK, 2 * CHUNK, 3 * CHUNK, size]
    const positions = [...new Set(edges.flatMap((edge) => [edge - 17, edge - 16, edge - 1, edge, edge + 1]))]
      .filter((position) => position >= 0 && position < size)
      .sort((a, b) => a - b)

    it(`are right from each to each of ${positions.length} positions around chunk edges of ${size} bytes`, () => {
      const made = dataKey()
      made.readHead(stored.subarray(0, HEAD))
      for (const start of positions) {
        for (const end of positions.filter((position) => position >= start)) {
          const output = read(made, stored, { start, end })
          expect(output.equals(plain.subarray(start, end + 1)), `${start}..${end}`).to.equal(true)
        }
      }
    })

    it(`are right from each of ${positions.length} positions to the end of ${size} bytes`, () => {
      const head = stored.subarray(0, HEAD)
      for (const start of positions) {
        const output = read(dataKey(), stored, { start, head })
        expect(output.equals(plain.subarray(start)), `from ${start}`).to.equal(true)
      }
    })

    it(`drop what follows, and miss what lies beyond the end of ${size} bytes`, async () => {
      const made = dataKey(SALT)
      const end = Math.max(0, size - CHUNK - 1)
      expect(read(made, stored, { start: 0, end }, 20_000).equals(plain.subarray(0, end + 1))).to.equal(true)
      const error = await refused('SEALSTREAM_TRUNCATED', () => read(made, stored, { start: 0, end: size }))
      expect(error).to.include({ expected: size + 1, found: size })
    })
  }

  it('are right for 300 random ones of 20 chunks', () => {
    const stored = MODEL.message(LARGE)
    const made = dataKey()
    made.readHead(stored.subarray(0, HEAD))
    const seeded = new Seeded(92)
    for (let round = 0; round < 300; round++) {
      const start = seeded.integer(LARGE.length)
      const end = start + seeded.integer(Math.min(LARGE.length - start, 3 * CHUNK))
      const output = read(made, stored, { start, end }, seeded.integer(3) * 100)
      expect(output.equals(LARGE.subarray(start, end + 1)), `${start}..${end}`).to.equal(true)
    }
  })

  for (const [start, end, from, to] of [
    [0, 0, 0, HEAD + SEALED - 1],
    [CHUNK - 1, CHUNK - 1, 0, HEAD + SEALED - 1],
    [CHUNK - 1, CHUNK, 0, HEAD + 2 * SEALED - 1],
    [CHUNK, CHUNK, HEAD + SEALED, HEAD + 2 * SEALED - 1],
    [5 * CHUNK + 9, 7 * CHUNK - 1, HEAD + 5 * SEALED, HEAD + 7 * SEALED - 1],
  ] as const) {
    it(`need the stored bytes ${from} to ${to} for ${start} to ${end}`, () => {
      expect(dataKey().ciphertextRange(start, end)).to.deep.equal({ start: from, end: to })
    })
  }

  it('are SEALSTREAM_TRUNCATED when the input ends between two chunks', async () => {
    const stored = MODEL.message(LARGE)
    const running = dataKey(SALT).decryptor({ start: CHUNK, end: 4 * CHUNK })
    const given = running.update(stored.subarray(HEAD + SEALED, HEAD + 3 * SEALED))
    expect(given.equals(LARGE.subarray(CHUNK, 3 * CHUNK))).to.equal(true)
    await refused('SEALSTREAM_TRUNCATED', () => running.final())
  })

  it('fail the tag, and release nothing of the chunk, when the input ends within one', async () => {
    const stored = MODEL.message(LARGE)
    const running = dataKey(SALT).decryptor({ start: CHUNK, end: 2 * CHUNK - 1 })
    expect(running.update(stored.subarray(HEAD + SEALED, HEAD + 2 * SEALED - 1)).length).to.equal(0)
    const error = await refused('SEALSTREAM_AUTHENTICATION', () => running.final())
    expect(error).to.include({ chunk: 1 })
  })

  it('are never taken from another position: chunk 2 where 1 is wanted fails', async () => {
    const stored = MODEL.message(LARGE)
    const running = dataKey(SALT).decryptor({ start: CHUNK, end: 2 * CHUNK - 1 })
    const error = await refused('SEALSTREAM_AUTHENTICATION', () =>
      running.update(stored.subarray(HEAD + 2 * SEALED, HEAD + 3 * SEALED)),
    )
    expect(error).to.include({ chunk: 1 })
  })

  it('are never more than the object: a chunk within, cut short and sealed anew, does not end it', async () => {
    const forged = [
      MODEL.head,
      MODEL.chunk(0, LARGE.subarray(0, CHUNK)),
      MODEL.chunk(1, LARGE.subarray(0, 50)),
    ]
    const made = dataKey()
    const range = { start: 0, end: 2 * CHUNK }
    // Who has the key can do that; the reader still notices that bytes are missing.
    await refused('SEALSTREAM_TRUNCATED', () => runCipher(made.decryptor(range), forged))
  })
})

describe('the head of a range of sealed', () => {
  const stored = MODEL.message(LARGE)
  const head = stored.subarray(0, HEAD)
  const range = { start: 3 * CHUNK + 5, end: 4 * CHUNK }

  it('is not needed from a data key that knows the salt, nor for a range that begins with it', () => {
    expect(read(dataKey(SALT), stored, range).equals(LARGE.subarray(range.start, range.end + 1))).to.equal(
      true,
    )
    const first = read(dataKey(), stored, { start: 5, end: 9 })
    expect(first.equals(LARGE.subarray(5, 10))).to.equal(true)
  })

  it('is missed otherwise, and the error names the option', async () => {
    for (const options of [range, { start: CHUNK }, { start: CHUNK, end: CHUNK }]) {
      const error = await refused('SEALSTREAM_OPTION', () => dataKey().decryptor(options))
      expect(error).to.include({ option: 'head' })
    }
  })

  it('is remembered: it need be given once', () => {
    const made = dataKey()
    expect(made.hasHead).to.equal(false)
    read(made, stored, { ...range, head })
    expect(made.hasHead).to.equal(true)
    expect(read(made, stored, range).equals(LARGE.subarray(range.start, range.end + 1))).to.equal(true)
  })

  it('is known to a data key that was generated or made with its salt', () => {
    expect([DataKey.generate('sealed').hasHead, dataKey(SALT).hasHead]).to.deep.equal([true, true])
  })

  it('is refused when any one of its 448 bits is another', async () => {
    for (let bit = 0; bit < HEAD * 8; bit++) {
      const altered = Buffer.from(head)
      altered[bit >> 3]! ^= 1 << (bit & 7)
      await refused('SEALSTREAM_COMMITMENT', () => dataKey().decryptor({ ...range, head: altered }))
    }
  })

  it('of another object under the same data key is refused: one data key, one object', async () => {
    const other = messageOf(OTHER_SALT, LARGE).subarray(0, HEAD)
    const made = dataKey()
    made.readHead(head)
    const error = await refused('SEALSTREAM_OPTION', () => made.decryptor({ ...range, head: other }))
    expect(error).to.include({ option: 'head' })
    await refused('SEALSTREAM_OPTION', () => dataKey(SALT).readHead(other))
    // And the data key is what it was.
    expect(read(made, stored, range).equals(LARGE.subarray(range.start, range.end + 1))).to.equal(true)
  })

  it('of an object under another data key or another context does not commit', async () => {
    const foreign = new CobblestoneModel(random.bytes(32), SALT, BOUND)
    await refused('SEALSTREAM_COMMITMENT', () => dataKey().readHead(foreign.head))
    for (const context of [{}, { tenant: 'a' }, { tenant: 'a', document: '18' }, { ...CONTEXT, more: '' }]) {
      const made = DataKey.from({ format: 'sealed', key: KEY, context })
      await refused('SEALSTREAM_COMMITMENT', () => made.readHead(head))
      expect(made.hasHead).to.equal(false)
    }
  })

  it('must have 56 bytes, and be bytes', async () => {
    for (const length of [0, 24, 55, 57, 100]) {
      const error = await refused('SEALSTREAM_OPTION', () => dataKey().readHead(Buffer.alloc(length)))
      expect(error).to.include({ option: 'head' })
    }
    for (const wrong of ['x'.repeat(56), [...head], {}, null]) {
      const error = await refused('SEALSTREAM_OPTION', () => dataKey().readHead(wrong as Buffer))
      expect(error).to.include({ option: 'head' })
    }
  })

  it('may be a view into larger memory, and is copied', () => {
    const memory = new Uint8Array(Buffer.concat([Buffer.alloc(7), head, Buffer.alloc(7)]))
    const made = dataKey()
    made.readHead(memory.subarray(7, 7 + HEAD))
    memory.fill(0)
    expect(read(made, stored, range).equals(LARGE.subarray(range.start, range.end + 1))).to.equal(true)
  })

  it('is refused by the formats that have none', async () => {
    for (const format of ['cos', 'cos-python', 'cos-java-gcm'] as const) {
      const made = DataKey.generate(format)
      const error = await refused('SEALSTREAM_OPTION', () => made.readHead(head))
      expect(error).to.include({ option: 'head' })
      await refused('SEALSTREAM_OPTION', () => made.decryptor({ head }))
    }
  })

  it('is refused after dispose', async () => {
    const made = dataKey()
    made.dispose()
    await refused('SEALSTREAM_DATA_KEY_DISPOSED', () => made.readHead(head))
    await refused('SEALSTREAM_DATA_KEY_DISPOSED', () => made.hasHead)
  })
})

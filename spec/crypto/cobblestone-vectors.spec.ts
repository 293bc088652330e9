import { createHash } from 'node:crypto'
import { inflateSync } from 'node:zlib'
import { expect } from 'chai'
import { cobblestone256 } from '../../lib/crypto/cobblestone.js'
import { deriveMessageKey } from '../../lib/crypto/cobblestone-key.js'
import { DataKey } from '../../lib/crypto/data-key.js'
import { SealstreamError, type ErrorCode } from '../../lib/errors.js'
import { CobblestoneModel } from '../support/cobblestone-model.js'
import { decryption, secretOf } from '../support/content-secret.js'
import { feed, type Feeding } from '../support/feeding.js'
import { runCipher } from '../support/run-cipher.js'
import { piecesOf, Seeded } from '../support/seeded.js'
import { fromHex, nameOf, wycheproof, type ChunkedVector } from '../support/wycheproof.js'

const CHUNK = 16384
const SEALED = CHUNK + 16
const HEAD = 56

const all = wycheproof.chunked()
const valid = all.filter(({ result }) => result === 'valid')
const invalid = all.filter(({ result }) => result === 'invalid')
const isWrongKeySize = ({ flags }: ChunkedVector): boolean => flags.includes('InvalidKeySize')
const fed = all.filter((vector) => !isWrongKeySize(vector))

/** Those whose bytes end before a chunk does, everything before it being right; all else that is wrong fails a tag. */
const TRUNCATED = [16, 17, 19, 20, 27, 28, 29, 30, 31]

/** How a vector must fail. */
function codeOf({ tcId, flags }: ChunkedVector): ErrorCode {
  if (TRUNCATED.includes(tcId)) return 'SEALSTREAM_TRUNCATED'
  return flags.includes('HeaderFailure') ? 'SEALSTREAM_COMMITMENT' : 'SEALSTREAM_AUTHENTICATION'
}

const ciphertextOf = ({ ct }: ChunkedVector): Buffer => inflateSync(fromHex(ct))
const sha512 = (bytes: Buffer): string => createHash('sha512').update(bytes).digest('hex')

function decrypt(vector: ChunkedVector, pieces: Iterable<Uint8Array>): Feeding {
  const secret = secretOf(fromHex(vector.key), undefined, fromHex(vector.ctx))
  return feed(cobblestone256.decryptor(secret, decryption()), pieces)
}

/** Byte by byte; where there are millions, byte by byte at the edges of head and chunks, and the rest in between at once. */
function* singly(bytes: Buffer): Iterable<Buffer> {
  for (let at = 0; at < bytes.length;) {
    const inChunk = (at - HEAD) % SEALED
    const isEdge = bytes.length <= 50_000 || at < HEAD + 16 || inChunk < 20 || inChunk >= SEALED - 40
    const length = isEdge ? 1 : SEALED - 40 - inChunk
    yield bytes.subarray(at, at + length)
    at += length
  }
}

/** Every way in which the bytes come. The first one gives out all that can be given out. */
function* chunkings(bytes: Buffer, seed: number): Iterable<[string, Iterable<Buffer>]> {
  yield ['byte by byte', singly(bytes)]
  yield ['whole', [bytes]]
  const random = new Seeded(seed)
  for (const most of [40, 5000, 40_000]) {
    // Tiny pieces of the two vectors of 4 MiB would take long and show nothing new.
    if (bytes.length > 50_000 && most === 40) continue
    yield [`in pieces of up to ${most}`, random.pieces(bytes, most)]
  }
  yield ['chunk by chunk', [bytes.subarray(0, HEAD), ...piecesOf(bytes.subarray(HEAD), SEALED)]]
}

/** Decrypts the last chunk alone, by the length of what is stored, as who seeks from the end does. */
function lastChunk(vector: ChunkedVector): { bytes: Buffer } | { code: ErrorCode } {
  const stored = ciphertextOf(vector)
  const secret = secretOf(fromHex(vector.key), undefined, fromHex(vector.ctx))
  try {
    const size = cobblestone256.plaintextSize(stored.length)
    const iv = cobblestone256.openHead!(secret, stored.subarray(0, HEAD))
    const start = Math.floor(size / CHUNK) * CHUNK
    const from = start === 0 ? 0 : HEAD + (start / CHUNK) * SEALED
    const running = cobblestone256.decryptor({ ...secret, iv }, decryption({ start }))
    return { bytes: runCipher(running, [stored.subarray(from)]) }
  } catch (error) {
    if (error instanceof SealstreamError) return { code: error.code }
    throw error
  }
}

describe(`Cobblestone-256 against the ${all.length} vectors of c2sp_chunked_encryption_aes_256_gcm`, () => {
  const derived = all.filter(({ aeadKey }) => aeadKey !== undefined)
  it(`derives key and base nonce of ${derived.length} of ${derived.length} that give them`, () => {
    for (const vector of derived) {
      const salt = ciphertextOf(vector).subarray(0, 24)
      const { key, baseNonce } = deriveMessageKey(
        secretOf(fromHex(vector.key), undefined).key,
        salt,
        fromHex(vector.ctx),
      )
      expect(key.export().toString('hex'), nameOf(vector)).to.equal(vector.aeadKey)
      expect(baseNonce.toString('hex'), nameOf(vector)).to.equal(vector.baseNonce)
    }
  })

  it(`decrypts ${valid.length} of ${valid.length} valid ones whole, byte by byte and in random pieces`, () => {
    for (const vector of valid) {
      for (const [how, pieces] of chunkings(ciphertextOf(vector), vector.tcId)) {
        const { released, error } = decrypt(vector, pieces)
        expect(error?.message, `${nameOf(vector)} ${how}`).to.equal(undefined)
        expect(released.length, nameOf(vector)).to.equal(vector.msgLength)
        expect(sha512(released), nameOf(vector)).to.equal(vector.msgSha512)
      }
    }
  })

  it(`encrypts the plaintext of the ${valid.length} valid ones to their bytes again, in random pieces`, () => {
    for (const vector of valid) {
      const stored = ciphertextOf(vector)
      const plaintext = decrypt(vector, [stored]).released
      const secret = secretOf(fromHex(vector.key), Buffer.from(stored.subarray(0, 24)), fromHex(vector.ctx))
      for (const most of [20_000, 100_000]) {
        const pieces = new Seeded(vector.tcId).pieces(plaintext, most)
        const output = runCipher(cobblestone256.encryptor(secret, 0, true), pieces)
        expect(output.equals(stored), nameOf(vector)).to.equal(true)
      }
    }
  })

  it("agrees with the model of this spec's own on all of them", () => {
    for (const vector of valid) {
      const stored = ciphertextOf(vector)
      const model = new CobblestoneModel(fromHex(vector.key), stored.subarray(0, 24), fromHex(vector.ctx))
      expect(model.message(decrypt(vector, [stored]).released).equals(stored), nameOf(vector)).to.equal(true)
    }
  })

  const refusing = invalid.filter((vector) => !isWrongKeySize(vector))
  it(`refuses ${refusing.length} of ${refusing.length} invalid ones with the right code in every chunking`, () => {
    for (const vector of refusing) {
      for (const [how, pieces] of chunkings(ciphertextOf(vector), vector.tcId)) {
        expect(decrypt(vector, pieces).error?.code, `${nameOf(vector)} ${how}`).to.equal(codeOf(vector))
      }
    }
  })

  const partial = invalid.filter(({ flags }) => flags.includes('PartialPlaintext'))
  it(`releases of the ${partial.length} with PartialPlaintext the right beginning, and never more`, () => {
    expect(partial.length).to.equal(9)
    for (const vector of partial) {
      let whole: Buffer = Buffer.alloc(0)
      for (const [how, pieces] of chunkings(ciphertextOf(vector), vector.tcId)) {
        const { released } = decrypt(vector, pieces)
        if (how === 'byte by byte') {
          expect(sha512(released), nameOf(vector)).to.equal(vector.msgSha512)
          whole = released
        }
        expect(released.length, `${nameOf(vector)} ${how}`).to.be.at.most(vector.msgLength!)
        expect(whole.subarray(0, released.length).equals(released), nameOf(vector)).to.equal(true)
      }
    }
  })

  it(`releases nothing of the other ${refusing.length - partial.length}`, () => {
    for (const vector of refusing.filter((other) => !partial.includes(other))) {
      for (const [how, pieces] of chunkings(ciphertextOf(vector), vector.tcId)) {
        expect(decrypt(vector, pieces).released.length, `${nameOf(vector)} ${how}`).to.equal(0)
      }
    }
  })

  it(`goes on failing after the first error of all ${refusing.length}, and gives nothing more`, () => {
    for (const vector of refusing) {
      for (const [how, pieces] of chunkings(ciphertextOf(vector), vector.tcId)) {
        expect(decrypt(vector, pieces).wentOn, `${nameOf(vector)} ${how}`).to.deep.equal([])
      }
    }
  })

  const lengths = invalid.filter(isWrongKeySize)
  it(`refuses the input keys of ${lengths.length} of ${lengths.length} with InvalidKeySize when a data key is made`, () => {
    expect(lengths).to.have.length(2)
    for (const vector of lengths) {
      const make = (): DataKey => DataKey.from({ format: 'sealed', key: fromHex(vector.key) })
      expect(make, nameOf(vector)).to.throw(SealstreamError).with.property('option', 'key')
    }
  })

  const final = invalid.filter(({ flags }) => flags.includes('ValidFinalChunk'))
  it(`seeks to the last chunk of the ${valid.length} valid ones and of the ${final.length} with ValidFinalChunk`, () => {
    expect(final.length).to.equal(4)
    for (const vector of [...valid, ...final]) {
      const output = lastChunk(vector)
      if (!('bytes' in output)) return expect.fail(`${nameOf(vector)}: ${output.code}`)
      if (vector.result !== 'valid') continue
      const whole = decrypt(vector, [ciphertextOf(vector)]).released
      const tail = whole.subarray(whole.length - (whole.length % CHUNK))
      expect(output.bytes.equals(tail), nameOf(vector)).to.equal(true)
    }
    return undefined
  })

  it(`seeks to the last chunk of none of the other ${refusing.length - final.length} invalid ones`, () => {
    for (const vector of refusing.filter((other) => !final.includes(other))) {
      expect(lastChunk(vector), nameOf(vector)).to.have.property('code')
    }
  })

  it(`accounts for all ${all.length}: ${fed.length} fed, ${lengths.length} refused by their keys`, () => {
    expect([all.length, fed.length + lengths.length]).to.deep.equal([35, 35])
    expect([valid.length, invalid.length]).to.deep.equal([10, 25])
  })
})

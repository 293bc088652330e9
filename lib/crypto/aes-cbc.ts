/**
 * AES-256-CBC with PKCS#7 padding, which the COS Java SDK can write (wire-formats A3): read only. Nothing is authenticated,
 * and the size of the plaintext is known only to whoever decrypts the last block.
 */
import { createDecipheriv, type Decipher } from 'node:crypto'
import { KeyError, LengthError, OptionError, SealstreamError } from '../errors.js'
import type { CipherSecret, ContentCipher, RunningCipher } from './content-cipher.js'
import { BLOCK_BYTES } from './counter.js'
import { Stretch } from './stretch.js'

const NOTHING = Buffer.alloc(0)

/** Blocks in order. From a position past the first block, the block before it comes first: it is that one's IV. */
class CbcDecryptor implements RunningCipher {
  readonly #secret: CipherSecret
  readonly #isToEnd: boolean
  #decipher: Decipher | undefined
  #isClosed = false
  /** The block that stands in for the IV, as far as it has come. */
  #before: Buffer
  #needsBefore: boolean
  /** The last plaintext block that has come, which may hold padding. */
  #last = NOTHING
  #bytes = 0

  constructor(secret: CipherSecret, start: number, isToEnd: boolean) {
    this.#secret = secret
    this.#isToEnd = isToEnd
    this.#needsBefore = start >= BLOCK_BYTES
    this.#before = this.#needsBefore ? NOTHING : (secret.iv as Buffer)
    if (!this.#needsBefore) this.#start()
  }

  update(bytes: Uint8Array): Buffer {
    this.#assertOpen()
    let content = bytes
    if (this.#needsBefore) {
      const missing = BLOCK_BYTES - this.#before.length
      this.#before = Buffer.concat([this.#before, content.subarray(0, missing)])
      content = content.subarray(missing)
      if (this.#before.length < BLOCK_BYTES) return NOTHING
      this.#needsBefore = false
      this.#start()
    }
    this.#bytes += content.length
    const output = (this.#decipher as Decipher).update(content)
    if (!this.#isToEnd || output.length === 0) return output
    const given = Buffer.concat([this.#last, output.subarray(0, -BLOCK_BYTES)])
    this.#last = Buffer.from(output.subarray(-BLOCK_BYTES))
    return given
  }

  final(): Buffer {
    this.#assertOpen()
    if (!this.#isToEnd) return NOTHING
    if (this.#last.length === 0 || this.#bytes % BLOCK_BYTES !== 0) {
      const whole = Math.max(1, Math.ceil(this.#bytes / BLOCK_BYTES)) * BLOCK_BYTES
      throw new LengthError('SEALSTREAM_TRUNCATED', 'ciphertext', whole, this.#bytes)
    }
    return unpad(this.#last)
  }

  close(): void {
    this.#isClosed = true
    this.#decipher = undefined
    this.#last = NOTHING
  }

  #start(): void {
    this.#decipher = createDecipheriv('aes-256-cbc', this.#secret.key, this.#before).setAutoPadding(false)
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new KeyError('SEALSTREAM_DATA_KEY_DISPOSED', 'this cipher was closed')
  }
}

/** One error for whatever is wrong with it, found in the same time wherever it is. */
function unpad(block: Buffer): Buffer {
  const count = block[BLOCK_BYTES - 1] as number
  let wrong = count === 0 || count > BLOCK_BYTES ? 1 : 0
  for (let at = 0; at < BLOCK_BYTES; at++) {
    const isPadding = at >= BLOCK_BYTES - count ? 0xff : 0
    wrong |= isPadding & ((block[at] as number) ^ count)
  }
  if (wrong === 0) return block.subarray(0, BLOCK_BYTES - count)
  throw new SealstreamError(
    'SEALSTREAM_INTEGRITY',
    'the last block is not padded as it should be: wrong master key, or altered object',
  )
}

/** AES-256-CBC as a content cipher that only decrypts. */
export const aes256Cbc: ContentCipher = {
  keyBytes: 32,
  ivBytes: BLOCK_BYTES,
  headBytes: 0,
  unit: { plaintext: BLOCK_BYTES, ciphertext: BLOCK_BYTES },
  isSerial: true,
  provesPieces: false,
  isSizeExact: false,
  ciphertextSize: (plaintextSize) => plaintextSize + BLOCK_BYTES - (plaintextSize % BLOCK_BYTES),
  plaintextSize(ciphertextSize) {
    if (ciphertextSize > 0 && ciphertextSize % BLOCK_BYTES === 0) return ciphertextSize - 1
    const whole = (Math.floor(ciphertextSize / BLOCK_BYTES) + 1) * BLOCK_BYTES
    throw new LengthError('SEALSTREAM_TRUNCATED', 'ciphertext', whole, ciphertextSize)
  },
  ciphertextRange(start, end) {
    const first = Math.floor(start / BLOCK_BYTES) * BLOCK_BYTES
    return {
      start: Math.max(0, first - BLOCK_BYTES),
      end: Math.floor(end / BLOCK_BYTES) * BLOCK_BYTES + BLOCK_BYTES - 1,
    }
  },
  encryptor() {
    throw new OptionError('format', 'is only read', { value: 'cos-java-cbc' })
  },
  decryptor(secret, { start, end }) {
    const running = new CbcDecryptor(secret, start, end === undefined)
    const length = end === undefined ? undefined : end - start + 1
    return new Stretch(running, { skip: start % BLOCK_BYTES, length })
  },
}

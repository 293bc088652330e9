/**
 * C2SP chunked encryption v1, "Cobblestone-256" (c2sp.org/chunked-encryption), as a content cipher: a head of 56 bytes, then
 * chunks of 16 KiB, each AES-256-GCM with a tag of its own. The last chunk is shorter, and may be empty: that is how a
 * message ends, so a cut one shows.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { AuthenticationError, KeyError, LengthError, OptionError } from '../errors.js'
import { reclaim } from '../internal/reclaim.js'
import {
  HEAD_BYTES,
  openMessageKey,
  deriveMessageKey,
  SALT_BYTES,
  type MessageKey,
} from './cobblestone-key.js'
import type { CipherSecret, ContentCipher, RunningCipher } from './content-cipher.js'
import { Pieces } from './pieces.js'
import { Stretch } from './stretch.js'

/** Plaintext bytes of every chunk but the last. */
export const CHUNK_BYTES = 16 * 1024
const TAG_BYTES = 16
const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES

/** 2^38 chunks, the last of them shorter. */
const MOST_CHUNKS = 2 ** 38
const MOST_PLAINTEXT_BYTES = MOST_CHUNKS * CHUNK_BYTES - 1

const NOTHING = Buffer.alloc(0)

/** The base nonce XOR the number of the chunk, big-endian. A chunk number has at most 38 bits. */
function nonceOf({ baseNonce }: MessageKey, chunk: number): Buffer {
  const nonce = Buffer.from(baseNonce)
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ ((chunk % 2 ** 32) | 0)) >>> 0, 8)
  nonce.writeUInt8(nonce.readUInt8(7) ^ Math.floor(chunk / 2 ** 32), 7)
  return nonce
}

class ChunkEncryptor implements RunningCipher {
  #keys: MessageKey | undefined
  readonly #pieces = new Pieces(CHUNK_BYTES)
  readonly #isFinal: boolean
  #chunk: number
  /** The head, until it has been given out. */
  #head: Buffer

  constructor({ key, iv, context }: CipherSecret, start: number, isFinal: boolean) {
    if (start % CHUNK_BYTES !== 0) {
      throw new OptionError('start', `must be a multiple of ${CHUNK_BYTES} in format sealed`, {
        value: start,
      })
    }
    this.#keys = deriveMessageKey(key, requireSalt(iv), context)
    this.#chunk = start / CHUNK_BYTES
    this.#head = start === 0 ? this.#keys.head : NOTHING
    this.#isFinal = isFinal
  }

  update(bytes: Uint8Array): Buffer {
    const keys = open(this.#keys)
    const count = this.#pieces.count(bytes.length)
    const output = Buffer.allocUnsafe(this.#head.length + count * SEALED_CHUNK_BYTES)
    let filled = this.#giveHead(output)
    this.#pieces.push(bytes, (chunk) => (filled += this.#seal(keys, chunk, output, filled)))
    return output
  }

  final(): Buffer {
    const keys = open(this.#keys)
    const { rest } = this.#pieces
    if (!this.#isFinal) {
      if (rest.length === 0) return this.#takeHead()
      throw new LengthError(
        'SEALSTREAM_BODY_LENGTH',
        `plaintext that is not the end of the object, a multiple of ${CHUNK_BYTES}`,
        (this.#chunk + 1) * CHUNK_BYTES,
        this.#chunk * CHUNK_BYTES + rest.length,
      )
    }
    const output = Buffer.allocUnsafe(this.#head.length + rest.length + TAG_BYTES)
    const filled = this.#giveHead(output)
    this.#seal(keys, rest, output, filled)
    return output
  }

  close(): void {
    this.#keys = undefined
    this.#pieces.wipe()
  }

  #takeHead(): Buffer {
    const head = this.#head
    this.#head = NOTHING
    return head
  }

  #giveHead(output: Buffer): number {
    const head = this.#takeHead()
    output.set(head)
    return head.length
  }

  #seal(keys: MessageKey, chunk: Uint8Array, output: Buffer, at: number): number {
    assertChunk(this.#chunk)
    const cipher = createCipheriv('aes-256-gcm', keys.key, nonceOf(keys, this.#chunk))
    this.#chunk += 1
    const sealed = cipher.update(chunk)
    output.set(sealed, at)
    reclaim(sealed)
    cipher.final()
    output.set(cipher.getAuthTag(), at + chunk.length)
    return chunk.length + TAG_BYTES
  }
}

/** Gives out a chunk only when it is proven, and ends only where the message ends, or after the last chunk wanted. */
class ChunkDecryptor implements RunningCipher {
  readonly #secret: CipherSecret
  readonly #head: Pieces | undefined
  readonly #pieces = new Pieces(SEALED_CHUNK_BYTES)
  readonly #lastChunk: number
  #keys: MessageKey | undefined
  #chunk: number
  #isClosed = false

  constructor(secret: CipherSecret, start: number, end: number | undefined) {
    this.#secret = secret
    this.#chunk = Math.floor(start / CHUNK_BYTES)
    this.#lastChunk = end === undefined ? Number.POSITIVE_INFINITY : Math.floor(end / CHUNK_BYTES)
    if (this.#chunk === 0) this.#head = new Pieces(HEAD_BYTES)
    else this.#keys = deriveMessageKey(secret.key, requireSalt(secret.iv), secret.context)
  }

  update(bytes: Uint8Array): Buffer {
    this.#assertOpen()
    const content = this.#keys === undefined ? this.#takeHead(bytes) : bytes
    const keys = this.#keys
    if (keys === undefined) return NOTHING
    const wanted = Math.min(this.#pieces.count(content.length), this.#lastChunk - this.#chunk + 1)
    const output = Buffer.allocUnsafe(Math.max(0, wanted) * CHUNK_BYTES)
    let filled = 0
    this.#pieces.push(content, (sealed) => {
      if (this.#chunk <= this.#lastChunk) filled += this.#open(keys, sealed, output, filled)
    })
    return output
  }

  final(): Buffer {
    this.#assertOpen()
    if (this.#chunk > this.#lastChunk) return NOTHING
    const { rest } = this.#pieces
    const keys = this.#keys
    if (keys === undefined || rest.length < TAG_BYTES) {
      // Not a byte more, or less than a tag: the chunk that ends the message is missing.
      const before = keys === undefined ? 0 : HEAD_BYTES + this.#chunk * SEALED_CHUNK_BYTES
      const least = keys === undefined ? HEAD_BYTES + TAG_BYTES : before + TAG_BYTES
      const found = before + (keys === undefined ? (this.#head as Pieces).rest.length : rest.length)
      throw new LengthError('SEALSTREAM_TRUNCATED', 'ciphertext', least, found)
    }
    const output = Buffer.allocUnsafe(rest.length - TAG_BYTES)
    this.#open(keys, rest, output, 0)
    return output
  }

  close(): void {
    this.#isClosed = true
    this.#keys = undefined
    this.#pieces.wipe()
  }

  #assertOpen(): void {
    if (this.#isClosed) throw closed()
  }

  /** @returns What follows the head. */
  #takeHead(bytes: Uint8Array): Uint8Array {
    const head = this.#head as Pieces
    const piece = bytes.subarray(0, HEAD_BYTES - head.rest.length)
    head.push(piece, (whole) => {
      const { key, context } = this.#secret
      this.#keys = openMessageKey(key, Buffer.from(whole), context)
    })
    return bytes.subarray(piece.length)
  }

  #open(keys: MessageKey, sealed: Uint8Array, output: Buffer, at: number): number {
    assertChunk(this.#chunk)
    const length = sealed.length - TAG_BYTES
    const decipher = createDecipheriv('aes-256-gcm', keys.key, nonceOf(keys, this.#chunk), {
      authTagLength: TAG_BYTES,
    })
    decipher.setAuthTag(sealed.subarray(length))
    const opened = decipher.update(sealed.subarray(0, length))
    output.set(opened, at)
    reclaim(opened)
    try {
      decipher.final()
    } catch {
      output.fill(0, at)
      throw new AuthenticationError(
        'SEALSTREAM_AUTHENTICATION',
        `chunk ${this.#chunk} of the object is not what was encrypted there: altered, moved or cut`,
        { chunk: this.#chunk },
      )
    }
    this.#chunk += 1
    return length
  }
}

/** @throws LengthError where a message would have more chunks than there can be (C2SP). */
function assertChunk(chunk: number): void {
  if (chunk < MOST_CHUNKS) return
  throw new LengthError(
    'SEALSTREAM_BODY_LENGTH',
    'plaintext of format sealed',
    MOST_PLAINTEXT_BYTES,
    chunk * CHUNK_BYTES,
  )
}

function open(keys: MessageKey | undefined): MessageKey {
  if (keys !== undefined) return keys
  throw closed()
}

function closed(): KeyError {
  return new KeyError('SEALSTREAM_DATA_KEY_DISPOSED', 'this cipher was closed')
}

function requireSalt(salt: Buffer | undefined): Buffer {
  if (salt !== undefined) return salt
  throw new OptionError('head', `must be given: the first ${HEAD_BYTES} stored bytes of the object`)
}

/** Cobblestone-256 as a content cipher. */
export const cobblestone256: ContentCipher = {
  keyBytes: 32,
  ivBytes: SALT_BYTES,
  headBytes: HEAD_BYTES,
  unit: { plaintext: CHUNK_BYTES, ciphertext: SEALED_CHUNK_BYTES },
  isSerial: false,
  provesPieces: true,
  isSizeExact: true,
  ciphertextSize(plaintextSize) {
    if (plaintextSize > MOST_PLAINTEXT_BYTES) throw new RangeError('a message has less than 4 PiB')
    return HEAD_BYTES + plaintextSize + TAG_BYTES * (Math.floor(plaintextSize / CHUNK_BYTES) + 1)
  },
  plaintextSize(ciphertextSize) {
    const sealed = ciphertextSize - HEAD_BYTES
    const chunks = Math.floor(sealed / SEALED_CHUNK_BYTES)
    const rest = sealed - chunks * SEALED_CHUNK_BYTES
    if (sealed >= TAG_BYTES && rest >= TAG_BYTES) return chunks * CHUNK_BYTES + rest - TAG_BYTES
    const least = HEAD_BYTES + Math.max(0, chunks) * SEALED_CHUNK_BYTES + TAG_BYTES
    throw new LengthError('SEALSTREAM_TRUNCATED', 'ciphertext', least, ciphertextSize)
  },
  ciphertextRange(start, end) {
    const first = Math.floor(start / CHUNK_BYTES)
    const last = Math.floor(end / CHUNK_BYTES)
    return {
      // The first chunk comes with the head.
      start: first === 0 ? 0 : HEAD_BYTES + first * SEALED_CHUNK_BYTES,
      end: HEAD_BYTES + (last + 1) * SEALED_CHUNK_BYTES - 1,
    }
  },
  encryptor: (secret, start, isFinal) => new ChunkEncryptor(secret, start, isFinal),
  decryptor(secret, { start, end }) {
    const length = end === undefined ? undefined : end - start + 1
    return new Stretch(new ChunkDecryptor(secret, start, end), { skip: start % CHUNK_BYTES, length })
  },
  openHead: ({ key, context }, head) => openMessageKey(key, head, context).head.subarray(0, SALT_BYTES),
}

/** Cobblestone-256 from the text of c2sp.org/chunked-encryption, message by message. Shares nothing with lib. */
import { createCipheriv, createHmac } from 'node:crypto'

/** HKDF-Expand of RFC 5869, 2.3, over SHA-512: T(n) = HMAC(PRK, T(n-1) | info | n). */
export function expandModel(key: Uint8Array, info: Uint8Array, length: number): Buffer {
  const blocks: Buffer[] = [Buffer.alloc(0)]
  for (let n = 1; (n - 1) * 64 < length; n++) {
    const input = Buffer.concat([blocks[n - 1] as Buffer, info, Buffer.of(n)])
    blocks.push(createHmac('sha512', key).update(input).digest())
  }
  return Buffer.concat(blocks).subarray(0, length)
}

/** What a message is encrypted under, and its encryption. */
export class CobblestoneModel {
  readonly aeadKey: Buffer
  readonly baseNonce: Buffer
  /** Salt and commitment. */
  readonly head: Buffer

  constructor(inputKey: Uint8Array, salt: Uint8Array, context: Uint8Array = Buffer.alloc(0)) {
    const label = Buffer.from('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM')
    const output = expandModel(inputKey, Buffer.concat([label, Buffer.of(0), salt, context]), 76)
    this.aeadKey = output.subarray(0, 32)
    this.baseNonce = output.subarray(32, 44)
    this.head = Buffer.concat([salt, output.subarray(44)])
  }

  /** The base nonce XOR the chunk's number, big-endian over all 12 bytes. */
  nonce(chunk: number): Buffer {
    const nonce = BigInt(`0x${this.baseNonce.toString('hex')}`) ^ BigInt(chunk)
    return Buffer.from(nonce.toString(16).padStart(24, '0'), 'hex')
  }

  /** One chunk and its tag, of any length. */
  chunk(number: number, plaintext: Uint8Array): Buffer {
    const cipher = createCipheriv('aes-256-gcm', this.aeadKey, this.nonce(number))
    return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  }

  /** All chunks, the last one shorter; `first` is the number of the first. */
  chunks(plaintext: Buffer, first = 0): Buffer[] {
    const chunks: Buffer[] = []
    for (let at = 0; at <= plaintext.length; at += 16384) {
      chunks.push(this.chunk(first + at / 16384, plaintext.subarray(at, at + 16384)))
    }
    return chunks
  }

  /** The whole message as it is stored. */
  message(plaintext: Buffer): Buffer {
    return Buffer.concat([this.head, ...this.chunks(plaintext)])
  }
}

/** The context of a `sealed` object with these pairs, in this order (RULES 3.3). */
export function sealedContextModel(pairs: readonly (readonly [string, string])[]): Buffer {
  const texts = pairs.flat().map((text) => Buffer.from(text, 'utf8'))
  const lengths = texts.map(({ length }) => Buffer.of(length >> 8, length & 0xff))
  return Buffer.concat([
    Buffer.from('sealstream/1\0cobblestone-256\0', 'latin1'),
    ...texts.flatMap((text, index) => [lengths[index] as Buffer, text]),
  ])
}

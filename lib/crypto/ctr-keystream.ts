/** AES-256-CTR keystream from a counter block on, however it is computed. */
import { createCipheriv, type Cipher, type KeyObject } from 'node:crypto'

/** A stretch of keystream under way: what it encrypts is XORed with it. */
export interface Keystream {
  readonly cipher: Cipher
  /** Bytes that it may be used for; then the next counter block needs a new one. */
  readonly mostBytes: number
}

/** Starts a keystream at a counter block of 16 bytes. */
export type CtrBackEnd = (key: KeyObject, counter: Buffer) => Keystream

/** OpenSSL's AES-256-CTR. */
export const plainCtr: CtrBackEnd = (key, counter) => ({
  cipher: createCipheriv('aes-256-ctr', key, counter),
  mostBytes: Number.POSITIVE_INFINITY,
})

/** Objects of `cos-java-cbc`, as the COS Java SDK writes them, by Node alone. */
import { createCipheriv } from 'node:crypto'
import { Seeded } from './seeded.js'

/** The master key that opens them: that of AES_256. */
const MASTER = new Seeded(256).bytes(32)
const KEY = new Seeded(91).bytes(32)
const IV = new Seeded(92).bytes(16)

const PREFIX = 'client-side-encryption-'

/** RFC 3394 by OpenSSL, as Java's AESWrap. */
function wrapped(bytes: Buffer): string {
  const cipher = createCipheriv('id-aes256-wrap', MASTER, Buffer.alloc(8, 0xa6))
  return Buffer.concat([cipher.update(bytes), cipher.final()]).toString('base64')
}

/** The stored bytes: CBC with PKCS#7 padding. */
export function cbcBytes(plain: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-cbc', KEY, IV)
  return Buffer.concat([cipher.update(plain), cipher.final()])
}

/** The same, but the last block ends as one likes: no padding is added. */
export function cbcBlocks(blocks: Buffer): Buffer {
  return createCipheriv('aes-256-cbc', KEY, IV).setAutoPadding(false).update(blocks)
}

/** The envelope, and what the SDK says of the length; nothing where it did not know. */
export function cbcMetadata(stated?: number | string): Record<string, string> {
  return {
    [`${PREFIX}key`]: wrapped(KEY),
    [`${PREFIX}start`]: wrapped(IV),
    [`${PREFIX}cek-alg`]: 'AES/CBC/PKCS5Padding',
    [`${PREFIX}wrap-alg`]: 'AESWrap',
    ...(stated === undefined ? {} : { [`${PREFIX}unencrypted-content-length`]: String(stated) }),
  }
}

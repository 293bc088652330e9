/**
 * The keys of SSE-C. A key is checked and forgotten with its request: what is kept is a salted hash, which tells the
 * right key from a wrong one and gives nothing back.
 */
import { createHash, randomBytes } from 'node:crypto'
import { decodeBase64, equalBytes } from '../internal/bytes.js'
import { Refusal } from './refusal.js'
import { type CosRequest, headerValue } from './request.js'

/** What is kept of a key. Stored as JSON. */
export interface KeyFingerprint {
  /** Hexadecimal, random for each object. */
  readonly salt: string
  /** Hexadecimal SHA-256 of the salt and the key. */
  readonly sha256: string
}

/** Where the three headers of a key stand: those of the object itself, or of the source of a copy. */
export type KeyHeaders =
  'x-cos-server-side-encryption-customer' | 'x-cos-copy-source-server-side-encryption-customer'

/** AES-256. */
const KEY_BYTES = 32

/**
 * Reads the key of a request; undefined when there is none.
 *
 * @throws `InvalidArgument` when one of the three headers is missing or the key is no AES-256 key; `InvalidDigest` when
 * the MD5 is not that of the key; `InvalidRequest` when the key came in the clear from another machine. No message
 * holds what a header held.
 */
export function readCustomerKey(request: CosRequest, prefix: KeyHeaders): Buffer | undefined {
  const algorithm = headerValue(request, `${prefix}-algorithm`)
  const key = headerValue(request, `${prefix}-key`)
  const md5 = headerValue(request, `${prefix}-key-md5`)
  if (algorithm === undefined && key === undefined && md5 === undefined) return undefined
  if (algorithm === undefined || key === undefined || md5 === undefined) {
    throw new Refusal('InvalidArgument', `${prefix}-algorithm, -key and -key-MD5 go together.`)
  }
  if (!request.isPrivate) {
    throw new Refusal('InvalidRequest', 'Keys are taken over HTTPS only, or from this machine.')
  }
  if (algorithm !== 'AES256') throw new Refusal('InvalidArgument', `${prefix}-algorithm must be AES256.`)
  const bytes = decodeBase64(key.trim())
  if (bytes?.length !== KEY_BYTES) {
    throw new Refusal('InvalidArgument', `${prefix}-key must be the Base64 of ${KEY_BYTES} bytes.`)
  }
  const digest = createHash('md5').update(bytes).digest()
  if (!equalBytes(decodeBase64(md5.trim()) ?? Buffer.alloc(0), digest)) {
    throw new Refusal('InvalidDigest', `${prefix}-key-MD5 is not the MD5 of the key.`)
  }
  return bytes
}

/** What to keep of a key. */
export function fingerprintOf(key: Buffer): KeyFingerprint {
  const salt = randomBytes(16)
  return { salt: salt.toString('hex'), sha256: saltedHash(salt, key).toString('hex') }
}

/** Whether it is the key that the fingerprint was taken of. */
export function isKeyOf({ salt, sha256 }: KeyFingerprint, key: Buffer): boolean {
  return equalBytes(saltedHash(Buffer.from(salt, 'hex'), key), Buffer.from(sha256, 'hex'))
}

function saltedHash(salt: Buffer, key: Buffer): Buffer {
  return createHash('sha256').update(salt).update(key).digest()
}

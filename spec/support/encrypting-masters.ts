/** Master keys for specs of the client, each with an unwrapping of its own that shares nothing with lib. */
import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  generateKeyPairSync,
  privateDecrypt,
  type KeyObject,
} from 'node:crypto'
import type { Format } from '../../lib/crypto/format.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { Seeded } from './seeded.js'

export const FORMATS = ['cos', 'cos-python'] as const satisfies readonly Format[]

/** The raw data key and IV of an object. */
export interface Secrets {
  readonly key: Buffer
  readonly iv: Buffer
}

type Headers = Readonly<Record<string, string | undefined>>

export interface SpecMaster {
  readonly name: string
  /** The same key every time. */
  readonly masterKey: () => MasterKey
  /** Another key of the same kind and size. */
  readonly otherKey: () => MasterKey
  /** What the envelope in these headers holds. */
  readonly secrets: (headers: Headers) => Secrets
}

const PREFIX = 'x-cos-meta-client-side-encryption-'

function wrappedIn(headers: Headers): { key: Buffer; iv: Buffer; isPython: boolean } {
  const of = (name: string): Buffer => Buffer.from(headers[PREFIX + name] ?? '', 'base64')
  const isPython = headers[`${PREFIX}start`] === undefined
  return { key: of('key'), iv: of(isPython ? 'iv' : 'start'), isPython }
}

/** RFC 3394 by OpenSSL, or COS Python's one keystream from counter 0. */
function aesSecrets(kek: Buffer, headers: Headers): Secrets {
  const { key, iv, isPython } = wrappedIn(headers)
  const bits = kek.length * 8
  if (isPython) {
    const all = createCipheriv(`aes-${bits}-ctr`, kek, Buffer.alloc(16)).update(Buffer.concat([key, iv]))
    return { key: all.subarray(0, 32), iv: all.subarray(32) }
  }
  const unwrap = (bytes: Buffer): Buffer => {
    const decipher = createDecipheriv(`id-aes${bits}-wrap`, kek, Buffer.alloc(8, 0xa6))
    return Buffer.concat([decipher.update(bytes), decipher.final()])
  }
  return { key: unwrap(key), iv: unwrap(iv) }
}

function aesMaster(bits: 128 | 192 | 256): SpecMaster {
  const bytes = new Seeded(bits).bytes(bits / 8)
  return {
    name: `AES-${bits}`,
    masterKey: () => AesMasterKey.from(bytes),
    otherKey: () => AesMasterKey.from(new Seeded(bits + 1).bytes(bits / 8)),
    secrets: (headers) => aesSecrets(bytes, headers),
  }
}

function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined
  return () => (made ??= { value: make() }).value
}

const rsaPair = once(() => generateKeyPairSync('rsa', { modulusLength: 2048 }))
const otherPair = once(() => generateKeyPairSync('rsa', { modulusLength: 2048 }))

/** The writing half alone. */
export const rsaPublicOnly = (): MasterKey => RsaMasterKey.from({ publicKey: rsaPair().publicKey })

export const AES_256 = aesMaster(256)

export const RSA_2048: SpecMaster = {
  name: 'RSA-2048',
  masterKey: once(() => RsaMasterKey.from({ privateKey: rsaPair().privateKey })),
  otherKey: once(() => RsaMasterKey.from({ privateKey: otherPair().privateKey })),
  secrets: (headers) => {
    const { key, iv } = wrappedIn(headers)
    const open = (bytes: Buffer): Buffer =>
      privateDecrypt(
        { key: rsaPair().privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
        bytes,
      )
    return { key: open(key), iv: open(iv) }
  },
}

export const MASTERS: readonly SpecMaster[] = [aesMaster(128), aesMaster(192), AES_256, RSA_2048]

/** A key to wrap under, of any size at no cost: its modulus has no known factors, so nothing can be unwrapped. */
export function wrapOnlyRsa(bits: number): MasterKey {
  const modulus = new Seeded(bits).bytes(bits / 8)
  modulus[0]! |= 0x80
  modulus[modulus.length - 1]! |= 1
  const jwk = { kty: 'RSA', n: modulus.toString('base64url'), e: 'AQAB' }
  const publicKey: KeyObject = createPublicKey({ key: jwk, format: 'jwk' })
  return RsaMasterKey.from({ publicKey })
}

/** What an object must be stored as: AES-256-CTR over all of it, from its first byte. */
export function encryptedWith({ key, iv }: Secrets, plaintext: Buffer): Buffer {
  return createCipheriv('aes-256-ctr', key, iv).update(plaintext)
}

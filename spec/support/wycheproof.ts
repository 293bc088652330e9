/** Wycheproof's files as far as specs read them; spec/vectors/README.md says where they come from. All texts are hex. */
import { readFileSync } from 'node:fs'

const FOLDER = new URL('../vectors/wycheproof/', import.meta.url)

/** What each of its vectors has. */
export interface WycheproofVector {
  readonly tcId: number
  readonly comment: string
  readonly flags: readonly string[]
  readonly result: 'valid' | 'invalid' | 'acceptable'
}

/** A message and its ciphertext under a symmetric key. */
export interface CipherVector extends WycheproofVector {
  readonly key: string
  readonly iv: string
  readonly msg: string
  readonly ct: string
}

/** The same with additional data and a tag. Sizes are bits. */
export interface GcmVector extends CipherVector {
  readonly aad: string
  readonly tag: string
  readonly keySize: number
  readonly ivSize: number
  readonly tagSize: number
}

/** An RSA decryption, with the facts of its group. */
export interface RsaVector extends WycheproofVector {
  readonly msg: string
  readonly ct: string
  readonly privateKeyPem: string
  /** Bits of the modulus. */
  readonly keySize: number
  /** OAEP only. */
  readonly label?: string
  readonly sha?: string
  readonly mgfSha?: string
}

/** A message of C2SP chunked encryption. `ct` is zlib's: the plaintexts are patterns. */
export interface ChunkedVector extends WycheproofVector {
  readonly key: string
  readonly ctx: string
  readonly ct: string
  readonly aeadKey?: string
  readonly baseNonce?: string
  /** Of the message, or of the longest part of it that is whole. */
  readonly msgLength?: number
  readonly msgSha512?: string
}

/** Every vector of a file with the facts of its group, by the name before `_test.json`. */
export const wycheproof = {
  gcm: (): GcmVector[] => load('aes_gcm') as GcmVector[],
  cbc: (): (CipherVector & { keySize: number })[] =>
    load('aes_cbc_pkcs5') as (CipherVector & { keySize: number })[],
  rsa: (name: string): RsaVector[] => load(name) as RsaVector[],
  chunked: (): ChunkedVector[] => load('c2sp_chunked_encryption_aes_256_gcm') as ChunkedVector[],
}

export const fromHex = (text: string): Buffer => Buffer.from(text, 'hex')

/** How a vector is called in a failure. */
export const nameOf = ({ tcId, comment, flags }: WycheproofVector): string =>
  `tcId ${tcId} (${[...flags, comment].filter((text) => text !== '').join(', ')})`

function load(name: string): unknown[] {
  const file = JSON.parse(readFileSync(new URL(`${name}_test.json`, FOLDER), 'utf8')) as {
    numberOfTests: number
    testGroups: { tests: object[] }[]
  }
  const vectors = file.testGroups.flatMap(({ tests, ...facts }) =>
    tests.map((test) => ({ ...facts, ...test })),
  )
  // A file that was cut would pass in silence.
  if (vectors.length !== file.numberOfTests) throw new Error(`${name} holds ${vectors.length} vectors`)
  return vectors
}

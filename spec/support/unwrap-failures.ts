/** Wrapped data keys that do not unwrap, one class for each reason: none may be told from another (RULES 4.2). */
import { createCipheriv, type KeyObject } from 'node:crypto'
import { FORMATS, type Format } from '../../lib/crypto/format.js'
import type { OaepHashes } from '../../lib/crypto/rsa-oaep.js'
import { modulusBytes, rsaEncryptRaw } from '../../lib/crypto/rsa-raw.js'
import type { MasterKey, RsaScheme, Wrapped, WrapScheme } from '../../lib/keys/master-key.js'
import { DataKey } from '../../lib/crypto/data-key.js'
import {
  type BlockKind,
  type ByteSource,
  oaepKinds,
  PKCS1_KINDS,
  RANDOM_BLOCK,
  SMALL_BLOCK,
} from './flawed-blocks.js'

/** One reason why a data key does not unwrap; every call gives another one of the same sizes. */
export interface FailureClass {
  readonly name: string
  readonly make: (bytes: ByteSource) => Promise<Wrapped>
  /** The reason shows in what is stored and in the public key: it may be told from others. */
  readonly isPublic?: true
}

/** What RSA envelopes of a format say, as the reader finds them. */
export interface RsaForm {
  readonly format: Format
  readonly scheme: RsaScheme
  readonly alternatives?: readonly WrapScheme[]
}

const OAEP: Readonly<Record<string, OaepHashes>> = {
  'rsa-oaep-sha1': { hash: 'sha1', mgf1Hash: 'sha1' },
  'rsa-oaep-sha256-mgf1-sha1': { hash: 'sha256', mgf1Hash: 'sha1' },
  'rsa-oaep-sha256': { hash: 'sha256', mgf1Hash: 'sha256' },
}

/** The kinds of blocks for a scheme, the right one first. */
function kindsOf(scheme: WrapScheme): readonly [BlockKind, ...BlockKind[]] {
  const hashes = OAEP[scheme]
  return hashes === undefined ? PKCS1_KINDS : oaepKinds(hashes)
}

/** Why an RSA master key cannot open a data key of this form: with each half wrong, in each way that its paddings have. */
export function rsaFailures(publicKey: KeyObject, strangerKey: KeyObject, form: RsaForm): FailureClass[] {
  const size = modulusBytes(publicKey)
  const { keyBytes, ivBytes } = FORMATS[form.format].cipher
  const hasIv = form.format !== 'sealed'
  const schemes = [form.scheme, ...(form.alternatives ?? [])]

  const encrypted = (kind: BlockKind, length: number, bytes: ByteSource): Buffer =>
    rsaEncryptRaw(publicKey, kind.make(size, bytes(length), bytes))
  const failure = (name: string, key: BlockKind, iv: BlockKind): FailureClass => ({
    name,
    make: async (bytes) => ({
      ...form,
      key: encrypted(key, keyBytes, bytes),
      iv: hasIv ? encrypted(iv, ivBytes, bytes) : Buffer.alloc(0),
    }),
  })
  const given = (name: string, ciphertext: (bytes: ByteSource) => Buffer): FailureClass => ({
    name,
    make: async (bytes) => ({
      ...form,
      key: ciphertext(bytes),
      iv: hasIv ? ciphertext(bytes) : Buffer.alloc(0),
    }),
  })

  const [right] = kindsOf(form.scheme)
  const both = [
    given('random ciphertext', (bytes) => RANDOM_BLOCK.make(size, Buffer.alloc(0), bytes)),
    given('wrapped under another key', (bytes) => {
      for (;;) {
        const wrapped = rsaEncryptRaw(strangerKey, right.make(size, bytes(keyBytes), bytes))
        // Under any modulus of as many bits: whether it is a number below that one is no secret.
        if (wrapped[0]! < 0x80) return wrapped
      }
    }),
    failure('random blocks', RANDOM_BLOCK, RANDOM_BLOCK),
    failure('blocks that are small numbers', SMALL_BLOCK, SMALL_BLOCK),
    {
      ...given('ciphertext not below the modulus', (bytes) => bytes(size).fill(0xff, 0, 16)),
      isPublic: true as const,
    },
  ]
  const flawed = schemes.flatMap((scheme) => {
    const [whole, ...flaws] = kindsOf(scheme)
    return [
      ...flaws.map((kind) => failure(`key ${kind.name}`, kind, whole)),
      ...(hasIv ? flaws.slice(0, 2).map((kind) => failure(`IV ${kind.name}`, whole, kind)) : []),
    ]
  })
  const [other] = kindsOf(schemes.at(-1)!)
  const mixed =
    hasIv && schemes.length > 1 ? [failure('key and IV right, but in two paddings', right, other)] : []
  return [...both, ...flawed, ...mixed]
}

/** RFC 3394 with any initial value: another than A6... is what an altered blob decrypts to. */
export function aesWrapWith(key: Buffer, initial: Buffer, bytes: Buffer): Buffer {
  const cipher = createCipheriv(`id-aes${key.length * 8}-wrap`, key, initial)
  return Buffer.concat([cipher.update(bytes), cipher.final()])
}

/** Why an AES master key cannot open a data key of format `cos` or `sealed`. */
export function aesFailures(right: MasterKey, stranger: MasterKey, format: 'cos' | 'sealed'): FailureClass[] {
  const failure = (name: string, change: (wrapped: Wrapped, bytes: ByteSource) => void): FailureClass => ({
    name,
    make: async (bytes) => {
      const wrapped = await right.wrap(DataKey.generate(format))
      change(wrapped, bytes)
      return wrapped
    },
  })
  const flip = (bytes: Uint8Array, at: number): number => (bytes[at]! ^= 1)
  const ofKey = [
    failure('key: first byte', ({ key }) => flip(key, 0)),
    failure('key: last byte', ({ key }) => flip(key, 39)),
    failure('key: random', ({ key }, bytes) => key.set(bytes(key.length))),
  ]
  const ofStranger = {
    name: 'wrapped under another key',
    make: (): Promise<Wrapped> => stranger.wrap(DataKey.generate(format)),
  }
  if (format === 'sealed') return [ofStranger, ...ofKey]
  return [
    ofStranger,
    ...ofKey,
    failure('IV: first byte', ({ iv }) => flip(iv, 0)),
    failure('IV: last byte', ({ iv }) => flip(iv, 23)),
    failure('IV: random', ({ iv }, bytes) => iv.set(bytes(iv.length))),
    failure('key and IV: first bytes', ({ key, iv }) => {
      flip(key, 0)
      flip(iv, 0)
    }),
  ]
}

/** The headers of COS SDKs that no vector was made with, from wire-formats B4 and B6 alone, by node:crypto. */
import { createCipheriv, type KeyObject } from 'node:crypto'
import { oaepModelEncrypt, OAEP_MODELS, pkcs1ModelEncrypt } from './rsa-model.js'
import { Seeded } from './seeded.js'

const META = 'x-cos-meta-'
export const PREFIX = `${META}client-side-encryption-`
const random = new Seeded(400)

/** A data key and IV, in the clear. */
export interface Content {
  readonly cipher: ContentName
  readonly key: Buffer
  readonly iv: Buffer
}

/** The content ciphers by the name in `cek-alg`. */
export const CONTENTS = {
  'AES/CTR/NoPadding': { ivBytes: 16, format: 'cos', node: 'aes-256-ctr' },
  'AES/GCM/NoPadding': { ivBytes: 12, format: 'cos-java-gcm', node: 'aes-256-gcm' },
  'AES/CBC/PKCS5Padding': { ivBytes: 16, format: 'cos-java-cbc', node: 'aes-256-cbc' },
} as const

export type ContentName = keyof typeof CONTENTS

export function newContent(cipher: ContentName): Content {
  return { cipher, key: random.bytes(32), iv: random.bytes(CONTENTS[cipher].ivBytes) }
}

/** What the SDK stores for a plaintext. */
export function storedAs({ cipher, key, iv }: Content, plaintext: Buffer): Buffer {
  if (cipher === 'AES/GCM/NoPadding') {
    const gcm = createCipheriv('aes-256-gcm', key, iv)
    return Buffer.concat([gcm.update(plaintext), gcm.final(), gcm.getAuthTag()])
  }
  const running = createCipheriv(CONTENTS[cipher].node, key, iv)
  return Buffer.concat([running.update(plaintext), running.final()])
}

/** A way to wrap: its `wrap-alg` (none is the oldest form), and what it makes of bytes. */
export interface Wrapping {
  readonly name: string | undefined
  readonly wrap: (bytes: Buffer) => Buffer
}

/** RFC 3394 by OpenSSL. */
export function aesWrapping(kek: Buffer): Wrapping {
  return {
    name: 'AESWrap',
    wrap: (bytes) => {
      const cipher = createCipheriv(`id-aes${kek.length * 8}-wrap`, kek, Buffer.alloc(8, 0xa6))
      return Buffer.concat([cipher.update(bytes), cipher.final()])
    },
  }
}

/** The bare cipher `AES`: ECB with PKCS#7 padding, and no `wrap-alg`. */
export function ecbWrapping(kek: Buffer): Wrapping {
  return {
    name: undefined,
    wrap: (bytes) => {
      const cipher = createCipheriv(`aes-${kek.length * 8}-ecb`, kek, null)
      return Buffer.concat([cipher.update(bytes), cipher.final()])
    },
  }
}

/** @param model - Name in {@link OAEP_MODELS}. */
export function oaepWrapping(key: KeyObject, model: keyof typeof OAEP_MODELS): Wrapping {
  const hash = model === 'rsa-oaep-sha1' ? 'SHA-1' : 'SHA-256'
  return {
    name: `RSA/ECB/OAEPWith${hash}AndMGF1Padding`,
    wrap: (bytes) => oaepModelEncrypt(key, bytes, OAEP_MODELS[model]!),
  }
}

/** The bare cipher `RSA`, and no `wrap-alg`. */
export function pkcs1Wrapping(key: KeyObject): Wrapping {
  return { name: undefined, wrap: (bytes) => pkcs1ModelEncrypt(key, bytes) }
}

const base64 = (bytes: Buffer): string => bytes.toString('base64')

/** B6: as Java, but the IV is not wrapped, and there is always a description. */
export function androidHeaders(
  { cipher, key, iv }: Content,
  { name = '', wrap }: Wrapping,
  description = '{}',
): Record<string, string> {
  return {
    [`${PREFIX}key`]: base64(wrap(key)),
    [`${PREFIX}start`]: base64(iv),
    [`${PREFIX}cek-alg`]: cipher,
    [`${PREFIX}wrap-alg`]: name,
    [`${PREFIX}matdesc`]: description,
    [`${PREFIX}unencrypted-content-length`]: '1000',
    [`${PREFIX}unencrypted-content-md5`]: 'CY9rzUYh03PK3k6DJie09g==',
  }
}

/** B4, legacy metadata: other names, a plain IV, and `wrap-alg` only in the newer of the two. */
export function legacyHeaders(
  { cipher, key, iv }: Content,
  { name, wrap }: Wrapping,
  keyName: 'x-cos-key' | 'x-cos-key-v2' = 'x-cos-key-v2',
): Record<string, string> {
  return {
    [`${META}${keyName}`]: base64(wrap(key)),
    [`${META}x-cos-iv`]: base64(iv),
    [`${META}x-cos-cek-alg`]: cipher,
    ...(name === undefined ? {} : { [`${META}x-cos-wrap-alg`]: name }),
    ...(cipher === 'AES/GCM/NoPadding' ? { [`${META}x-cos-tag-len`]: '128' } : {}),
  }
}

/** The same as an instruction file: the names without the prefix, and a description that may be null. */
export function instructionBody(headers: Readonly<Record<string, string>>): Buffer {
  const names = Object.entries(headers).map(([name, value]) => [name.slice(META.length), value] as const)
  return Buffer.from(JSON.stringify({ ...Object.fromEntries(names), 'x-cos-matdesc': null }))
}

/** Format `sealed` from RULES 3 and c2sp.org/chunked-encryption alone, by node:crypto. Shares nothing with lib; slow and plain. */
import { constants, createCipheriv, createHmac, publicEncrypt, type KeyObject } from 'node:crypto'

const PREFIX = 'x-cos-meta-sealstream-'
const CHUNK = 16 * 1024

/** HKDF-SHA-256 with an empty salt (RFC 5869), for at most 32 bytes. */
export function hkdfModel(key: Uint8Array, info: string, length: number): Buffer {
  const extracted = createHmac('sha256', Buffer.alloc(32)).update(key).digest()
  return createHmac('sha256', extracted).update(`${info}\x01`).digest().subarray(0, length)
}

/** The id of an AES master key (RULES 3.1). */
export function aesIdModel(masterKey: Uint8Array): string {
  return hkdfModel(masterKey, 'sealstream key id', 8).toString('hex')
}

/** The value of a recipient's header under an AES master key (RULES 3.2). */
export function aesRecipientModel(masterKey: Uint8Array, dataKey: Uint8Array): string {
  const under = hkdfModel(masterKey, 'sealstream/1 AES-KW', 32)
  const cipher = createCipheriv('id-aes256-wrap', under, Buffer.alloc(8, 0xa6))
  const wrapped = Buffer.concat([cipher.update(dataKey), cipher.final()])
  return `aes.${aesIdModel(masterKey)}.${wrapped.toString('base64url')}`
}

/** The same under an RSA key: OAEP with SHA-256 for both hashes, as OpenSSL does it. */
export function rsaRecipientModel(id: string, key: KeyObject, dataKey: Uint8Array): string {
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  const wrapped = publicEncrypt({ key, padding, oaepHash: 'sha256' }, dataKey)
  return `rsa.${id}.${wrapped.toString('base64url')}`
}

/** The headers of an object with these recipients. */
export function sealedHeaders(...recipients: string[]): Record<string, string> {
  const numbered = recipients.map((value, index) => [`${PREFIX}recipient-${index + 1}`, value])
  return {
    [`${PREFIX}version`]: '1',
    [`${PREFIX}content`]: 'cobblestone-256',
    ...(Object.fromEntries(numbered) as Record<string, string>),
  }
}

/** RULES 3.3. */
export function contextModel(context: Readonly<Record<string, string>>): Buffer {
  const sized = (text: string): Buffer => {
    const bytes = Buffer.from(text)
    return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 255), bytes])
  }
  const pairs = Object.entries(context).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const head = Buffer.from('sealstream/1\0cobblestone-256\0')
  return Buffer.concat([head, ...pairs.flatMap(([name, value]) => [sized(name), sized(value)])])
}

/** The stored bytes of an object. */
export function sealedModel(
  dataKey: Uint8Array,
  salt: Buffer,
  context: Readonly<Record<string, string>>,
  plaintext: Buffer,
): Buffer {
  const label = Buffer.from('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0')
  const info = Buffer.concat([label, salt, contextModel(context)])
  const block = (previous: Buffer, number: number): Buffer =>
    createHmac('sha512', dataKey).update(previous).update(info).update(Buffer.of(number)).digest()
  const first = block(Buffer.alloc(0), 1)
  const derived = Buffer.concat([first, block(first, 2)])
  const [key, base, commitment] = [
    derived.subarray(0, 32),
    derived.subarray(32, 44),
    derived.subarray(44, 76),
  ]
  const chunks: Buffer[] = []
  for (let number = 0; number * CHUNK <= plaintext.length; number++) {
    const nonce = Buffer.from(base)
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ number) >>> 0, 8)
    const cipher = createCipheriv('aes-256-gcm', key, nonce)
    const chunk = plaintext.subarray(number * CHUNK, (number + 1) * CHUNK)
    chunks.push(cipher.update(chunk), cipher.final(), cipher.getAuthTag())
  }
  return Buffer.concat([salt, commitment, ...chunks])
}

/** The objects of spec/vectors with a master key that opens them, and their bytes. */
import { readFileSync } from 'node:fs'
import { DataKey } from '../../lib/crypto/data-key.js'
import { openEnvelope, type OpenedEnvelope } from '../../lib/envelope/envelope.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { unwrapFailed, wrongKind, type MasterKey, type Wrapped } from '../../lib/keys/master-key.js'
import { RsaMasterKey, type RsaPadding } from '../../lib/keys/rsa-master-key.js'
import type { ObjectCase, VectorMaster } from './vectors.js'

/** Folders of spec/vectors that hold objects. */
export const WRITERS = ['cos-python-sdk', 'cos-java-sdk', 'cos-go-sdk', 'cos-bridge'] as const

export type Writer = (typeof WRITERS)[number]

/** All objects of one file. */
export function foreignObjects(writer: Writer): ObjectCase[] {
  const url = new URL(`../vectors/${writer}/objects.json`, import.meta.url)
  return (JSON.parse(readFileSync(url, 'utf8')) as { cases: ObjectCase[] }).cases
}

/**
 * The rule of the fake KMS that the vectors were written with, as a user's own master key: a blob is the text `BLOB:` and the
 * Base64 of the bytes.
 */
export class FakeKmsMasterKey implements MasterKey {
  readonly kind = 'kms'
  readonly id = 'fake-kms'
  /** The description of each object that was opened. */
  readonly descriptions: (string | undefined)[] = []

  async wrap(dataKey: DataKey): Promise<Wrapped> {
    const blob = (bytes: Buffer): Buffer => Buffer.from(`BLOB:${bytes.toString('base64')}`)
    return dataKey.withBytes((key, iv) => ({
      format: dataKey.format,
      scheme: 'kms',
      key: blob(key),
      iv: dataKey.format === 'sealed' ? Buffer.alloc(0) : blob(iv),
    }))
  }

  async unwrap({ format, scheme, key, iv, isIvPlain, description }: Wrapped): Promise<DataKey> {
    if (scheme !== 'kms') throw wrongKind('kms', scheme)
    this.descriptions.push(description)
    const parts = { format, key: bytesOfBlob(key) }
    if (format === 'sealed') return DataKey.from(parts)
    return DataKey.from({ ...parts, iv: isIvPlain === true ? iv : bytesOfBlob(iv) })
  }
}

function bytesOfBlob(blob: Uint8Array): Buffer {
  const text = Buffer.from(blob).toString('latin1')
  if (!text.startsWith('BLOB:')) throw unwrapFailed()
  return Buffer.from(text.slice('BLOB:'.length), 'base64')
}

const keys = new Map<string, MasterKey>()

/** The master key of a case; the same one every time, since reading a PEM takes long. */
export function masterOf(master: VectorMaster, padding: RsaPadding = 'oaep'): MasterKey {
  const name = `${padding} ${JSON.stringify(master)}`
  const key = keys.get(name) ?? openMaster(master, padding)
  keys.set(name, key)
  return key
}

function openMaster(master: VectorMaster, padding: RsaPadding): MasterKey {
  if (master.kind === 'aes') return AesMasterKey.from(master.key)
  if (master.kind === 'fake-kms') return new FakeKmsMasterKey()
  const { publicKey, privateKeyPkcs8, privateKey, passphrase } = master
  return RsaMasterKey.from({
    publicKey,
    privateKey: privateKeyPkcs8 ?? privateKey ?? '',
    padding,
    ...(passphrase === undefined ? {} : { passphrase }),
  })
}

/** Whether its RSA padding is the one that no SDK names and that a reader has to ask for. */
export function isPkcs1({ master }: ObjectCase): boolean {
  return master.kind === 'rsa' && master.padding === 'RSAES-PKCS1-v1_5'
}

/** The object's envelope, opened with the right key. */
export function openForeign({ metadata, master }: ObjectCase, padding?: RsaPadding): Promise<OpenedEnvelope> {
  return openEnvelope(metadata, masterOf(master, padding), { policy: 'any' })
}

/** Plaintext and stored bytes. */
export function bytesOf({ plaintext, ciphertext }: ObjectCase): { plain: Buffer; stored: Buffer } {
  return { plain: Buffer.from(plaintext, 'base64'), stored: Buffer.from(ciphertext, 'base64') }
}

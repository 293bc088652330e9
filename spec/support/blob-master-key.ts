/** A master key of kind `kms` as a user may write one: the service is a function call away, so that a census can ask it often. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { DataKey } from '../../lib/crypto/data-key.js'
import { KeyError } from '../../lib/errors.js'
import type { MasterKey, Wrapped } from '../../lib/keys/master-key.js'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Wraps by AES-256-GCM to Base64 text, which is what a key service's blob looks like. */
export class BlobMasterKey implements MasterKey {
  readonly kind = 'kms'
  readonly id: string
  readonly #secret: Buffer

  constructor(id: string, secret: Buffer) {
    this.id = id
    this.#secret = secret
  }

  wrap(dataKey: DataKey): Promise<Wrapped> {
    return dataKey.withBytes((key): Wrapped => {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', this.#secret, nonce)
      const sealed = Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()])
      const blob = Buffer.from(sealed.toString('base64'))
      return { format: 'sealed', scheme: 'kms', key: blob, iv: Buffer.alloc(0), keyId: this.id }
    })
  }

  async unwrap({ format, scheme, key }: Wrapped): Promise<DataKey> {
    if (scheme !== 'kms') throw new KeyError('SEALSTREAM_KEY_KIND', 'not a blob')
    const text = Buffer.from(key).toString('latin1')
    const sealed = Buffer.from(text, 'base64')
    const isCanonical = sealed.toString('base64') === text && sealed.length > NONCE_BYTES + TAG_BYTES
    try {
      if (!isCanonical) throw new Error('not Base64')
      const decipher = createDecipheriv('aes-256-gcm', this.#secret, sealed.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      })
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
      const opened = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES))
      decipher.final()
      return DataKey.from({ format, key: opened })
    } catch {
      throw new KeyError('SEALSTREAM_UNWRAP', 'no blob of this service')
    }
  }
}

/** Data keys for the transfer engine: from master keys and envelopes, which it knows nothing of. */
import { DataKey } from '../crypto/data-key.js'
import { FORMATS } from '../crypto/format.js'
import { createEnvelope, openEnvelope } from '../envelope/envelope.js'
import { OptionError } from '../errors.js'
import { decodeBase64 } from '../internal/bytes.js'
import { AesMasterKey } from '../keys/aes-master-key.js'
import { unwrapFailed } from '../keys/master-key.js'
import type { SavedKey, Sealer } from '../transfer/seal.js'
import type { Encryption } from './encryption.js'

/**
 * @param checkpointKey - Wraps the data key inside a checkpoint, for master keys that cannot unwrap (RULES 1.4).
 */
export function sealerOf({ masterKey, format }: Encryption, checkpointKey?: AesMasterKey): Sealer {
  return {
    identity: `${format} ${masterKey.id}`,
    canReopen: masterKey.canUnwrap !== false || checkpointKey !== undefined,
    storedSize: (plaintextSize) => FORMATS[format].cipher.ciphertextSize(plaintextSize),
    async seal() {
      const { dataKey, metadata: envelope } = await createEnvelope(masterKey, { format })
      try {
        const wrapped = checkpointKey === undefined ? {} : { Wrapped: await wrapFor(checkpointKey, dataKey) }
        return { dataKey, envelope, saved: { Envelope: envelope, ...wrapped } }
      } catch (error) {
        dataKey.dispose()
        throw error
      }
    },
    async reopen(saved) {
      if (checkpointKey !== undefined && saved.Wrapped !== undefined) {
        return unwrapFrom(checkpointKey, saved.Wrapped, format)
      }
      return (await openEnvelope(saved.Envelope, masterKey, { policy: [format] })).dataKey
    },
  }
}

/** @throws {@link OptionError} unless it is an AesMasterKey or absent. */
export function checkCheckpointKey(key: unknown): AesMasterKey | undefined {
  if (key === undefined || key instanceof AesMasterKey) return key
  throw new OptionError('checkpointKey', 'must be an AesMasterKey')
}

/** AES key wrap, whatever the format of the object says: the keystream of `cos-python` would be the same every time. */
async function wrapFor(key: AesMasterKey, dataKey: DataKey): Promise<NonNullable<SavedKey['Wrapped']>> {
  const plain = await dataKey.withBytes((bytes, iv) => DataKey.from({ format: 'cos', key: bytes, iv }))
  try {
    const wrapped = await key.wrap(plain)
    return {
      Key: Buffer.from(wrapped.key).toString('base64'),
      Iv: Buffer.from(wrapped.iv).toString('base64'),
      KeyId: key.id,
    }
  } finally {
    plain.dispose()
  }
}

async function unwrapFrom(
  key: AesMasterKey,
  { Key, Iv }: NonNullable<SavedKey['Wrapped']>,
  format: Encryption['format'],
): Promise<DataKey> {
  const [wrappedKey, wrappedIv] = [decodeBase64(Key), decodeBase64(Iv)]
  if (wrappedKey === undefined || wrappedIv === undefined) throw unwrapFailed()
  const plain = await key.unwrap({ format: 'cos', scheme: 'aes-kw', key: wrappedKey, iv: wrappedIv })
  try {
    const dataKey = await plain.withBytes((bytes, iv) => DataKey.from({ format, key: bytes, iv }))
    // It has encrypted already: from now on only the same bytes.
    dataKey.markUsed()
    return dataKey
  } finally {
    plain.dispose()
  }
}

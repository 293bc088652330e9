/** Data keys for the transfer engine: from master keys and envelopes, which it knows nothing of. */
import { DataKey } from '../crypto/data-key.js'
import { ciphertextSizeOf, FORMATS } from '../crypto/format.js'
import { createEnvelope, openEnvelope } from '../envelope/envelope.js'
import { OptionError } from '../errors.js'
import { decodeBase64 } from '../internal/bytes.js'
import { AesMasterKey } from '../keys/aes-master-key.js'
import { readersOf, writersOf } from '../keys/keyring.js'
import { unwrapFailed, type MasterKey } from '../keys/master-key.js'
import type { SavedKey, Sealer } from '../transfer/seal.js'
import { contextDigest, contextOption, masterKeyIds, type Encryption } from './encryption.js'

/**
 * @param checkpointKey - Wraps the data key inside a checkpoint, for master keys that cannot unwrap (RULES 1.4).
 */
export function sealerOf(encryption: Encryption, checkpointKey?: AesMasterKey): Sealer {
  const { masterKey, format, context } = encryption
  return {
    // Under another context or key the same bytes would come out differently.
    identity: `${format} ${masterKeyIds(masterKey)} ${contextDigest(context)}`,
    canReopen: checkpointKey !== undefined || readsItself(masterKey),
    storedSize: (plaintextSize) => ciphertextSizeOf(format, plaintextSize),
    async seal() {
      const { dataKey, metadata } = await createEnvelope(masterKey, { format, ...contextOption(context) })
      try {
        const saved = { Envelope: metadata, ...(await savedIv(dataKey, checkpointKey)) }
        const wrapped = checkpointKey === undefined ? {} : { Wrapped: await wrapFor(checkpointKey, dataKey) }
        return { dataKey, envelope: metadata, saved: { ...saved, ...wrapped } }
      } catch (error) {
        dataKey.dispose()
        throw error
      }
    },
    async reopen(saved) {
      if (checkpointKey !== undefined && saved.Wrapped !== undefined) {
        return unwrapFrom(checkpointKey, saved, encryption)
      }
      const opened = await openEnvelope(saved.Envelope, masterKey, {
        policy: [format],
        ...contextOption(context),
      })
      return withSavedIv(opened.dataKey, saved.Iv)
    },
  }
}

/** Whether what it writes can be opened by it: one of the keys that write is there to read, too. */
function readsItself(masterKey: MasterKey): boolean {
  const readers = readersOf(masterKey).filter(({ canUnwrap }) => canUnwrap !== false)
  return writersOf(masterKey).some(({ id }) => readers.some((reader) => reader.id === id))
}

/** Of `sealed` the salt, which is not in the envelope; of all formats where the checkpoint key wraps. No secret. */
async function savedIv(
  dataKey: DataKey,
  checkpointKey: AesMasterKey | undefined,
): Promise<Pick<SavedKey, 'Iv'>> {
  if (dataKey.format !== 'sealed' && checkpointKey === undefined) return {}
  return { Iv: await dataKey.withBytes((_, iv) => iv.toString('base64')) }
}

/** The data key with the salt it encrypted with. */
export async function withSavedIv(dataKey: DataKey, saved: string | undefined): Promise<DataKey> {
  if (dataKey.hasHead) return dataKey
  try {
    const iv = decodeBase64(saved ?? '')
    const { format, context } = dataKey
    if (iv?.length !== FORMATS[format].cipher.ivBytes) throw unwrapFailed()
    return usedKey(await dataKey.withBytes((key) => DataKey.from({ format, key, iv, context })))
  } finally {
    dataKey.dispose()
  }
}

/** It has encrypted already: from now on only the same bytes. */
function usedKey(dataKey: DataKey): DataKey {
  dataKey.markUsed()
  return dataKey
}

/** @throws {@link OptionError} unless it is an AesMasterKey or absent. */
export function checkCheckpointKey(key: unknown): AesMasterKey | undefined {
  if (key === undefined || key instanceof AesMasterKey) return key
  throw new OptionError('checkpointKey', 'must be an AesMasterKey')
}

/** As `sealed` does it, whatever the format of the object: the keystream of `cos-python` would be the same every time. */
async function wrapFor(key: AesMasterKey, dataKey: DataKey): Promise<NonNullable<SavedKey['Wrapped']>> {
  const plain = await dataKey.withBytes((bytes) => DataKey.from({ format: 'sealed', key: bytes }))
  try {
    const wrapped = await key.wrap(plain)
    return { Key: Buffer.from(wrapped.key).toString('base64'), KeyId: key.id }
  } finally {
    plain.dispose()
  }
}

async function unwrapFrom(
  checkpointKey: AesMasterKey,
  { Iv, Wrapped }: SavedKey,
  { format, context = {} }: Encryption,
): Promise<DataKey> {
  const [wrappedKey, iv] = [decodeBase64(Wrapped?.Key ?? ''), decodeBase64(Iv ?? '')]
  if (wrappedKey === undefined || iv?.length !== FORMATS[format].cipher.ivBytes) throw unwrapFailed()
  const wrapped = { format: 'sealed', scheme: 'aes-kw', key: wrappedKey, iv: Buffer.alloc(0) } as const
  const plain = await checkpointKey.unwrap(wrapped)
  try {
    return usedKey(await plain.withBytes((key) => DataKey.from({ format, key, iv, context })))
  } finally {
    plain.dispose()
  }
}

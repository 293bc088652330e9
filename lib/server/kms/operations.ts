/** The actions of the KMS. Know nothing of HTTP. */
import { randomBytes } from 'node:crypto'
import { decodeBase64 } from '../../internal/bytes.js'
import type { KmsAction } from './actions.js'
import { openBlob, sealBlob } from './blob.js'
import { canonicalContext } from './context.js'
import { isKeyId, type KmsKeys } from './keys.js'
import type { KmsParameters } from './parameters.js'
import { KmsRefusal } from './refusal.js'
import type { KmsSecret } from './secret.js'

/** What the actions work with. */
export interface Kms {
  readonly keys: KmsKeys
  readonly secret: KmsSecret
}

/** The fields of the answer. Throws a `KmsRefusal` to refuse; anything else thrown is an internal error. */
export type KmsOperation = (parameters: KmsParameters, kms: Kms) => Promise<Readonly<Record<string, string>>>

const MAX_PLAINTEXT_BYTES = 4096
const MAX_DATA_KEY_BYTES = 1024
const KEY_SPECS: Readonly<Record<string, number>> = { AES_128: 16, AES_256: 32 }

/** By the name of the action. */
export const KMS_OPERATIONS: Readonly<Record<KmsAction, KmsOperation>> = {
  GenerateDataKey: async (parameters, { keys, secret }) => {
    parameters.assertOnly(['KeyId', 'KeySpec', 'NumberOfBytes', 'EncryptionContext'])
    const keyId = keyIdOf(parameters)
    const length = dataKeyLength(parameters)
    const context = canonicalContext(parameters.optionalText('EncryptionContext'))
    keys.assertUsable(keyId)
    const plaintext = randomBytes(length)
    const blob = sealBlob(await secret.bytes(), keyId, plaintext, context)
    return { KeyId: keyId, Plaintext: plaintext.toString('base64'), CiphertextBlob: blob }
  },

  Encrypt: async (parameters, { keys, secret }) => {
    parameters.assertOnly(['KeyId', 'Plaintext', 'EncryptionContext'])
    const keyId = keyIdOf(parameters)
    const plaintext = decodeBase64(parameters.text('Plaintext')) ?? Buffer.alloc(0)
    const context = canonicalContext(parameters.optionalText('EncryptionContext'))
    if (plaintext.length === 0 || plaintext.length > MAX_PLAINTEXT_BYTES) {
      throw new KmsRefusal('InvalidParameterValue.InvalidPlaintext')
    }
    keys.assertUsable(keyId)
    return { KeyId: keyId, CiphertextBlob: sealBlob(await secret.bytes(), keyId, plaintext, context) }
  },

  Decrypt: async (parameters, { keys, secret }) => {
    parameters.assertOnly(['CiphertextBlob', 'EncryptionContext'])
    const text = parameters.text('CiphertextBlob')
    const context = canonicalContext(parameters.optionalText('EncryptionContext'))
    // Opened first: only a genuine blob is believed when it names a key.
    const { keyId, plaintext } = openBlob(await secret.bytes(), text, context)
    keys.assertUsable(keyId)
    return { KeyId: keyId, Plaintext: plaintext.toString('base64') }
  },
}

function keyIdOf(parameters: KmsParameters): string {
  const keyId = parameters.text('KeyId')
  if (!isKeyId(keyId)) throw new KmsRefusal('InvalidParameterValue.InvalidKeyId')
  return keyId
}

/** Where both are given, the number prevails. */
function dataKeyLength(parameters: KmsParameters): number {
  const number = parameters.optionalInteger('NumberOfBytes', 1, MAX_DATA_KEY_BYTES)
  const spec = parameters.optionalText('KeySpec')
  if (number !== undefined) return number
  if (spec === undefined) throw new KmsRefusal('MissingParameter', 'KeySpec or NumberOfBytes is missing.')
  const length = Object.hasOwn(KEY_SPECS, spec) ? KEY_SPECS[spec] : undefined
  if (length === undefined) throw new KmsRefusal('InvalidParameter', 'KeySpec must be AES_128 or AES_256.')
  return length
}

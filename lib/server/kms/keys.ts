/** Which master keys the KMS has. */
import { OptionError } from '../../errors.js'
import { assertKnown } from '../../internal/assert.js'
import { KmsRefusal } from './refusal.js'

/** The master keys of the server's KMS. Key ids are 1 to 64 letters, digits and dashes. */
export interface KmsOptions {
  /** Ids of the keys that exist, besides those of `disabled`. Default: all do. */
  readonly keys?: readonly string[] | undefined
  /** Ids of keys that exist but may not be used, not even to decrypt. Default: none. */
  readonly disabled?: readonly string[] | undefined
}

/** Whether `text` can be the id of a key. */
export function isKeyId(text: unknown): text is string {
  return typeof text === 'string' && /^[A-Za-z0-9-]{1,64}$/.test(text)
}

/**
 * Checks options and copies them.
 *
 * @throws OptionError that names `kms.keys[0]` and the like.
 */
export function checkKmsOptions(given: KmsOptions): KmsOptions {
  assertKnown(given, 'kms', ['keys', 'disabled'])
  const { keys, disabled } = given
  return { keys: checkIds(keys, 'kms.keys'), disabled: checkIds(disabled, 'kms.disabled') }
}

/** The keys of one server. They have no state but this: their bytes come from the secret. */
export class KmsKeys {
  readonly #existing: ReadonlySet<string> | undefined
  readonly #disabled: ReadonlySet<string>

  /** @param options - Already checked. */
  constructor({ keys, disabled }: KmsOptions) {
    this.#existing = keys === undefined ? undefined : new Set(keys)
    this.#disabled = new Set(disabled)
  }

  /** @throws `ResourceUnavailable.CmkDisabled`, `ResourceUnavailable.CmkNotFound` */
  assertUsable(keyId: string): void {
    if (this.#disabled.has(keyId)) throw new KmsRefusal('ResourceUnavailable.CmkDisabled')
    if (this.#existing?.has(keyId) === false) throw new KmsRefusal('ResourceUnavailable.CmkNotFound')
  }
}

function checkIds(given: unknown, option: string): string[] | undefined {
  if (given === undefined) return undefined
  if (!Array.isArray(given)) throw new OptionError(option, 'must be an array', { value: given })
  return given.map((id: unknown, i) => {
    if (isKeyId(id)) return id
    throw new OptionError(`${option}[${i}]`, 'must be 1 to 64 letters, digits and dashes', { value: id })
  })
}

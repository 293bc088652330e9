/** The parameters of a KMS action: one JSON object. Null means absent, which is how some SDKs send what was not given. */
import { KmsRefusal } from './refusal.js'

/** What the service knows and this server does not do. Passing over it in silence would answer in the clear. */
const UNSUPPORTED = ['EncryptionPublicKey', 'EncryptionAlgorithm', 'IsHostedByKms']

/** The parameters of one request. */
export class KmsParameters {
  readonly #given: ReadonlyMap<string, unknown>

  /**
   * @param body - UTF-8.
   * @throws `InvalidParameter` when it is no JSON object.
   */
  constructor(body: Buffer) {
    this.#given = new Map(Object.entries(parsed(body)).filter(([, value]) => value !== null))
  }

  /** @throws `UnsupportedOperation`, `UnknownParameter` for a parameter that is none of `names`. */
  assertOnly(names: readonly string[]): void {
    for (const name of this.#given.keys()) {
      if (names.includes(name)) continue
      if (!UNSUPPORTED.includes(name)) throw new KmsRefusal('UnknownParameter', `${name} is not known.`)
      throw new KmsRefusal('UnsupportedOperation', `The embedded server does not implement ${name}.`)
    }
  }

  /** @throws `MissingParameter`; `InvalidParameter` for what is no text. */
  text(name: string): string {
    const value = this.optionalText(name)
    if (value === undefined) throw new KmsRefusal('MissingParameter', `${name} is missing.`)
    return value
  }

  /** @throws `InvalidParameter` for what is no text. */
  optionalText(name: string): string | undefined {
    const value = this.#given.get(name)
    if (value === undefined || typeof value === 'string') return value
    throw new KmsRefusal('InvalidParameter', `${name} must be a string.`)
  }

  /** @throws `InvalidParameter` for anything but an integer from `least` to `most`. */
  optionalInteger(name: string, least: number, most: number): number | undefined {
    const value = this.#given.get(name)
    if (value === undefined) return undefined
    if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) return Number(value)
    throw new KmsRefusal('InvalidParameter', `${name} must be an integer from ${least} to ${most}.`)
  }
}

function parsed(body: Buffer): object {
  try {
    const given: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    if (typeof given === 'object' && given !== null && !Array.isArray(given)) return given
  } catch {
    // Refused below; the error would quote the body, which may hold a plaintext.
  }
  throw new KmsRefusal('InvalidParameter', 'The body must be a JSON object.')
}

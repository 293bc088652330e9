/** Who signs: keys given once, keys from a function that refreshes them, or keys from the environment. */
import { inspect } from 'node:util'
import { OptionError, SealstreamError } from '../errors.js'
import { assertKnown } from '../internal/assert.js'

/** API keys of the service. */
export interface Credentials {
  readonly secretId: string
  readonly secretKey: string
  /** Session token of temporary keys. */
  readonly token?: string
  /** When temporary keys end. Without it they are taken to last as long as the client. */
  readonly expiresAt?: Date
}

/** Keys, or a function that gets them; it is called again shortly before `expiresAt`. */
export type CredentialSource = Credentials | (() => Credentials | Promise<Credentials>)

/** Temporary keys are renewed this long before they end, so that no request is signed with keys about to end. */
const RENEW_EARLY_MS = 60_000

/** Holds the current keys; hidden when printed. */
export class CredentialProvider {
  readonly #source: CredentialSource
  readonly #clock: () => number
  #current: Credentials | undefined
  #renewal: Promise<Credentials> | undefined

  /**
   * @param source - Defaults to the environment: `COS_SECRET_ID`, `COS_SECRET_KEY`, `COS_TOKEN`.
   * @param clock - Milliseconds since the epoch.
   */
  constructor(source: CredentialSource | undefined, clock: () => number) {
    this.#source = source === undefined ? credentialsFromEnvironment : source
    this.#clock = clock
    // Static keys are checked at once, so that a typing error shows where the client is made.
    if (typeof this.#source !== 'function') this.#current = checkCredentials(this.#source)
  }

  /**
   * Keys that are good for the next minute. Concurrent calls share one renewal.
   *
   * @throws SealstreamError `SEALSTREAM_CREDENTIALS` when the source fails.
   */
  async get(): Promise<Credentials> {
    if (this.#current !== undefined && !this.#endsWithin(this.#current, RENEW_EARLY_MS)) return this.#current
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = undefined
    })
    return this.#renewal
  }

  /** The service says that the keys have ended: the next call gets new ones. False where there is no way to get any. */
  expire(): boolean {
    if (typeof this.#source !== 'function') return false
    this.#current = undefined
    return true
  }

  /** Never shows the keys. */
  [inspect.custom](): string {
    return 'CredentialProvider { <hidden> }'
  }

  #endsWithin({ expiresAt }: Credentials, milliseconds: number): boolean {
    return expiresAt !== undefined && expiresAt.getTime() - milliseconds <= this.#clock()
  }

  async #renew(): Promise<Credentials> {
    if (typeof this.#source !== 'function') {
      if (this.#current !== undefined && !this.#endsWithin(this.#current, 0)) return this.#current
      throw new SealstreamError('SEALSTREAM_CREDENTIALS', 'the temporary credentials have expired', {
        hint: 'give a function as option credentials, so that they can be renewed',
      })
    }
    try {
      this.#current = checkCredentials(await this.#source())
      return this.#current
    } catch (error) {
      if (error instanceof SealstreamError && error.code === 'SEALSTREAM_CREDENTIALS') throw error
      throw new SealstreamError(
        'SEALSTREAM_CREDENTIALS',
        'option credentials: the function gave no usable credentials',
        {
          cause: error,
        },
      )
    }
  }
}

/**
 * Keys from `COS_SECRET_ID`, `COS_SECRET_KEY` and, for temporary ones, `COS_TOKEN`.
 *
 * @throws SealstreamError `SEALSTREAM_CREDENTIALS` naming the variable that is not set.
 */
export function credentialsFromEnvironment(environment: NodeJS.ProcessEnv = process.env): Credentials {
  const { COS_SECRET_ID: secretId, COS_SECRET_KEY: secretKey, COS_TOKEN: token } = environment
  if (!secretId || !secretKey) {
    const missing = secretId ? 'COS_SECRET_KEY' : 'COS_SECRET_ID'
    throw new SealstreamError(
      'SEALSTREAM_CREDENTIALS',
      `no credentials: environment variable ${missing} is not set`,
      {
        hint: 'give option credentials, or set COS_SECRET_ID and COS_SECRET_KEY',
      },
    )
  }
  return token ? { secretId, secretKey, token } : { secretId, secretKey }
}

/** Refuses what cannot be credentials. Never quotes a value. */
function checkCredentials(given: Credentials): Credentials {
  assertKnown(given, 'credentials', ['secretId', 'secretKey', 'token', 'expiresAt'], {
    SecretId: 'write secretId',
    SecretKey: 'write secretKey',
    accessKeyId: 'write secretId',
    secretAccessKey: 'write secretKey',
    sessionToken: 'write token',
  })
  for (const name of ['secretId', 'secretKey'] as const) {
    // Never quoted.
    const value: unknown = given[name]
    if (typeof value !== 'string' || value === '' || /\p{Surrogate}/u.test(value)) {
      throw new OptionError(`credentials.${name}`, 'must be a string of at least one character')
    }
  }
  if (given.token !== undefined && typeof given.token !== 'string') {
    throw new OptionError('credentials.token', 'must be a string')
  }
  if (
    given.expiresAt !== undefined &&
    !(given.expiresAt instanceof Date && !Number.isNaN(given.expiresAt.getTime()))
  ) {
    throw new OptionError('credentials.expiresAt', 'must be a valid Date')
  }
  // Header values: what no header can carry must not fail deep inside HTTP.
  for (const name of ['secretId', 'token'] as const) {
    if (/[^\x21-\x7e]/.test(given[name] ?? '')) {
      throw new OptionError(`credentials.${name}`, 'must be printable ASCII without spaces')
    }
  }
  return Object.freeze({ ...given })
}

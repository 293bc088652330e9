/** Signs one client's requests: with credentials that are good, by a clock that agrees with the service's. */
import type { ServiceError } from '../errors.js'
import { CredentialProvider, type CredentialSource } from './credentials.js'
import type { Target } from './endpoint.js'
import { authorization, presignedQuery, type KeyTime } from './signer.js'

/** A signature is good from a minute ago, for clocks that differ a little, until a quarter of an hour ahead. */
const SECONDS_BEFORE = 60
const SECONDS_AFTER = 900

/** A clock is set right when it differs by this or more; less is within the service's tolerance (wire-formats F1). */
const LEAST_SKEW_MS = 30_000

/** What of a request is signed. */
interface Unsigned {
  readonly method: string
  readonly query?: Readonly<Record<string, string>> | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** One set of credentials and one clock. */
export class RequestSigner {
  readonly #credentials: CredentialProvider
  readonly #clock: () => number
  /** Milliseconds to add to the clock to have the service's. */
  #skew = 0
  #generation = 0

  constructor(options: { credentials?: CredentialSource | undefined; clock?: (() => number) | undefined }) {
    const { clock = Date.now } = options
    this.#clock = () => clock() + this.#skew
    this.#credentials = new CredentialProvider(options.credentials, this.#clock)
  }

  /** All headers of a request to `target`, with host, token and signature. @throws `SEALSTREAM_CREDENTIALS` */
  async signed(
    { method, query = {}, headers: given }: Unsigned,
    target: Target,
  ): Promise<Record<string, string>> {
    const credentials = await this.#credentials.get()
    const headers: Record<string, string> = { ...given, host: target.host }
    if (credentials.token !== undefined) headers['x-cos-security-token'] = credentials.token
    const request = { method, path: target.path, query, headers }
    return { ...headers, authorization: authorization(request, credentials, this.#keyTime(SECONDS_AFTER)) }
  }

  /** The query string of a URL that carries its own signature. @throws `SEALSTREAM_CREDENTIALS` */
  async presigned(request: Unsigned & { readonly expires: number }, target: Target): Promise<string> {
    const credentials = await this.#credentials.get()
    const token = credentials.token === undefined ? {} : { 'x-cos-security-token': credentials.token }
    const query = { ...request.query, ...token }
    // Signing the host keeps the URL from being replayed against another bucket.
    const headers = { host: target.host, ...request.headers }
    const signed = { method: request.method, path: target.path, query, headers }
    return presignedQuery(signed, credentials, this.#keyTime(request.expires))
  }

  /** Changes with every correction. A request that was signed under another may be refused for what is past. */
  get generation(): number {
    return this.#generation
  }

  /**
   * Puts right what a signature was refused for: a clock that is off, or keys that have ended.
   *
   * @param date - The Date header of the refusal.
   * @param generation - What {@link RequestSigner.generation} was before the request was signed.
   * @returns Whether the same request may succeed now.
   */
  recover(
    { status, serviceCode, serviceMessage }: ServiceError,
    date: string | undefined,
    generation: number,
  ): boolean {
    const isSkewed =
      serviceCode === 'RequestTimeTooSkewed' ||
      (serviceCode === 'AccessDenied' && serviceMessage === 'Request has expired') ||
      // The answer to HEAD says no more than that; its Date tells.
      (status === 403 && serviceCode === 'AccessDenied' && serviceMessage === '')
    if (!isSkewed && serviceCode !== 'ExpiredToken') return false
    // Of many requests at once, the first one to be refused does it for all.
    if (generation !== this.#generation) return true
    const isDone = isSkewed ? this.#correctClock(date) : this.#credentials.expire()
    if (isDone) this.#generation += 1
    return isDone
  }

  /** Goes by the service's clock from now on. False where that is no other than ours. */
  #correctClock(date: string | undefined): boolean {
    const difference = Date.parse(date ?? '') - this.#clock()
    if (!(Math.abs(difference) >= LEAST_SKEW_MS)) return false
    this.#skew += difference
    return true
  }

  #keyTime(seconds: number): KeyTime {
    const now = Math.floor(this.#clock() / 1000)
    return { start: now - SECONDS_BEFORE, end: now + seconds }
  }
}

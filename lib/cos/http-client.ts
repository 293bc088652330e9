/** Signed requests to one service through one configured got instance (RULES 7.1, 9.1). */
import got, { type Got } from 'got'
import { SealstreamError, type ServiceError } from '../errors.js'
import { assertBoolean, assertInteger, assertKnown } from '../internal/assert.js'
import { unlessAborted } from '../internal/abort.js'
import { MOST_TIMER_MS } from '../internal/backoff.js'
import { VERSION } from '../internal/version.js'
import { AGENT_OPTIONS, makeAgents, type AgentOptions, type ClientAgents } from './agents.js'
import type { CredentialSource } from './credentials.js'
import { encodeQuery } from './encode.js'
import { Endpoint, ENDPOINT_OPTIONS, type EndpointOptions, type Target } from './endpoint.js'
import { abortedError, mapHttpError } from './http-error.js'
import { readWhole, startExchange, StaleConnection, type OpenAnswer } from './exchange.js'
import { Lifetime } from './lifetime.js'
import { Retrier, type Repeatable, type RetryEvent, type RetryOptions } from './retry.js'
import { isErrorDocument, serviceError } from './service-error.js'
import type { Answer, ServiceRequest } from './service-request.js'
import { RequestSigner } from './request-signer.js'

/** Limits on waiting, in milliseconds. */
export interface Timeouts {
  /** Until a connection stands. Default 10,000. */
  connect?: number
  /** Without a byte in either direction, also while a body goes unread. Default 60,000. */
  stall?: number
}

// A service that sends us from host to host is not followed for ever.
const MOST_REDIRECTS = 3

/** Options of every client. */
export interface HttpOptions extends EndpointOptions, AgentOptions {
  credentials?: CredentialSource | undefined
  timeouts?: Timeouts | undefined
  retry?: RetryOptions | undefined
  /** Called before a request is tried again. */
  onRetry?: ((event: RetryEvent) => void) | undefined
  /** Waits for the service's go-ahead before a body is sent, so that a refusal costs no upload. Default false. */
  expectContinue?: boolean | undefined
  /** Milliseconds since the epoch; for tests. A clock that is merely off is corrected by the service's. */
  clock?: (() => number) | undefined
}

/** Names of {@link HttpOptions}, for checks. */
export const HTTP_OPTIONS = [
  ...ENDPOINT_OPTIONS,
  ...AGENT_OPTIONS,
  'credentials',
  'timeouts',
  'retry',
  'onRetry',
  'expectContinue',
  'clock',
]

/** One service, one set of credentials, one keep-alive agent. */
export class HttpClient {
  readonly #endpoint: Endpoint
  readonly #signer: RequestSigner
  readonly #agents: ClientAgents
  readonly #got: Got
  readonly #stall: number
  readonly #retrier: Retrier
  readonly #expectContinue: boolean
  readonly #lifetime: Lifetime

  constructor(options: HttpOptions) {
    const timeouts = options.timeouts ?? {}
    assertKnown(timeouts, 'timeouts', ['connect', 'stall'])
    const { connect = 10_000, stall = 60_000 } = timeouts
    assertInteger(connect, 'timeouts.connect', 1, MOST_TIMER_MS)
    assertInteger(stall, 'timeouts.stall', 1, MOST_TIMER_MS)
    const { expectContinue = false } = options
    assertBoolean(expectContinue, 'expectContinue')
    this.#stall = stall
    this.#expectContinue = expectContinue
    this.#retrier = new Retrier(options.retry, options.onRetry)
    this.#endpoint = new Endpoint(options)
    this.#signer = new RequestSigner(options)
    this.#agents = makeAgents(options)
    this.#lifetime = new Lifetime(() => this.#agents.destroy())
    this.#got = got.extend({
      // A stored Content-Encoding: gzip would make the library gunzip ciphertext.
      decompress: false,
      headers: { 'user-agent': `sealstream/${VERSION}`, 'accept-encoding': 'identity' },
      // A body that was consumed cannot be sent again by a layer that does not know how it was made.
      retry: { limit: 0 },
      followRedirect: false,
      throwHttpErrors: false,
      timeout: { connect, secureConnect: connect, lookup: connect, socket: stall },
      agent: { http: this.#agents.http, https: this.#agents.https },
    })
  }

  /** Whether a secret may go in a header: over TLS, or to this machine by no detour. */
  get isPrivate(): boolean {
    return this.#endpoint.isSecure || (this.#endpoint.isLoopback && this.#agents.isDirect)
  }

  /** Where its requests go. */
  get endpoint(): Endpoint {
    return this.#endpoint
  }

  /**
   * Closes all connections: requests under way fail, no others are made. What is being dropped is dropped first; it resolves when
   * that is done.
   */
  close(): Promise<void> {
    return this.#lifetime.close()
  }

  /**
   * Sends a request and reads the answer whole; tries again where that may help.
   *
   * @param accept - Makes the result of an answer. Where it throws an IntegrityError, the request is tried again.
   * @throws ServiceError on any status but 2xx; SealstreamError `SEALSTREAM_CONNECTION`, `_TIMEOUT`, `_ABORTED`,
   *   `_BODY_LENGTH`, or what the body stream failed with; what `accept` throws.
   */
  async send<Result = Answer>(
    request: ServiceRequest,
    accept: (answer: Answer) => Result | Promise<Result> = (answer) => answer as Result,
  ): Promise<Result> {
    const run = (): Promise<Result> =>
      this.#repeat(request, async (attempt) => accept(await this.#sendOnce(request, attempt)))
    return request.outlives === true ? this.#lifetime.outlive(run) : run()
  }

  /**
   * Sends a request whose answer's body is read as a stream; nobody but the caller ends that stream.
   *
   * @throws As {@link HttpClient.send}.
   */
  async open(request: ServiceRequest): Promise<Omit<OpenAnswer, 'sent' | 'isSent'>> {
    return this.#repeat(request, async (attempt) => {
      const { generation } = this.#signer
      const answer = await this.#open(request, attempt)
      if (answer.status < 300) return answer
      try {
        throw await this.#refusal(request, answer, await readWhole(answer), generation)
      } finally {
        answer.stream.destroy()
      }
    })
  }

  /** Does something that takes more than one answer as often as it takes, within the client's options and budget. */
  retry<Result>(what: Repeatable, attempt: () => Promise<Result>): Promise<Result> {
    return this.#retrier.run(what, attempt)
  }

  /** A URL that carries its own signature. */
  async presign(
    request: Pick<ServiceRequest, 'bucket' | 'key' | 'query' | 'headers'> & {
      method: string
      expires: number
    },
  ): Promise<string> {
    const target = this.#endpoint.target(request.bucket, request.key)
    return `${target.origin}${target.encodedPath}?${await this.#signer.presigned(request, target)}`
  }

  async #repeat<Result>(
    request: ServiceRequest,
    attempt: (number: number) => Promise<Result>,
  ): Promise<Result> {
    const isStream = request.body !== undefined && 'stream' in request.body
    const repeatable: Repeatable = { ...request, repeat: isStream ? 'never' : (request.repeat ?? 'always') }
    let isRecovered = false
    return this.#retrier.run(repeatable, async (number) => {
      try {
        return await attempt(number)
      } catch (error) {
        // Once, at once, and outside the budget: what was wrong is put right.
        if (isStream || isRecovered || !(error instanceof Recovered)) throw unwrapped(error)
        isRecovered = true
        return await attempt(number + 1).catch((second: unknown) => {
          throw unwrapped(second)
        })
      }
    })
  }

  async #sendOnce(request: ServiceRequest, attempt: number): Promise<Answer> {
    const { operation } = request
    const { generation } = this.#signer
    const answer = await this.#open(request, attempt)
    const { status, headers, sent } = answer
    try {
      const body = await readWhole(answer)
      // The service may answer 200 before it knows, and say in the document that it failed (wire-formats F2).
      if (status >= 300 || isErrorDocument(body)) throw await this.#refusal(request, answer, body, generation)
      if (request.body !== undefined && (sent === undefined || !(await answer.isSent(this.#stall)))) {
        throw new SealstreamError(
          'SEALSTREAM_ANSWER',
          `${operation}: the service answered before the body was sent`,
        )
      }
      return { status, headers, body, sent }
    } finally {
      // Where the request's body was cut short, the connection must not be used again.
      answer.stream.destroy()
    }
  }

  /** The error of a refusal; a {@link Recovered} where its cause could be removed. */
  async #refusal(
    { operation }: ServiceRequest,
    { status, headers }: Pick<OpenAnswer, 'status' | 'headers'>,
    body: string,
    generation: number,
  ): Promise<Error> {
    const error = await serviceError(operation, status, headers, body)
    return this.#signer.recover(error, headers.date, generation) ? new Recovered(error) : error
  }

  /**
   * Sends once more where a reused connection turned out dead, if the body can be had again and repeating is harmless: the
   * request may have reached the service all the same (RULES 9.3).
   */
  async #open(request: ServiceRequest, attempt: number): Promise<OpenAnswer> {
    const isStream = request.body !== undefined && 'stream' in request.body
    try {
      return await this.#follow(request, attempt).catch((error: unknown) => {
        if (!(error instanceof StaleConnection)) throw error
        if (isStream || request.repeat === 'refused') throw error.mapped
        request.onUncertain?.(error.mapped)
        return this.#follow(request, attempt)
      })
    } catch (error) {
      // Whatever went wrong: nobody will read the source any more.
      if (request.body !== undefined && 'stream' in request.body) request.body.stream.destroy()
      throw error instanceof StaleConnection ? error.mapped : error
    }
  }

  /** Signs anew for the host that a 307 names, if that is one of the same service (RULES 7.1). */
  async #follow(request: ServiceRequest, attempt: number): Promise<OpenAnswer> {
    let target = this.#endpoint.target(request.bucket, request.key, request.region)
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#attempt(request, target, attempt)
      const next =
        answer.status === 307 ? this.#endpoint.redirected(target, answer.headers.location) : undefined
      const isSpent = request.body !== undefined && 'stream' in request.body
      if (next === undefined || isSpent || redirects === MOST_REDIRECTS) return answer
      answer.stream.destroy()
      target = next
    }
  }

  async #attempt(request: ServiceRequest, target: Target, attempt: number): Promise<OpenAnswer> {
    const { operation, method, signal, body } = request
    throwIfAborted(operation, signal)
    if (this.#lifetime.isClosed && request.outlives !== true)
      throw new SealstreamError('SEALSTREAM_ABORTED', `${operation}: the client was closed`)
    const query = encodeQuery(request.query ?? {})
    const url = `${target.origin}${target.encodedPath}${query === '' ? '' : `?${query}`}`
    const signed = { ...request, headers: this.#headers(request, attempt) }
    const headers = await unlessAborted(this.#signer.signed(signed, target), signal)
    throwIfAborted(operation, signal)
    const exchange = this.#got.stream(url, { method, headers, ...(signal === undefined ? {} : { signal }) })
    return startExchange(exchange, { method, body, expectContinue: 'expect' in headers }, (error) =>
      mapHttpError(error, operation, target.origin, signal),
    )
  }

  /** The headers that go out besides those of the operation. */
  #headers({ method, headers, body }: ServiceRequest, attempt: number): Record<string, string> {
    const length = body === undefined ? 0 : 'stream' in body ? body.length : body.bytes.length
    const hasLength = body !== undefined || method === 'PUT' || method === 'POST'
    return {
      ...headers,
      // As the official SDKs mark it.
      ...(attempt > 1 ? { 'x-cos-sdk-retry': 'true' } : {}),
      ...(this.#expectContinue && body !== undefined ? { expect: '100-continue' } : {}),
      ...(hasLength ? { 'content-length': String(length) } : {}),
    }
  }
}

function throwIfAborted(operation: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortedError(operation, signal)
}

/** A refusal whose cause was removed: the same request may well succeed now. */
class Recovered extends Error {
  readonly refusal: ServiceError

  constructor(refusal: ServiceError) {
    super(refusal.message)
    this.refusal = refusal
  }
}

function unwrapped(error: unknown): unknown {
  return error instanceof Recovered ? error.refusal : error
}

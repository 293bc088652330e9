/** Signed requests to one service through one configured got instance (RULES 7.1, 9.1). */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import got, { type Got } from 'got'
import type { Digest } from '../checksum/body-digest.js'
import { SealstreamError } from '../errors.js'
import { assertInteger, assertKnown } from '../internal/assert.js'
import { unlessAborted } from '../internal/abort.js'
import { VERSION } from '../internal/version.js'
import { CredentialProvider, type CredentialSource } from './credentials.js'
import { encodeQuery } from './encode.js'
import { Endpoint, type EndpointOptions, type Target } from './endpoint.js'
import { abortedError, mapHttpError } from './http-error.js'
import { readWhole, startExchange, StaleConnection, type OpenAnswer, type RequestBody } from './exchange.js'
import { serviceError } from './service-error.js'
import { authorization, presignedQuery, type KeyTime } from './signer.js'

/** A signature is good from a minute ago, for clocks that differ a little, until a quarter of an hour ahead. */
const SIGNED_SECONDS_BEFORE = 60
const SIGNED_SECONDS_AFTER = 900

/** Limits on waiting, in milliseconds. */
export interface Timeouts {
  /** Until a connection stands. Default 10,000. */
  connect?: number
  /** Without a byte in either direction, also while a body goes unread. Default 60,000. */
  stall?: number
}

/** Options of every client. */
export interface HttpOptions extends EndpointOptions {
  credentials?: CredentialSource | undefined
  timeouts?: Timeouts | undefined
  /** Milliseconds since the epoch; for tests and for machines whose clock is off. */
  clock?: (() => number) | undefined
}

/** A request to the service. Everything is decoded; encoding and signing happen here. */
export interface ServiceRequest {
  /** For messages: `putObject`. */
  readonly operation: string
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly bucket: string
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: RequestBody
  readonly signal?: AbortSignal | undefined
}

/** What came back, read whole. */
export interface Answer {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Of the request's body, as it went out; undefined when there was none. */
  readonly sent: Digest | undefined
}

/** One service, one set of credentials, one keep-alive agent. */
export class HttpClient {
  readonly #endpoint: Endpoint
  readonly #credentials: CredentialProvider
  readonly #clock: () => number
  readonly #agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) }
  readonly #got: Got
  readonly #stall: number

  constructor(options: HttpOptions) {
    const timeouts = options.timeouts ?? {}
    assertKnown(timeouts, 'timeouts', ['connect', 'stall'])
    const { connect = 10_000, stall = 60_000 } = timeouts
    assertInteger(connect, 'timeouts.connect', 1)
    assertInteger(stall, 'timeouts.stall', 1)
    this.#stall = stall
    this.#clock = options.clock ?? Date.now
    this.#endpoint = new Endpoint(options)
    this.#credentials = new CredentialProvider(options.credentials, this.#clock)
    this.#got = got.extend({
      // A stored Content-Encoding: gzip would make the library gunzip ciphertext.
      decompress: false,
      headers: { 'user-agent': `sealstream/${VERSION}`, 'accept-encoding': 'identity' },
      // A body that was consumed cannot be sent again by a layer that does not know how it was made.
      retry: { limit: 0 },
      followRedirect: false,
      throwHttpErrors: false,
      timeout: { connect, secureConnect: connect, lookup: connect, socket: stall },
      agent: this.#agents,
    })
  }

  /** Closes idle connections; requests under way break off. */
  close(): void {
    this.#agents.http.destroy()
    this.#agents.https.destroy()
  }

  /**
   * Sends a request and reads the answer whole.
   *
   * @throws ServiceError on any status but 2xx; SealstreamError `SEALSTREAM_CONNECTION`, `_TIMEOUT`, `_ABORTED`,
   *   `_BODY_LENGTH`, or what the body stream failed with.
   */
  async send(request: ServiceRequest): Promise<Answer> {
    const { operation } = request
    const answer = await this.#open(request)
    const { status, headers, sent } = answer
    try {
      const body = await readWhole(answer)
      if (status >= 300) throw await serviceError(operation, status, headers, body)
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

  /**
   * Sends a request whose answer's body is read as a stream; nobody but the caller ends that stream.
   *
   * @throws As {@link HttpClient.send}.
   */
  async open(request: ServiceRequest): Promise<Omit<OpenAnswer, 'sent' | 'isSent'>> {
    const answer = await this.#open(request)
    if (answer.status < 300) return answer
    try {
      throw await serviceError(request.operation, answer.status, answer.headers, await readWhole(answer))
    } finally {
      answer.stream.destroy()
    }
  }

  /** A URL that carries its own signature. */
  async presign(
    request: Pick<ServiceRequest, 'bucket' | 'key' | 'query' | 'headers'> & {
      method: string
      expires: number
    },
  ): Promise<string> {
    const credentials = await this.#credentials.get()
    const target = this.#endpoint.target(request.bucket, request.key)
    const token = credentials.token === undefined ? {} : { 'x-cos-security-token': credentials.token }
    const query = { ...request.query, ...token }
    // Signing the host keeps the URL from being replayed against another bucket.
    const headers = { host: target.host, ...request.headers }
    const signed = { method: request.method, path: target.path, query, headers }
    const keyTime = this.#keyTime(request.expires)
    return `${target.origin}${target.encodedPath}?${presignedQuery(signed, credentials, keyTime)}`
  }

  /** Sends once more where a reused connection turned out dead, if the body can be had again (RULES 9.3). */
  async #open(request: ServiceRequest): Promise<OpenAnswer> {
    try {
      return await this.#attempt(request).catch((error: unknown) => {
        if (!(error instanceof StaleConnection)) throw error
        if (request.body !== undefined && 'stream' in request.body) throw error.mapped
        return this.#attempt(request)
      })
    } catch (error) {
      // Whatever went wrong: nobody will read the source any more.
      if (request.body !== undefined && 'stream' in request.body) request.body.stream.destroy()
      throw error instanceof StaleConnection ? error.mapped : error
    }
  }

  async #attempt(request: ServiceRequest): Promise<OpenAnswer> {
    const { operation, method, signal, body } = request
    throwIfAborted(operation, signal)
    const target = this.#endpoint.target(request.bucket, request.key)
    const query = encodeQuery(request.query ?? {})
    const url = `${target.origin}${target.encodedPath}${query === '' ? '' : `?${query}`}`
    const headers = await unlessAborted(this.#sign(request, target), signal)
    throwIfAborted(operation, signal)
    const exchange = this.#got.stream(url, { method, headers, ...(signal === undefined ? {} : { signal }) })
    return startExchange(exchange, method, body, (error) =>
      mapHttpError(error, operation, target.origin, signal),
    )
  }

  async #sign(request: ServiceRequest, target: Target): Promise<Record<string, string>> {
    const credentials = await this.#credentials.get()
    const { body } = request
    const headers: Record<string, string> = { ...request.headers, host: target.host }
    if (credentials.token !== undefined) headers['x-cos-security-token'] = credentials.token
    if (body !== undefined)
      headers['content-length'] = String('stream' in body ? body.length : body.bytes.length)
    else if (request.method === 'PUT' || request.method === 'POST') headers['content-length'] = '0'
    const signed = { method: request.method, path: target.path, query: request.query ?? {}, headers }
    return {
      ...headers,
      authorization: authorization(signed, credentials, this.#keyTime(SIGNED_SECONDS_AFTER)),
    }
  }

  #keyTime(seconds: number): KeyTime {
    const now = Math.floor(this.#clock() / 1000)
    return { start: now - SIGNED_SECONDS_BEFORE, end: now + seconds }
  }
}

function throwIfAborted(operation: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortedError(operation, signal)
}

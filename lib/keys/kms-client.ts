/** Calls to Tencent KMS: signed, retried, their errors in our terms. */
import got, { type Got } from 'got'
import { OptionError, SealstreamError, ServiceError } from '../errors.js'
import { assertInteger, assertKnown } from '../internal/assert.js'
import { MOST_TIMER_MS } from '../internal/backoff.js'
import { decodeBase64, wipe } from '../internal/bytes.js'
import { VERSION } from '../internal/version.js'
import { AGENT_OPTIONS, makeAgents, type AgentOptions, type ClientAgents } from '../cos/agents.js'
import { CredentialProvider, type CredentialSource } from '../cos/credentials.js'
import { assertRegion, endpointUrl, isLoopback } from '../cos/endpoint.js'
import { mapHttpError } from '../cos/http-error.js'
import { Retrier, type RetryOptions } from '../cos/retry.js'
import { TC3_CONTENT_TYPE, tc3Authorization } from './tc3-signer.js'

/** How KMS is reached. */
export interface KmsClientOptions extends AgentOptions {
  /** For example `ap-beijing`: where the key is. */
  region: string
  /** API keys of the cloud account, or a function that gets them. Defaults to `COS_SECRET_ID` and `COS_SECRET_KEY`. */
  credentials?: CredentialSource | undefined
  /** Defaults to `https://kms.tencentcloudapi.com`. Plain HTTP is accepted on this machine only. */
  endpoint?: string | undefined
  retry?: RetryOptions | undefined
  /** Milliseconds until an answer must be there. Default 10,000. */
  timeout?: number | undefined
}

/** Names of {@link KmsClientOptions}, for checks. */
export const KMS_CLIENT_OPTIONS = ['region', 'credentials', 'endpoint', 'retry', 'timeout', ...AGENT_OPTIONS]

const DEFAULT_ENDPOINT = 'https://kms.tencentcloudapi.com'
const API_VERSION = '2019-01-18'
const SERVICE = 'kms'

/** What a call gives: always one JSON object. */
type Fields = Readonly<Record<string, unknown>>

/** Calls one endpoint with one set of credentials. */
export class KmsClient {
  readonly #url: URL
  readonly #region: string
  readonly #credentials: CredentialProvider
  readonly #agents: ClientAgents
  readonly #retrier: Retrier
  readonly #got: Got
  /** Milliseconds to add to the clock to have the service's. */
  #skew = 0

  /** @throws {@link OptionError} naming the option. No request is made. */
  constructor(options: KmsClientOptions) {
    assertKnown(options, '', KMS_CLIENT_OPTIONS)
    const { region, endpoint = DEFAULT_ENDPOINT, timeout = 10_000 } = options
    assertRegion(region)
    assertInteger(timeout, 'timeout', 1, MOST_TIMER_MS)
    this.#region = region
    this.#url = endpointUrl(endpoint)
    if (this.#url.protocol !== 'https:' && !isLoopback(this.#url.hostname)) {
      throw new OptionError('endpoint', 'must be https: data keys travel there in the clear', {
        value: endpoint,
      })
    }
    this.#credentials = new CredentialProvider(options.credentials, () => Date.now() + this.#skew)
    this.#agents = makeAgents(options)
    this.#retrier = new Retrier(options.retry)
    this.#got = got.extend({
      method: 'POST',
      headers: { 'user-agent': `sealstream/${VERSION}`, 'accept-encoding': 'identity' },
      decompress: false,
      retry: { limit: 0 },
      followRedirect: false,
      throwHttpErrors: false,
      timeout: { request: timeout },
      agent: { http: this.#agents.http, https: this.#agents.https },
    })
  }

  /** Names the service, for telling its answers from another's. */
  get endpoint(): string {
    return this.#url.origin
  }

  /** A new data key of 32 bytes, in the clear and as a blob. The caller wipes it. */
  async generateDataKey(keyId: string, context: string): Promise<{ key: Buffer; blob: string }> {
    const fields = await this.#call('GenerateDataKey', {
      KeyId: keyId,
      KeySpec: 'AES_256',
      EncryptionContext: context,
    })
    const key = bytesOf('GenerateDataKey', fields, 'Plaintext')
    if (key.length === DATA_KEY_BYTES) return { key, blob: blobOf('GenerateDataKey', fields) }
    wipe(key)
    throw new SealstreamError('SEALSTREAM_ANSWER', 'kms:GenerateDataKey: the data key is not of 256 bits')
  }

  /** Bytes as a blob. */
  async encrypt(keyId: string, bytes: Buffer, context: string): Promise<string> {
    const fields = await this.#call('Encrypt', {
      KeyId: keyId,
      Plaintext: bytes.toString('base64'),
      EncryptionContext: context,
    })
    return blobOf('Encrypt', fields)
  }

  /**
   * The bytes of a blob. The caller wipes them.
   *
   * @returns Undefined where KMS says that it is no blob of its own, or was made with another context.
   */
  async decrypt(blob: string, context: string): Promise<Buffer | undefined> {
    try {
      const fields = await this.#call('Decrypt', { CiphertextBlob: blob, EncryptionContext: context })
      // By whichever key: the blob names it, and objects written before a rotation have another (as in the Java SDK).
      return bytesOf('Decrypt', fields, 'Plaintext')
    } catch (error) {
      if (error instanceof ServiceError && NO_SUCH_BLOB.test(error.serviceCode)) return undefined
      throw error
    }
  }

  /** Closes its connections. */
  close(): void {
    this.#agents.destroy()
  }

  async #call(action: string, parameters: Readonly<Record<string, string>>): Promise<Fields> {
    const operation = `kms:${action}`
    let isRecovered = false
    return this.#retrier.run({ operation, repeat: 'always' }, async () => {
      try {
        return await this.#once(operation, action, parameters)
      } catch (error) {
        // Once, at once: the clock was set right, or the next credentials may be good.
        if (isRecovered || !this.#isRecoverable(error)) throw error
        isRecovered = true
        return this.#once(operation, action, parameters)
      }
    })
  }

  #isRecoverable(error: unknown): boolean {
    if (!(error instanceof ServiceError)) return false
    if (error.serviceCode === CLOCK_IS_OFF) return true
    return error.serviceCode === TOKEN_HAS_ENDED && this.#credentials.expire()
  }

  async #once(
    operation: string,
    action: string,
    parameters: Readonly<Record<string, string>>,
  ): Promise<Fields> {
    const credentials = await this.#credentials.get()
    const body = JSON.stringify(parameters)
    const timestamp = Math.floor((Date.now() + this.#skew) / 1000)
    const { host, origin } = this.#url
    const answer = await this.#got(`${origin}/`, {
      body,
      headers: {
        'content-type': TC3_CONTENT_TYPE,
        host,
        'x-tc-action': action,
        'x-tc-version': API_VERSION,
        'x-tc-region': this.#region,
        'x-tc-timestamp': String(timestamp),
        ...(credentials.token === undefined ? {} : { 'x-tc-token': credentials.token }),
        authorization: tc3Authorization({ service: SERVICE, host, action, body, timestamp }, credentials),
      },
    }).catch((error: unknown) => {
      throw mapHttpError(error, operation, origin)
    })
    try {
      return readAnswer(operation, answer.statusCode, answer.body)
    } catch (error) {
      const skew = Date.parse(answer.headers.date ?? '') - Date.now()
      // By the service's clock from now on; what other answers say of the time is nobody's business.
      const isOff = error instanceof ServiceError && error.serviceCode === CLOCK_IS_OFF
      if (isOff && !Number.isNaN(skew)) this.#skew = skew
      throw error
    }
  }
}

const CLOCK_IS_OFF = 'AuthFailure.SignatureExpire'
const TOKEN_HAS_ENDED = 'AuthFailure.TokenFailure'
const DATA_KEY_BYTES = 32

/** The codes that say: this blob, under this context, is none of mine. */
const NO_SUCH_BLOB = /InvalidCiphertext|DecryptError|DecryptDataError/

function readAnswer(operation: string, status: number, body: string): Fields {
  let response: unknown
  try {
    response = (JSON.parse(body) as Fields | null)?.Response
  } catch {
    response = undefined
  }
  if (typeof response !== 'object' || response === null) {
    if (status >= 300) throw refused(operation, status, {}, '')
    throw new SealstreamError('SEALSTREAM_ANSWER', `${operation}: the answer is not one of KMS`)
  }
  const { Error: error, RequestId: requestId } = response as Fields
  if (typeof error !== 'object' || error === null) return response as Fields
  throw refused(operation, status, error as Fields, requestId)
}

function refused(operation: string, status: number, error: Fields, requestId: unknown): ServiceError {
  const text = (value: unknown): string => (typeof value === 'string' ? value : '')
  return new ServiceError(operation, {
    status,
    serviceCode: text(error.Code),
    // It may repeat what was sent: a data key.
    serviceMessage: operation === 'kms:Encrypt' ? '' : text(error.Message),
    resource: '',
    requestId: text(requestId),
    traceId: '',
  })
}

function bytesOf(action: string, fields: Fields, name: string): Buffer {
  const value = fields[name]
  const bytes = typeof value === 'string' ? decodeBase64(value) : undefined
  if (bytes !== undefined) return bytes
  throw new SealstreamError('SEALSTREAM_ANSWER', `kms:${action}: the answer has no ${name}`)
}

/** What KMS gives is text of its own making: nobody else looks into it. */
function blobOf(action: string, { CiphertextBlob: blob }: Fields): string {
  if (typeof blob === 'string' && /^[\x21-\x7e]+$/.test(blob)) return blob
  throw new SealstreamError('SEALSTREAM_ANSWER', `kms:${action}: the answer has no CiphertextBlob`)
}

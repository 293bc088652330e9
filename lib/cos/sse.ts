/** Server-side encryption in named fields: SSE-COS, SSE-KMS and SSE-C, to headers and back (wire-formats F3). */
import { createHash } from 'node:crypto'
import { OptionError } from '../errors.js'
import { assertText } from '../internal/assert.js'
import { decodeBase64, equalBytes } from '../internal/bytes.js'
import { present, type Service } from './service.js'

/** A key of the caller's, by which the service encrypts (SSE-C). It goes with every request on the object. */
export interface CustomerKeyParams {
  /** Only `AES256`; may be left out. */
  SSECustomerAlgorithm?: 'AES256'
  /** 32 bytes, or their Base64 of 44 characters. Travels with the request, so only over HTTPS or to this machine. */
  SSECustomerKey?: string | Uint8Array
  /** Base64 MD5 of the 32 bytes. It is computed; one that is given must agree. */
  SSECustomerKeyMD5?: string
}

/** How the service is to encrypt what is stored. Beside encryption on the client, or instead of it. */
export interface ServerSideEncryptionParams extends CustomerKeyParams {
  /** `AES256` (or `SM4`): keys of the service's. `cos/kms`: keys of the key management service. */
  ServerSideEncryption?: 'AES256' | 'SM4' | 'cos/kms'
  /** With `cos/kms`: the customer master key. Defaults to the service's own. */
  SSEKMSKeyId?: string
  /** With `cos/kms`: pairs the key is bound to, as an object, or as the Base64 of its JSON. */
  SSEKMSContext?: string | Readonly<Record<string, string>>
}

/** The customer key of the object that is copied from. */
export interface CopySourceKeyParams {
  /** Only `AES256`; may be left out. */
  CopySourceSSECustomerAlgorithm?: 'AES256'
  /** As `SSECustomerKey`, of the source. */
  CopySourceSSECustomerKey?: string | Uint8Array
  /** As `SSECustomerKeyMD5`, of the source. */
  CopySourceSSECustomerKeyMD5?: string
}

/** What an answer says about server-side encryption. */
export interface ServerSideEncryptionResult {
  ServerSideEncryption?: string
  SSEKMSKeyId?: string
  SSECustomerAlgorithm?: string
  SSECustomerKeyMD5?: string
}

/** Names of {@link CustomerKeyParams}, for checks. */
export const CUSTOMER_KEY_PARAMS = ['SSECustomerAlgorithm', 'SSECustomerKey', 'SSECustomerKeyMD5'] as const

/** Names of {@link ServerSideEncryptionParams}, for checks. */
export const SSE_PARAMS = [
  ...CUSTOMER_KEY_PARAMS,
  'ServerSideEncryption',
  'SSEKMSKeyId',
  'SSEKMSContext',
] as const

/** Names of {@link CopySourceKeyParams}, for checks. */
export const COPY_SOURCE_KEY_PARAMS = [
  'CopySourceSSECustomerAlgorithm',
  'CopySourceSSECustomerKey',
  'CopySourceSSECustomerKeyMD5',
] as const

const PREFIX = 'x-cos-server-side-encryption'
const KEY_ID = `${PREFIX}-cos-kms-key-id`
const KEY_BYTES = 32

type Headers = Record<string, string>

/**
 * The headers of {@link ServerSideEncryptionParams}, for requests that make an object.
 *
 * @throws {@link OptionError} on a malformed or contradictory field, and for a customer key where the connection is not
 *   private. Never quotes a key.
 */
export function encryptionHeaders(service: Service, params: ServerSideEncryptionParams): Headers {
  const { ServerSideEncryption: mode, SSEKMSKeyId: keyId, SSEKMSContext: context } = params
  const customer = customerKeyHeaders(service, params)
  if (mode === undefined) {
    for (const [option, value] of Object.entries({ SSEKMSKeyId: keyId, SSEKMSContext: context })) {
      if (value !== undefined) throw new OptionError(option, "needs ServerSideEncryption: 'cos/kms'")
    }
    return customer
  }
  if (!['AES256', 'SM4', 'cos/kms'].includes(mode)) {
    throw new OptionError('ServerSideEncryption', 'must be AES256, SM4 or cos/kms', { value: mode })
  }
  if (Object.keys(customer).length > 0) {
    throw new OptionError('ServerSideEncryption', 'must not be given beside SSECustomerKey', { value: mode })
  }
  if (mode !== 'cos/kms' && (keyId !== undefined || context !== undefined)) {
    throw new OptionError('ServerSideEncryption', 'must be cos/kms beside SSEKMSKeyId or SSEKMSContext', {
      value: mode,
    })
  }
  if (keyId !== undefined) assertText(keyId, 'SSEKMSKeyId')
  if (keyId !== undefined && !/^[\x21-\x7e]+$/.test(keyId)) {
    throw new OptionError('SSEKMSKeyId', 'must be printable ASCII without spaces', { value: keyId })
  }
  return {
    [PREFIX]: mode,
    ...(keyId === undefined ? {} : { [KEY_ID]: keyId }),
    ...(context === undefined ? {} : { [`${PREFIX}-context`]: contextText(context) }),
  }
}

/**
 * The three headers of a customer key, for every request on its object; none where no key is given.
 *
 * @throws As {@link encryptionHeaders}.
 */
export function customerKeyHeaders(service: Service, params: CustomerKeyParams): Headers {
  const { SSECustomerAlgorithm, SSECustomerKey, SSECustomerKeyMD5 } = params
  return keyHeaders(service, `${PREFIX}-customer`, 'SSECustomer', [
    SSECustomerAlgorithm,
    SSECustomerKey,
    SSECustomerKeyMD5,
  ])
}

/**
 * The same for the source of a copy.
 *
 * @throws As {@link encryptionHeaders}.
 */
export function copySourceKeyHeaders(service: Service, params: CopySourceKeyParams): Headers {
  return keyHeaders(service, 'x-cos-copy-source-server-side-encryption-customer', 'CopySourceSSECustomer', [
    params.CopySourceSSECustomerAlgorithm,
    params.CopySourceSSECustomerKey,
    params.CopySourceSSECustomerKeyMD5,
  ])
}

/** Only the customer key among the parameters: for the requests that follow the first on one object. */
export function customerKeyOf(params: CustomerKeyParams): CustomerKeyParams {
  const { SSECustomerAlgorithm, SSECustomerKey, SSECustomerKeyMD5 } = params
  return present({ SSECustomerAlgorithm, SSECustomerKey, SSECustomerKeyMD5 })
}

/** Whether an object is, or will be, encrypted by the service: then an ETag is no MD5 (RULES 5.1). */
export function isServiceEncrypted(
  asked: ServerSideEncryptionParams,
  told: ServerSideEncryptionResult,
): boolean {
  const signs = [asked.ServerSideEncryption, asked.SSECustomerKey, told.ServerSideEncryption]
  return [...signs, told.SSECustomerAlgorithm].some((sign) => sign !== undefined)
}

/** Reads {@link ServerSideEncryptionResult} out of an answer's headers. */
export function describeEncryption(headers: Readonly<Record<string, string>>): ServerSideEncryptionResult {
  return present({
    ServerSideEncryption: headers[PREFIX],
    SSEKMSKeyId: headers[KEY_ID],
    SSECustomerAlgorithm: headers[`${PREFIX}-customer-algorithm`],
    SSECustomerKeyMD5: headers[`${PREFIX}-customer-key-md5`],
  })
}

function keyHeaders(
  service: Service,
  prefix: string,
  option: string,
  [algorithm, key, givenMd5]: readonly unknown[],
): Headers {
  if (algorithm !== undefined && algorithm !== 'AES256') {
    throw new OptionError(`${option}Algorithm`, 'must be AES256', { value: algorithm })
  }
  if (key === undefined) {
    for (const [name, value] of Object.entries({ Algorithm: algorithm, KeyMD5: givenMd5 })) {
      if (value !== undefined) throw new OptionError(`${option}${name}`, `needs ${option}Key`)
    }
    return {}
  }
  const bytes = keyBytes(key, `${option}Key`)
  const md5 = createHash('md5').update(bytes).digest()
  if (givenMd5 !== undefined) {
    const given = typeof givenMd5 === 'string' ? decodeBase64(givenMd5) : undefined
    if (given === undefined || !equalBytes(given, md5)) {
      throw new OptionError(`${option}KeyMD5`, `is not the Base64 MD5 of ${option}Key`)
    }
  }
  if (!service.http.isPrivate) {
    throw new OptionError(`${option}Key`, 'would travel in the clear: the endpoint must be https', {
      hint: 'plain http is accepted only to localhost',
    })
  }
  return {
    [`${prefix}-algorithm`]: 'AES256',
    [`${prefix}-key`]: bytes.toString('base64'),
    [`${prefix}-key-MD5`]: md5.toString('base64'),
  }
}

function keyBytes(key: unknown, option: string): Buffer {
  if (key instanceof Uint8Array && key.length === KEY_BYTES) return Buffer.from(key)
  const bytes = typeof key === 'string' ? decodeBase64(key) : undefined
  if (bytes?.length === KEY_BYTES) return bytes
  throw new OptionError(option, `must be ${KEY_BYTES} bytes, or their Base64 of 44 characters`, {
    hint:
      typeof key === 'string' && Buffer.byteLength(key) === KEY_BYTES
        ? 'this looks like the bare key: pass Buffer.from(key)'
        : 'a random one: crypto.randomBytes(32)',
  })
}

function contextText(context: unknown): string {
  if (typeof context === 'string') {
    const json = decodeBase64(context)?.toString('utf8')
    if (json !== undefined && isTextMap(parsed(json))) return context
  } else if (isTextMap(context)) {
    return Buffer.from(JSON.stringify(context), 'utf8').toString('base64')
  }
  throw new OptionError('SSEKMSContext', 'must be an object of strings, or the Base64 of its JSON')
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown
  } catch {
    return undefined
  }
}

function isTextMap(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every((text) => typeof text === 'string')
}

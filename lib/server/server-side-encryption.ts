/**
 * What a write says about server-side encryption, and what its answer says back. Nothing is encrypted here: the bytes
 * lie in the directory as they came. What a client can see is as with COS, headers, refusals and ETags.
 */
import { randomBytes } from 'node:crypto'
import { decodeBase64 } from '../internal/bytes.js'
import { fingerprintOf, type KeyFingerprint, readCustomerKey } from './customer-key.js'
import { Refusal } from './refusal.js'
import { type CosRequest, headerValue } from './request.js'
import type { NewSegment } from './segment.js'

/** How an object is encrypted. Stored as JSON. */
export type Encryption =
  | { readonly mode: 'cos'; readonly algorithm: string }
  | { readonly mode: 'kms'; readonly keyId: string }
  | ({ readonly mode: 'customer' } & KeyFingerprint)

const HEADER = 'x-cos-server-side-encryption'
const CUSTOMER = `${HEADER}-customer` as const
const KMS_KEY_ID = `${HEADER}-cos-kms-key-id`
const KMS_CONTEXT = `${HEADER}-context`

const KNOWN_HEADERS = [
  HEADER,
  KMS_KEY_ID,
  KMS_CONTEXT,
  `${CUSTOMER}-algorithm`,
  `${CUSTOMER}-key`,
  `${CUSTOMER}-key-md5`,
]

/** Of the form of KMS key ids; what COS makes for a bucket when no key is named. */
const DEFAULT_KMS_KEY_ID = '00000000-0000-0000-0000-000000000001'

/**
 * Reads the encryption that a request asks for; undefined when it asks for none.
 *
 * @throws `InvalidArgument` for values COS does not have, headers that contradict each other, or a header of this
 * family that is unknown: passing over it would claim an encryption that is not there. `InvalidDigest`, `InvalidRequest`
 * for a customer's key, as {@link readCustomerKey} has it.
 */
export function encryptionOf(request: CosRequest): Encryption | undefined {
  assertKnownHeaders(request)
  const customerKey = readCustomerKey(request, CUSTOMER)
  const mode = headerValue(request, HEADER)
  if (mode !== 'cos/kms') {
    for (const name of [KMS_KEY_ID, KMS_CONTEXT]) {
      if (headerValue(request, name) !== undefined) {
        throw new Refusal('InvalidArgument', `${name} needs ${HEADER}: cos/kms.`)
      }
    }
  }
  if (customerKey !== undefined) {
    if (mode === undefined) return { mode: 'customer', ...fingerprintOf(customerKey) }
    throw new Refusal('InvalidArgument', `${HEADER} and a customer's key exclude each other.`)
  }
  switch (mode) {
    case undefined:
      return undefined
    case 'AES256':
    case 'SM4':
      return { mode: 'cos', algorithm: mode }
    case 'cos/kms':
      assertContext(headerValue(request, KMS_CONTEXT))
      return { mode: 'kms', keyId: headerValue(request, KMS_KEY_ID) ?? DEFAULT_KMS_KEY_ID }
    default:
      throw new Refusal('InvalidArgument', `${HEADER} must be AES256, SM4 or cos/kms.`)
  }
}

/** The headers by which an answer says how the object is encrypted. A customer's key is named as the request named it. */
export function encryptionHeaders(
  encryption: Encryption | undefined,
  request: CosRequest,
): Record<string, string> {
  switch (encryption?.mode) {
    case undefined:
      return {}
    case 'cos':
      return { [HEADER]: encryption.algorithm }
    case 'kms':
      return { [HEADER]: 'cos/kms', [KMS_KEY_ID]: encryption.keyId }
    case 'customer': {
      const md5 = headerValue(request, `${CUSTOMER}-key-md5`)
      return {
        [`${CUSTOMER}-algorithm`]: 'AES256',
        ...(md5 === undefined ? {} : { [`${CUSTOMER}-key-MD5`]: md5 }),
      }
    }
  }
}

/** Whether a request names SSE-COS or SSE-KMS. */
export function asksForServiceKeys(request: CosRequest): boolean {
  return [HEADER, KMS_KEY_ID, KMS_CONTEXT].some((name) => headerValue(request, name) !== undefined)
}

/**
 * The ETag of bytes stored at once, without quotes. With keys that are not COS's own it is not the MD5 of the content,
 * so that a client which takes it for that is caught.
 */
export function etagOf(segment: NewSegment, encryption: Encryption | undefined): string {
  const isContentMd5 = encryption === undefined || encryption.mode === 'cos'
  return (isContentMd5 ? segment.md5 : randomBytes(16)).toString('hex')
}

function assertKnownHeaders(request: CosRequest): void {
  const unknown = Object.keys(request.headers).find(
    (name) => name.startsWith(HEADER) && !KNOWN_HEADERS.includes(name),
  )
  if (unknown !== undefined) throw new Refusal('InvalidArgument', `${unknown} is not a header of COS.`)
}

/** The Base64 of a JSON object of strings. It takes part in the encryption and in nothing else, so it is not kept. */
function assertContext(header: string | undefined): void {
  if (header === undefined) return
  const text = decodeBase64(header.trim())?.toString('utf8') ?? ''
  let context: unknown
  try {
    context = JSON.parse(text)
  } catch {
    // Refused below.
  }
  const isMap = typeof context === 'object' && context !== null && !Array.isArray(context)
  if (!isMap || Object.values(context as object).some((value) => typeof value !== 'string')) {
    throw new Refusal('InvalidArgument', `${KMS_CONTEXT} must be the Base64 of a JSON object of strings.`)
  }
}

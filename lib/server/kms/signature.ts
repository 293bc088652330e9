/**
 * The signature of Tencent Cloud API 3.0, TC3-HMAC-SHA256, one function per step. The client has its own and neither
 * imports the other, so that one misreading of the rules cannot hide in both.
 *
 * Tencent Cloud API document 213/30654.
 */
import { createHash, createHmac } from 'node:crypto'
import { equalBytes } from '../../internal/bytes.js'
import type { CosRequest } from '../request.js'
import type { ServerCredentials } from '../verify-signature.js'
import { KmsRefusal } from './refusal.js'

type Headers = CosRequest['headers']

const MAX_SKEW_SECONDS = 300

/** Headers without which a signature counts for nothing. */
const REQUIRED = ['content-type', 'host']

/**
 * Step 1: the request as text. The method is always POST, the path `/`, the query empty.
 *
 * @param headers - By lower-case names. All of `names` must be among them.
 * @param names - Of the signed headers, lower case, sorted.
 */
export function canonicalRequest(headers: Headers, names: readonly string[], body: Uint8Array): string {
  const lines = names.map((name) => `${name}:${String(headers[name]).trim().toLowerCase()}\n`)
  return `POST\n/\n\n${lines.join('')}\n${names.join(';')}\n${createHash('sha256').update(body).digest('hex')}`
}

/**
 * Step 2.
 *
 * @param timestamp - Unix seconds, as sent.
 * @param scope - `<yyyy-mm-dd>/<service>/tc3_request`.
 */
export function textToSign(timestamp: string, scope: string, canonical: string): string {
  const hash = createHash('sha256').update(canonical).digest('hex')
  return `TC3-HMAC-SHA256\n${timestamp}\n${scope}\n${hash}`
}

/**
 * Step 3.
 *
 * @param scope - As for {@link textToSign}; its three segments make the signing key.
 * @returns Lower-case hexadecimal.
 */
export function tc3Signature(secretKey: string, scope: string, text: string): string {
  let key = Buffer.from(`TC3${secretKey}`)
  for (const segment of scope.split('/')) key = createHmac('sha256', key).update(segment).digest()
  return createHmac('sha256', key).update(text).digest('hex')
}

/**
 * Accepts or refuses a request by its signature.
 *
 * @param now - Milliseconds since 1970.
 * @throws `MissingParameter`, `InvalidParameter`, `AuthFailure.InvalidAuthorization`, `AuthFailure.SignatureExpire`,
 * `AuthFailure.SecretIdNotFound`, `AuthFailure.SignatureFailure`.
 */
export function verifyKmsSignature(
  { headers }: Pick<CosRequest, 'headers'>,
  body: Uint8Array,
  credentials: ServerCredentials,
  now: number,
): void {
  const timestamp = timestampOf(headers)
  const given = readAuthorization(headers)
  if (Math.abs(Math.floor(now / 1000) - Number(timestamp)) > MAX_SKEW_SECONDS) {
    throw new KmsRefusal('AuthFailure.SignatureExpire')
  }
  if (!sameText(given.secretId, credentials.secretId)) throw new KmsRefusal('AuthFailure.SecretIdNotFound')
  const scope = `${dateOf(timestamp)}/kms/tc3_request`
  if (given.scope !== scope) {
    throw new KmsRefusal('AuthFailure.SignatureFailure', `The scope of the credential must be ${scope}.`)
  }
  const missing = [...REQUIRED, ...given.signedHeaders].find(
    (name) => !given.signedHeaders.includes(name) || typeof headers[name] !== 'string',
  )
  if (missing !== undefined) {
    throw new KmsRefusal('AuthFailure.SignatureFailure', `The header ${missing} must be there, and signed.`)
  }
  const canonical = canonicalRequest(headers, given.signedHeaders.toSorted(), body)
  const right = tc3Signature(credentials.secretKey, scope, textToSign(timestamp, scope, canonical))
  if (!sameText(given.signature, right)) throw new KmsRefusal('AuthFailure.SignatureFailure')
}

interface Authorization {
  readonly secretId: string
  readonly scope: string
  /** Lower case, in the order given. */
  readonly signedHeaders: readonly string[]
  readonly signature: string
}

function readAuthorization({ authorization }: Headers): Authorization {
  if (authorization === undefined) throw new KmsRefusal('MissingParameter', 'The request is not signed.')
  const [, secretId, scope, names, signature] =
    /^TC3-HMAC-SHA256 +Credential=([^/, ]+)\/([^, ]+) *, *SignedHeaders=([^, ]+) *, *Signature=([^, ]+)$/.exec(
      authorization,
    ) ?? []
  if (secretId === undefined || scope === undefined || names === undefined || signature === undefined) {
    throw new KmsRefusal('AuthFailure.InvalidAuthorization')
  }
  return { secretId, scope, signedHeaders: names.toLowerCase().split(';'), signature }
}

function timestampOf(headers: Headers): string {
  const timestamp = headers['x-tc-timestamp']
  if (timestamp === undefined) throw new KmsRefusal('MissingParameter', 'X-TC-Timestamp is missing.')
  if (typeof timestamp === 'string' && /^[0-9]{1,10}$/.test(timestamp)) return timestamp
  throw new KmsRefusal('InvalidParameter', 'X-TC-Timestamp must be a time in Unix seconds.')
}

function dateOf(timestamp: string): string {
  return new Date(Number(timestamp) * 1000).toISOString().slice(0, 10)
}

function sameText(a: string, b: string): boolean {
  return equalBytes(Buffer.from(a), Buffer.from(b))
}

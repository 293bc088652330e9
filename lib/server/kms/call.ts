/** One call of the KMS, from its request to the fields of its answer. */
import { Refusal } from '../refusal.js'
import type { RequestBody } from '../request-body.js'
import type { CosRequest } from '../request.js'
import type { ServerCredentials } from '../verify-signature.js'
import { KMS_ACTIONS, kmsActionOf } from './actions.js'
import { type Kms, KMS_OPERATIONS } from './operations.js'
import { KmsParameters } from './parameters.js'
import { KmsRefusal } from './refusal.js'
import { verifyKmsSignature } from './signature.js'

const VERSION = '2019-01-18'

/** What API 3.0 takes in a POST. */
const MAX_BODY_BYTES = 10 * 1024 * 1024

/**
 * Carries a request for KMS out.
 *
 * @param now - Milliseconds since 1970.
 * @returns The fields of the answer.
 * @throws {@link KmsRefusal}
 */
export async function callKms(
  request: CosRequest,
  body: RequestBody,
  credentials: ServerCredentials,
  now: () => number,
  kms: Kms,
): Promise<Readonly<Record<string, string>>> {
  const bytes = await readBody(request, body)
  verifyKmsSignature(request, bytes, credentials, now())
  assertHeaders(request)
  const action = kmsActionOf(request)
  if (action === undefined) {
    const known = KMS_ACTIONS.join(', ')
    throw new KmsRefusal(
      'InvalidAction',
      `The KMS of the embedded server has no other actions than ${known}.`,
    )
  }
  return KMS_OPERATIONS[action](new KmsParameters(bytes), kms)
}

async function readBody({ headers }: CosRequest, body: RequestBody): Promise<Buffer> {
  if (Number(headers['content-length'] ?? 0) > MAX_BODY_BYTES)
    throw new KmsRefusal('RequestSizeLimitExceeded')
  try {
    return await body.read(MAX_BODY_BYTES)
  } catch (error) {
    throw error instanceof Refusal ? new KmsRefusal('RequestSizeLimitExceeded') : error
  }
}

function assertHeaders({ headers, query }: CosRequest): void {
  const { 'content-type': contentType = '', 'x-tc-version': version, 'x-tc-region': region } = headers
  if (!/^application\/json *(?:; *charset=utf-8 *)?$/i.test(contentType)) {
    throw new KmsRefusal('InvalidParameter', 'Content-Type must be application/json.')
  }
  if (query.length > 0) throw new KmsRefusal('InvalidParameter', 'A POST must have no query.')
  if (version === undefined) throw new KmsRefusal('MissingParameter', 'X-TC-Version is missing.')
  if (version !== VERSION) throw new KmsRefusal('NoSuchVersion', `X-TC-Version must be ${VERSION}.`)
  if (region === undefined || region === '') {
    throw new KmsRefusal('MissingParameter', 'X-TC-Region is missing.')
  }
}

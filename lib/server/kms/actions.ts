/** Which requests are for KMS, and what they ask for. */
import type { CosRequest } from '../request.js'

/** What the KMS of this server can do, as the header X-TC-Action spells it. */
export const KMS_ACTIONS = ['GenerateDataKey', 'Encrypt', 'Decrypt'] as const

/** One of {@link KMS_ACTIONS}. */
export type KmsAction = (typeof KMS_ACTIONS)[number]

/** What observers and faults call an action. */
export type KmsOperationName = `kms:${KmsAction}`

/** All of them. */
export const KMS_OPERATION_NAMES = KMS_ACTIONS.map((action): KmsOperationName => `kms:${action}`)

/** Whether a request is for KMS: POST / with an action. COS has no operation of that form. */
export function isKmsRequest({ method, rawPath, bucket, headers }: CosRequest): boolean {
  return headers['x-tc-action'] !== undefined && method === 'POST' && rawPath === '/' && bucket === ''
}

/** The action that a request for KMS names; undefined for one that this server does not have. */
export function kmsActionOf({ headers }: Pick<CosRequest, 'headers'>): KmsAction | undefined {
  return KMS_ACTIONS.find((action) => action === headers['x-tc-action'])
}

/** Whether calls of an operation are answered by KMS. */
export function isKmsOperation(operation: string): operation is KmsOperationName {
  return KMS_OPERATION_NAMES.includes(operation as KmsOperationName)
}

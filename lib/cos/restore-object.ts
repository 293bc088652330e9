/** POST Object restore. */
import { OptionError } from '../errors.js'
import { assertInteger, assertKnown, assertOneOf, queryText } from '../internal/assert.js'
import { bytesBody } from './exchange.js'
import {
  checkObjectCall,
  resultMetadata,
  type ObjectParams,
  type ResultMetadata,
  type Service,
} from './service.js'
import { CUSTOMER_KEY_PARAMS, customerKeyHeaders, type CustomerKeyParams } from './sse.js'
import { writeXml } from './xml.js'

const TIERS = ['Expedited', 'Standard', 'Bulk'] as const

/** Parameters of restoreObject. */
export interface RestoreObjectParams extends ObjectParams, CustomerKeyParams {
  VersionId?: string
  RestoreRequest: {
    /** How long the restored copy stays, from 1. */
    Days: number
    CASJobParameters?: {
      /** How soon: `Expedited` in minutes, `Standard` (default) in hours, `Bulk` in up to two days. */
      Tier?: (typeof TIERS)[number]
    }
  }
}

/**
 * Has an archived object made readable for some days. It is under way when this resolves; the `Restore` of headObject
 * tells how far.
 *
 * @throws {@link OptionError} on a bad parameter; ServiceError `InvalidObjectState` where the object is not archived,
 *   `RestoreAlreadyInProgress`, and the errors of every request.
 */
export async function restoreObject(service: Service, params: RestoreObjectParams): Promise<ResultMetadata> {
  const { bucket, key, signal } = checkObjectCall(service, params, [
    ...CUSTOMER_KEY_PARAMS,
    'VersionId',
    'RestoreRequest',
  ])
  const document = restoreDocument(params.RestoreRequest)
  const { VersionId } = params
  const answer = await service.http.send({
    operation: 'restoreObject',
    method: 'POST',
    bucket,
    key,
    query: {
      restore: '',
      ...(VersionId === undefined ? {} : { versionId: queryText(VersionId, 'VersionId') }),
    },
    headers: { 'content-type': 'application/xml', ...customerKeyHeaders(service, params) },
    body: bytesBody(Buffer.from(document, 'utf8'), { md5: false }),
    signal,
  })
  return resultMetadata(answer)
}

function restoreDocument(request: unknown): string {
  if (request === undefined)
    throw new OptionError('RestoreRequest', 'must be { Days, CASJobParameters: { Tier } }')
  assertKnown(request, 'RestoreRequest', ['Days', 'CASJobParameters'])
  const { Days, CASJobParameters = {} } = request as RestoreObjectParams['RestoreRequest']
  assertInteger(Days, 'RestoreRequest.Days', 1, 365)
  assertKnown(CASJobParameters, 'RestoreRequest.CASJobParameters', ['Tier'])
  const { Tier = 'Standard' } = CASJobParameters
  assertOneOf(Tier, 'RestoreRequest.CASJobParameters.Tier', TIERS)
  return writeXml('RestoreRequest', { Days, CASJobParameters: { Tier } })
}

/** What belongs to an object and is in no answer about it: its access rule and its tags. A copy has neither unless told. */
import { SealstreamError, ServiceError } from '../errors.js'
import { queryText } from '../internal/assert.js'
import { checkObjectCall, type ObjectParams, type Service } from './service.js'
import type { Answer } from './service-request.js'
import { list, readXml, text } from './xml.js'

/** The object, or one version of it. */
export interface AccessParams extends ObjectParams {
  VersionId?: string
}

/**
 * The canned access rule of an object: `private`, `public-read` ...; undefined where it is the bucket's.
 *
 * @throws SealstreamError `SEALSTREAM_ANSWER` where its grants have no name; the errors of every request.
 */
export async function getObjectAcl(service: Service, params: AccessParams): Promise<string | undefined> {
  const { headers, body } = await ask(service, 'getObjectAcl', 'acl', params)
  const acl = headers['x-cos-acl']
  if (acl !== undefined) return acl === 'default' ? undefined : acl
  const { node } = await readXml(body, ['AccessControlPolicy'])
  const grants = typeof node === 'string' ? [] : list(list(node, 'AccessControlList')[0] ?? {}, 'Grant')
  // The owner's own right is there always.
  if (grants.length <= 1) return undefined
  throw new SealstreamError(
    'SEALSTREAM_ANSWER',
    'getObjectAcl: the object has grants that no canned rule stands for',
    {
      hint: 'give the rule that the object is to have as option ACL',
    },
  )
}

/** The tags of an object; undefined where it has none. @throws The errors of every request. */
export async function getObjectTagging(
  service: Service,
  params: AccessParams,
): Promise<Record<string, string> | undefined> {
  let answer: Answer
  try {
    answer = await ask(service, 'getObjectTagging', 'tagging', params)
  } catch (error) {
    if (error instanceof ServiceError && error.serviceCode === 'NoSuchTagSet') return undefined
    throw error
  }
  const { node } = await readXml(answer.body, ['Tagging'])
  const tags = list(list(node, 'TagSet')[0] ?? {}, 'Tag').map((tag) => [text(tag, 'Key'), text(tag, 'Value')])
  return tags.length === 0 ? undefined : (Object.fromEntries(tags) as Record<string, string>)
}

function ask(
  service: Service,
  operation: string,
  what: 'acl' | 'tagging',
  params: AccessParams,
): Promise<Answer> {
  const { bucket, key, signal } = checkObjectCall(service, params, ['VersionId'])
  const { VersionId } = params
  const version = VersionId === undefined ? {} : { versionId: queryText(VersionId, 'VersionId') }
  return service.http.send({
    operation,
    method: 'GET',
    bucket,
    key,
    query: { [what]: '', ...version },
    signal,
  })
}

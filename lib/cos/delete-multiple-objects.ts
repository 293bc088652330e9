/** DELETE Multiple Objects. */
import { OptionError, SealstreamError } from '../errors.js'
import { assertKnown, queryText } from '../internal/assert.js'
import { bytesBody } from './exchange.js'
import { assertKey } from './names.js'
import { md5Header } from './sendable-body.js'
import {
  checkCall,
  present,
  resultMetadata,
  type CallParams,
  type ResultMetadata,
  type Service,
} from './service.js'
import { list, readXml, text, writeXml, type XmlNode } from './xml.js'

/** Most keys of one request. */
const MOST_KEYS = 1000

/** Parameters of deleteMultipleObjects. */
export interface DeleteMultipleObjectsParams extends CallParams {
  /** 1 to 1000. */
  Objects: readonly { Key: string; VersionId?: string }[]
}

/** What was deleted and what was not; what was not there counts as deleted. */
export interface DeleteMultipleObjectsResult extends ResultMetadata {
  Deleted: { Key: string; VersionId?: string }[]
  /** Look at it: a failure of some keys is no failure of the call. */
  Error: { Key: string; VersionId?: string; Code: string; Message: string }[]
}

/** @throws {@link OptionError} on a bad list, and the errors of every request. */
export async function deleteMultipleObjects(
  service: Service,
  params: DeleteMultipleObjectsParams,
): Promise<DeleteMultipleObjectsResult> {
  const bucket = checkCall(service, params, ['Objects'])
  const objects = checkObjects(params.Objects)
  const document = writeXml('Delete', { Quiet: 'false', Object: objects })
  // The service insists on Content-MD5 here, whatever is switched off elsewhere.
  const body = bytesBody(Buffer.from(document, 'utf8'), { md5: true })
  const answer = await service.http.send({
    operation: 'deleteMultipleObjects',
    method: 'POST',
    bucket,
    query: { delete: '' },
    headers: { 'content-type': 'application/xml', ...md5Header(body.digest) },
    body,
    signal: params.signal,
  })
  const { node } = await readXml(answer.body, ['DeleteResult'])
  const Deleted = list(node, 'Deleted').map(nameOf)
  const Error = list(node, 'Error').map((entry) => ({
    ...nameOf(entry),
    Code: text(entry, 'Code'),
    Message: text(entry, 'Message'),
  }))
  const named = new Set([...Deleted, ...Error].map(({ Key }) => Key))
  const silent = objects.find(({ Key }) => !named.has(Key))
  if (silent !== undefined) {
    throw new SealstreamError(
      'SEALSTREAM_ANSWER',
      `deleteMultipleObjects: the answer does not say what became of ${JSON.stringify(silent.Key)}`,
    )
  }
  return { Deleted, Error, ...resultMetadata(answer) }
}

function nameOf(entry: XmlNode): { Key: string; VersionId?: string } {
  return { Key: text(entry, 'Key'), ...present({ VersionId: text(entry, 'VersionId') || undefined }) }
}

function checkObjects(objects: unknown): { Key: string; VersionId?: string }[] {
  if (!Array.isArray(objects) || objects.length === 0 || objects.length > MOST_KEYS) {
    throw new OptionError('Objects', `must be a list of 1 to ${MOST_KEYS} { Key, VersionId? }`, {
      value: Array.isArray(objects) ? objects.length : objects,
    })
  }
  return objects.map((given: unknown, index) => {
    const option = `Objects[${index}]`
    assertKnown(given, option, ['Key', 'VersionId'])
    const { Key, VersionId } = given as { Key: unknown; VersionId?: unknown }
    assertKey(Key, `${option}.Key`)
    if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(Key)) {
      throw new OptionError(`${option}.Key`, 'holds a character that XML cannot: delete it by deleteObject')
    }
    return VersionId === undefined ? { Key } : { Key, VersionId: queryText(VersionId, `${option}.VersionId`) }
  })
}

/** Which object a copy is taken from, and which of its states will do. */
import { targetOf } from './addressing.js'
import { judgeRead, type Validators } from './conditions.js'
import { Refusal } from './refusal.js'
import { type CosRequest, headerValue } from './request.js'
import { parseQuery, percentDecode } from './uri.js'

/** The object that a copy is taken from. */
export interface CopySource {
  readonly bucket: string
  readonly key: string
  /** undefined: the current version. */
  readonly version: string | undefined
}

const HEADER = 'x-cos-copy-source'

/**
 * Reads `x-cos-copy-source`: `<host>/<percent-encoded key>[?versionId=<id>]`, where the host is addressed like that of
 * any request, in virtual-host style or in path style.
 *
 * @throws `InvalidArgument`, `InvalidURI`, `InvalidBucketName`, `KeyTooLong`
 */
export function copySourceOf(request: CosRequest): CopySource {
  const text = headerValue(request, HEADER) ?? ''
  const mark = text.indexOf('?')
  const location = mark === -1 ? text : text.slice(0, mark)
  const query = parseQuery(mark === -1 ? '' : text.slice(mark + 1))
  const slash = location.indexOf('/')
  if (slash <= 0) throw invalid()
  const { bucket, key } = targetOf(location.slice(0, slash), percentDecode(location.slice(slash)))
  if (bucket === '' || key === '') throw invalid()
  const version = query.find(([name]) => name === 'versionId')?.[1] ?? ''
  return { bucket, key, version: version === '' ? undefined : version }
}

/**
 * Judges the conditions of a copy. A source that is as the client wants it to have changed no longer is a failure, too:
 * there is no 304 for a write.
 *
 * @throws `PreconditionFailed`
 */
export function assertSourceConditions(request: CosRequest, source: Validators): void {
  const conditions: Record<string, string> = {}
  for (const name of ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since']) {
    const value = headerValue(request, `${HEADER}-${name}`)
    if (value !== undefined) conditions[name] = value
  }
  if (judgeRead(conditions, source) !== 'proceed') throw new Refusal('PreconditionFailed')
}

function invalid(): Refusal {
  return new Refusal('InvalidArgument', `${HEADER} must be <host>/<percent-encoded key>[?versionId=<id>].`)
}

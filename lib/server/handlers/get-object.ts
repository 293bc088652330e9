import type { Readable } from 'node:stream'
import type { Answer } from '../answer.js'
import { assertNotFrozen } from '../archive.js'
import { judgeRead } from '../conditions.js'
import { describeObject } from '../describe-object.js'
import { assertReadable } from '../encryption-access.js'
import { findVersion, versionOf } from '../find-version.js'
import type { Call, Handler } from '../handler.js'
import { overridingHeaders } from '../metadata.js'
import type { ObjectRecord } from '../object-record.js'
import { type ByteRange, resolveRange } from '../range.js'
import { Refusal } from '../refusal.js'
import { assertTrafficLimit } from '../traffic-limit.js'

// An object can be overwritten between reading its record and opening its bytes; the new one is then looked up.
const ATTEMPTS = 10

/** GET Object and HEAD Object. */
export const getObject: Handler = async (call) => {
  assertTrafficLimit(call.request)
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const answer = await answerFrom(call)
    if (answer !== undefined) return answer
  }
  throw new Error('the segments of an object are missing')
}

/** @returns undefined when the object changed under way. */
async function answerFrom(call: Call): Promise<Answer | undefined> {
  const { request, objects } = call
  const record = await findVersion(objects, request, versionOf(request))
  assertReadable(record.encryption, request)
  const verdict = judgeRead(request.headers, record)
  if (verdict === 'failed') throw new Refusal('PreconditionFailed')
  const now = call.now()
  const headers = { ...describeObject(record, request, now), ...overridingHeaders(request) }
  if (verdict === 'unmodified') return { status: 304, headers: headersOf304(headers) }
  if (request.method !== 'HEAD') assertNotFrozen(record, now)

  const range = resolveRange(request.headers.range, record.size)
  if (range === 'unsatisfiable') {
    throw new Refusal('InvalidRange', undefined, {
      headers: { 'content-range': `bytes */${record.size}`, 'accept-ranges': 'bytes' },
    })
  }
  const body = await openBody(call, record, range)
  if (body === undefined) return undefined
  return range === 'whole'
    ? { status: 200, headers: { ...headers, 'content-length': String(record.size) }, body }
    : { status: 206, headers: { ...headers, ...describeRange(range, record.size) }, body }
}

async function openBody(
  { request, objects }: Call,
  record: ObjectRecord,
  range: ByteRange | 'whole',
): Promise<Readable | '' | undefined> {
  if (request.method === 'HEAD' || record.size === 0) return ''
  const wanted = range === 'whole' ? { first: 0, last: record.size - 1 } : range
  return objects.read(request.bucket, record, wanted)
}

function describeRange({ first, last }: ByteRange, size: number): Record<string, string> {
  return { 'content-length': String(last - first + 1), 'content-range': `bytes ${first}-${last}/${size}` }
}

/** RFC 9110, section 15.4.5: validators and caching, not the representation. */
function headersOf304(headers: Record<string, string>): Record<string, string> {
  const kept = ['etag', 'last-modified', 'cache-control', 'expires']
  return Object.fromEntries(Object.entries(headers).filter(([name]) => kept.includes(name)))
}

/**
 * Copies bytes of an object into a segment of their own. They go through memory in chunks, which measures them anew:
 * the ETag of a copy is that of its content, also where the source's was not.
 */
import { Readable } from 'node:stream'
import { assertNotFrozen } from './archive.js'
import { assertSourceConditions, copySourceOf, type CopySource } from './copy-source.js'
import { assertSourceReadable } from './encryption-access.js'
import { findVersion } from './find-version.js'
import type { Call } from './handler.js'
import type { ObjectRecord } from './object-record.js'
import type { ByteRange } from './range.js'
import type { NewSegment } from './segment.js'

// A source can be overwritten between reading its record and opening its bytes; the new one is then looked up.
const ATTEMPTS = 10

/** What was copied. */
export interface CopiedBytes {
  readonly source: ObjectRecord
  /** Nothing refers to it yet. */
  readonly segment: NewSegment
}

/**
 * Copies from the source that the request names.
 *
 * @param choose - Says which bytes of the source to copy, or throws to refuse it.
 * @throws What {@link copySourceOf}, {@link findVersion} and the checks of the source throw.
 */
export async function copyBytes(
  call: Call,
  choose: (record: ObjectRecord, source: CopySource) => ByteRange | 'whole',
): Promise<CopiedBytes> {
  const { request, objects, now } = call
  const source = copySourceOf(request)
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const record = await findVersion(objects, source, source.version)
    assertSourceReadable(record.encryption, request)
    assertSourceConditions(request, record)
    assertNotFrozen(record, now())
    const chosen = choose(record, source)
    const range = chosen === 'whole' ? { first: 0, last: record.size - 1 } : chosen
    const bytes = record.size === 0 ? Readable.from([]) : await objects.read(source.bucket, record, range)
    if (bytes === undefined) continue
    return { source: record, segment: await objects.write(request.bucket, bytes) }
  }
  throw new Error('the segments of the source of a copy are missing')
}

/** Takes a request's body into the store. */
import { equalBytes } from '../internal/bytes.js'
import type { ObjectStore } from './object-store.js'
import { Refusal } from './refusal.js'
import { MAX_BODY_BYTES, type RequestBody } from './request-body.js'
import type { NewSegment } from './segment.js'

/**
 * Stores a body as a segment that nothing refers to yet. Leaves nothing behind when it fails.
 *
 * @throws `MissingContentLength`, `EntityTooLarge`, `InvalidDigest` before a byte is read; `BadDigest` when the bytes
 * are not those of Content-MD5; the connection's error when it breaks.
 */
export async function receiveSegment(
  objects: ObjectStore,
  bucket: string,
  body: RequestBody,
): Promise<NewSegment> {
  const { length, contentMd5 } = body
  const segment = await objects.write(bucket, body.bytes())
  if (segment.size > MAX_BODY_BYTES) {
    await objects.discard(bucket, [segment])
    throw new Refusal('EntityTooLarge')
  }
  if (length !== undefined && segment.size !== length) {
    await objects.discard(bucket, [segment])
    throw new Refusal('InvalidRequest', `The body ended after ${segment.size} of ${length} bytes.`)
  }
  if (contentMd5 !== undefined && !equalBytes(contentMd5, segment.md5)) {
    await objects.discard(bucket, [segment])
    throw new Refusal('BadDigest')
  }
  return segment
}

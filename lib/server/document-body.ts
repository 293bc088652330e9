/** Request bodies that are documents: read whole, and checked against Content-MD5. */
import { createHash } from 'node:crypto'
import { equalBytes } from '../internal/bytes.js'
import { Refusal } from './refusal.js'
import type { RequestBody } from './request-body.js'

// The largest documents are lists: 10,000 parts take about 1 MB, 1,000 keys of 850 bytes in references 6 MB.
const MAX_DOCUMENT_BYTES = 8 * 1024 * 1024

/**
 * Reads a document.
 *
 * @throws `EntityTooLarge`, `InvalidDigest`, `BadDigest`
 */
export async function readDocument(body: RequestBody): Promise<Buffer> {
  const { contentMd5 } = body
  const bytes = await body.read(MAX_DOCUMENT_BYTES)
  if (contentMd5 !== undefined && !equalBytes(contentMd5, createHash('md5').update(bytes).digest())) {
    throw new Refusal('BadDigest')
  }
  return bytes
}

/** What the service says it holds, against what we sent or expect (RULES 5.1, 5.2). */
import type { Digest } from '../checksum/body-digest.js'
import { IntegrityError, SealstreamError } from '../errors.js'
import type { AnswerExpectation } from './answer-body.js'
import type { Service } from './service.js'

/** The strongest check that a transfer passed; `length` means that the service offered no checksum. */
export type Verified = 'aead' | 'crc64' | 'md5' | 'length'

type Headers = Readonly<Record<string, string>>

/**
 * CRC-64 that an answer states, or undefined where it states none.
 *
 * @throws SealstreamError `SEALSTREAM_ANSWER` where it states something that is none.
 */
export function statedCrc64(headers: Headers): bigint | undefined {
  const text = headers['x-cos-hash-crc64ecma']
  if (text === undefined) return undefined
  if (/^\d{1,20}$/.test(text)) return BigInt(text)
  throw new SealstreamError('SEALSTREAM_ANSWER', 'the answer has a x-cos-hash-crc64ecma that is not a number')
}

/** MD5 that an ETag states, lower-case hex; undefined where the ETag is something else. */
export function statedMd5(headers: Headers): string | undefined {
  // Under server-side encryption an ETag need not be the MD5 of the body, whatever it looks like.
  const encrypted = Object.keys(headers).some((name) => name.startsWith('x-cos-server-side-encryption'))
  const etag = unquote(headers.etag ?? '').toLowerCase()
  return !encrypted && /^[0-9a-f]{32}$/.test(etag) ? etag : undefined
}

/** An ETag without its quotes, for comparing: both spellings are accepted everywhere. */
export function unquote(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1')
}

/**
 * Compares what was sent with what the service stored.
 *
 * @param subject - For messages: `examplebucket-1250000000/key`.
 * @throws IntegrityError when they differ. The stored object is bad, but it is not deleted.
 */
export function verifyStored(service: Service, subject: string, sent: Digest, headers: Headers): Verified {
  const crc64 = statedCrc64(headers)
  const md5 = sent.md5 === undefined ? undefined : statedMd5(headers)
  const fail = (algorithm: string, expected: string, found: string): IntegrityError =>
    new IntegrityError(`${subject}: the service stored other bytes`, {
      algorithm,
      expected,
      found,
      ...(headers.etag === undefined ? {} : { etag: headers.etag }),
      ...(headers['x-cos-version-id'] === undefined ? {} : { versionId: headers['x-cos-version-id'] }),
    })
  if (crc64 !== undefined && crc64 !== sent.crc64) throw fail('crc64', String(sent.crc64), String(crc64))
  if (md5 !== undefined && md5 !== sent.md5) throw fail('md5', sent.md5 ?? '', md5)
  if (crc64 !== undefined) return 'crc64'
  if (md5 !== undefined) return 'md5'
  requireChecksum(service, subject)
  return 'length'
}

/** What reading the whole body of an answer must give, and which check that is. */
export function expectWhole(
  service: Service,
  subject: string,
  headers: Headers,
  length: number,
): { expected: AnswerExpectation; verified: Verified } {
  const crc64 = statedCrc64(headers)
  if (crc64 !== undefined) return { expected: { length, crc64 }, verified: 'crc64' }
  const md5 = service.md5 ? statedMd5(headers) : undefined
  if (md5 !== undefined) return { expected: { length, md5 }, verified: 'md5' }
  requireChecksum(service, subject)
  return { expected: { length }, verified: 'length' }
}

/** @throws IntegrityError where the client insists on a checksum and there is none. */
export function requireChecksum(service: Service, subject: string): void {
  if (!service.requireChecksum) return
  throw new IntegrityError(`${subject}: option requireChecksum is set`, {
    algorithm: 'crc64',
    expected: 'a checksum',
    found: 'none',
  })
}

/** Multipart uploads of the key `a`, step by step. */
import { expect } from 'chai'
import { type RunningServer } from '../../lib/server/index.js'
import { BUCKET, objectPath, type RawAnswer, rawRequest, xmlText } from './raw-request.js'

/** 1 MiB: the smallest part but the last. */
export const MIB = 1024 * 1024

const path = objectPath('a')

/** Begins an upload and gives its id. */
export async function initiate(server: RunningServer, headers: Record<string, string> = {}): Promise<string> {
  const answer = await rawRequest(server, { method: 'POST', path, query: { uploads: '' }, headers })
  expect(answer.status).to.equal(200)
  expect(xmlText(answer.text, 'Bucket')).to.equal(BUCKET)
  expect(xmlText(answer.text, 'Key')).to.equal('a')
  return xmlText(answer.text, 'UploadId')!
}

/** Sends a part. */
export function uploadPart(
  server: RunningServer,
  uploadId: string,
  partNumber: number | string,
  body: Buffer | string,
): Promise<RawAnswer> {
  const query = { partNumber: String(partNumber), uploadId }
  return rawRequest(server, { method: 'PUT', path, query, body })
}

/** Parts as a client lists them. */
export type Listed = readonly (readonly [number: number | string, etag: string])[]

/** The body of Complete Multipart Upload. */
export function documentOf(parts: Listed): string {
  const items = parts.map(
    ([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`,
  )
  return `<CompleteMultipartUpload>${items.join('')}</CompleteMultipartUpload>`
}

/** Asks to complete. */
export function complete(server: RunningServer, uploadId: string, body: string): Promise<RawAnswer> {
  return rawRequest(server, { method: 'POST', path, query: { uploadId }, body })
}

/** Status and code of an error. */
export const codeOf = ({ status, text }: RawAnswer): unknown[] => [status, xmlText(text, 'Code')]

/** The parts of {@link uploaded}. */
export const first = Buffer.alloc(MIB, 'first ')
export const second = Buffer.alloc(MIB + 17, 'second ')
export const last = Buffer.from('last')
export const whole = Buffer.concat([first, second, last])

/** Begins an upload and sends three parts. */
export async function uploaded(server: RunningServer): Promise<{ uploadId: string; etags: string[] }> {
  const uploadId = await initiate(server)
  const etags: string[] = []
  for (const [i, body] of [first, second, last].entries()) {
    etags.push((await uploadPart(server, uploadId, i + 1, body)).headers.etag!)
  }
  return { uploadId, etags }
}

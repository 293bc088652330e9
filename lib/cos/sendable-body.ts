/** From a body of known length to what a request sends: in memory where that makes it repeatable, with Content-MD5. */
import { BodyDigest, type Digest } from '../checksum/body-digest.js'
import { sourceChanged } from '../internal/file-chunks.js'
import type { ProgressListener } from '../internal/progress.js'
import { bytesBody, type RequestBody } from './exchange.js'
import { bytesOf, type SizedBody } from './request-body.js'
import type { Service } from './service.js'

/** How a body is sent. */
export interface SendOptions {
  /** Whether the service is told the MD5 before it stores anything. */
  readonly EnableMD5?: boolean | undefined
  readonly onProgress?: ProgressListener | undefined
  readonly signal?: AbortSignal | undefined
}

/** A body, and the header that goes with it. */
export interface SendableBody {
  readonly body: RequestBody
  readonly headers: Record<string, string>
}

/**
 * How the MD5 that a caller asked for by `EnableMD5` was used: `sent` ahead as Content-MD5, so that the service refuses
 * other bytes; or compared with the `etag` afterwards, where the body could be read only once; or `none`, where that ETag
 * is no MD5.
 */
export type Md5Use = 'sent' | 'etag' | 'none'

/**
 * @throws What reading the body fails with: with `EnableMD5`, a body that can be read twice is read once now.
 */
export async function sendableBody(
  service: Service,
  sized: SizedBody,
  { EnableMD5 = false, onProgress, signal }: SendOptions,
): Promise<SendableBody> {
  const md5 = service.md5 || EnableMD5
  const report = forwardOnly(onProgress)
  if (sized.bytes !== undefined) {
    const body = bytesBody(sized.bytes, { md5, onProgress: report })
    return { body, headers: EnableMD5 ? md5Header(body.digest) : {} }
  }
  if (!EnableMD5 || !sized.isReopenable) {
    return { body: { stream: sized.open(), length: sized.length, md5, onProgress: report }, headers: {} }
  }
  const running = new BodyDigest({ md5 })
  for await (const bytes of bytesOf(sized.open(), signal)) running.update(bytes)
  const expected = running.digest()
  if (expected.length !== sized.length) throw sourceChanged()
  const body = { stream: sized.open(), length: sized.length, md5, expected, onProgress: report }
  return { body, headers: md5Header(expected) }
}

/** Content-MD5: Base64 of the MD5 that was computed. */
export function md5Header({ md5 }: Digest): Record<string, string> {
  return md5 === undefined ? {} : { 'content-md5': Buffer.from(md5, 'hex').toString('base64') }
}

/** What is moved again is not reported again. */
export function forwardOnly(onProgress: ProgressListener | undefined): ProgressListener | undefined {
  if (onProgress === undefined) return undefined
  let most = -1
  return (progress) => {
    if (progress.bytes <= most) return
    most = progress.bytes
    onProgress(progress)
  }
}

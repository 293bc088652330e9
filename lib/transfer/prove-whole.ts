/** Whether a downloaded file is proven to be what was encrypted. */
import type { HeadObjectResult } from '../cos/head-object.js'
import type { DataKey } from '../crypto/data-key.js'
import { FORMATS } from '../crypto/format.js'
import { AuthenticationError } from '../errors.js'
import { throwIfAborted } from '../internal/abort.js'
import { equalBytes } from '../internal/bytes.js'
import type { DownloadJob } from './download-job.js'
import { fetchBytes } from './fetch-range.js'
import type { TemporaryFile } from './temporary-file.js'

/** The file is read back in slices. */
const SLICE_BYTES = 256 * 1024

/** A download whose bytes are all there. */
export interface WholeDownload {
  readonly head: HeadObjectResult
  readonly dataKey: DataKey
  readonly file: TemporaryFile
  /** Bytes of the file. */
  readonly size: number
}

/**
 * Proves the whole where its pieces did not prove themselves: one tag stands for all of a `cos-java-gcm` object, in order.
 *
 * @returns False where the format proves nothing.
 * @throws AuthenticationError `SEALSTREAM_AUTHENTICATION` where it is not what was encrypted.
 */
export async function proveWhole(
  job: DownloadJob,
  { head, dataKey, file, size }: WholeDownload,
  signal: AbortSignal,
): Promise<boolean> {
  const { cipher, authenticated } = FORMATS[dataKey.format]
  if (authenticated) return true
  const tagBytes = head.ContentLength - size
  if (!cipher.isSerial || !cipher.isSizeExact) return false
  // Encrypted again from the file, it must come to the tag that is stored.
  const encryptor = dataKey.encryptor({ sameBytes: true })
  try {
    for (let at = 0; at < size; at += SLICE_BYTES) {
      throwIfAborted(signal)
      const slice = Buffer.allocUnsafeSlow(Math.min(SLICE_BYTES, size - at))
      await file.read(slice, at)
      encryptor.update(slice)
    }
    const tag = await fetchBytes(job, head, { offset: size, length: tagBytes }, signal)
    if (equalBytes(encryptor.final(), tag)) return true
  } finally {
    encryptor.close()
  }
  throw new AuthenticationError(
    'SEALSTREAM_AUTHENTICATION',
    `${job.key}: the object is not what was encrypted`,
  )
}

/** Uploads of any source: what can be read anywhere is, the rest is read once (DESIGN 6). */
import type { FileHandle } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { asReadable, bytesOf, holdErrors, isFileHandle, type BodyInput } from '../cos/request-body.js'
import type { Service } from '../cos/service.js'
import { OptionError } from '../errors.js'
import { abortedStream, linkedAbort } from '../internal/abort.js'
import { PartWriter } from './part-writer.js'
import type { Sealer } from './seal.js'
import { bytesSource, handleSource, openFileSource, type SeekableSource } from './seekable-source.js'
import { uploadJob, type StoredObject, type UploadJob, type UploadOptions } from './upload-job.js'
import { uploadSeekable } from './upload-seekable.js'

/** Parameters of upload. */
export interface UploadParams extends UploadOptions {
  /**
   * Text (sent as UTF-8), bytes, a Blob, a file handle, a `file:` URL, a stream or an iterable of bytes. Files and bytes
   * are read by several workers; everything else once, in order, whatever its length.
   */
  Body: BodyInput | URL
}

/**
 * Stores an object of any length: in parts, several at a time, or in one PUT where it fits a part.
 *
 * @param sealer - Encrypts; without one, bytes are stored as they are.
 * @throws OptionError on a bad parameter; SealstreamError `SEALSTREAM_SOURCE_CHANGED`, `_SOURCE_ENDED_EARLY`, `_ABORTED`;
 *   IntegrityError where the service stored other bytes; the errors of every request. What was started is dropped.
 */
export async function upload(service: Service, params: UploadParams, sealer?: Sealer): Promise<StoredObject> {
  const body = (params as Partial<UploadParams> | undefined)?.Body
  holdErrors(body)
  const job = uploadJob(service, params, ['Body'], sealer)
  const source = await seekable(body)
  if (source === undefined) return uploadOnce(job, body)
  try {
    return await uploadSeekable(job, source)
  } finally {
    await source.close()
  }
}

/** Parameters of uploadFile. */
export interface UploadFileParams extends UploadOptions {
  /** Path of a regular file. It must not change before the upload is done. */
  LocalFilePath: string
  /**
   * Keeps what is done in a file (true: a hidden one beside the source), so that another call, also of another process, goes
   * on where this one ended. It holds the data key wrapped only, and goes when the upload is done.
   */
  checkpoint?: boolean | string
}

async function seekable(body: unknown): Promise<SeekableSource | undefined> {
  if (typeof body === 'string') return bytesSource(Buffer.from(body, 'utf8'))
  if (body instanceof ArrayBuffer) return bytesSource(Buffer.from(body))
  if (ArrayBuffer.isView(body)) return bytesSource(Buffer.from(body.buffer, body.byteOffset, body.byteLength))
  if (body instanceof URL) {
    if (body.protocol !== 'file:') {
      throw new OptionError('Body', 'must be a file: URL, or no URL', { value: body.protocol })
    }
    return openFileSource(pathOf(body), 'Body')
  }
  if (isFileHandle(body) && (await isRegular(body))) return handleSource(body, 'Body')
  return undefined
}

function pathOf(url: URL): string {
  try {
    return fileURLToPath(url)
  } catch (error) {
    throw new OptionError('Body', 'must be a file: URL of this machine', { value: url.href, cause: error })
  }
}

async function isRegular(handle: FileHandle): Promise<boolean> {
  return (await handle.stat()).isFile()
}

async function uploadOnce(job: UploadJob, body: unknown): Promise<StoredObject> {
  const stream = body instanceof Blob ? asReadable(body.stream()) : asReadable(body)
  const abort = linkedAbort(job.signal)
  let failure: { readonly error: unknown } | undefined
  const writer = new PartWriter(job, (error) => {
    failure ??= { error }
    abort.abort(error)
  })
  // The source is not all that waits: requests in flight, and the making of the key, end with the signal, too.
  const onAbort = (): void => void writer.abandon(failure?.error ?? abortedStream(abort.signal.reason))
  abort.signal.addEventListener('abort', onAbort, { once: true })
  try {
    abort.throwIfAborted()
    await writer.open()
    for await (const bytes of bytesOf(stream, abort.signal)) await writer.write(bytes)
    abort.throwIfAborted()
    return await writer.end()
  } catch (error) {
    stream.destroy()
    const reason = failure?.error ?? error
    await writer.abandon(reason)
    throw reason
  } finally {
    abort.unlink()
  }
}

/** An object that is no longer what it was when it began to be read. */
import { SealstreamError } from '../errors.js'

/** The error for it. */
export function objectChanged(key: string, doing: string, cause?: Error): SealstreamError {
  return new SealstreamError(
    'SEALSTREAM_OBJECT_CHANGED',
    `${key} was overwritten while it was being ${doing}`,
    cause === undefined ? {} : { cause },
  )
}

/** Whether an error says so. */
export function isObjectChanged(error: unknown): boolean {
  return error instanceof SealstreamError && error.code === 'SEALSTREAM_OBJECT_CHANGED'
}

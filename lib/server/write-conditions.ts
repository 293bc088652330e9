/** What must hold of the object that a write would replace. */
import { judgeWrite } from './conditions.js'
import type { ObjectRecord } from './object-record.js'
import { Refusal } from './refusal.js'
import { type CosRequest, headerValue } from './request.js'

/** Sees the object there is now, if any, and throws to refuse the write. */
export type WriteCheck = (current: ObjectRecord | undefined) => void

/**
 * The conditions of a request: If-Match, If-None-Match, `x-cos-forbid-overwrite`.
 *
 * @param forbidden - Overwriting was forbidden before, when an upload began.
 * @returns A check that throws `PreconditionFailed`, `FileAlreadyExists`.
 */
export function writeCheckOf(request: CosRequest, forbidden = false): WriteCheck {
  const forbids = forbidden || forbidsOverwrite(request)
  return (current) => {
    if (judgeWrite(request.headers, current) === 'failed') throw new Refusal('PreconditionFailed')
    if (forbids && current !== undefined) throw new Refusal('FileAlreadyExists')
  }
}

/**
 * Reads `x-cos-forbid-overwrite`.
 *
 * @throws `InvalidArgument` for anything but `true` and `false`.
 */
export function forbidsOverwrite(request: CosRequest): boolean {
  const value = (headerValue(request, 'x-cos-forbid-overwrite') ?? 'false').toLowerCase()
  if (value === 'true' || value === 'false') return value === 'true'
  throw new Refusal('InvalidArgument', 'x-cos-forbid-overwrite must be true or false.')
}

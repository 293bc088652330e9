/** Archived objects: they must be restored before their bytes can be read. */
import { storageClassOf } from './metadata.js'
import type { ObjectRecord } from './object-record.js'
import { Refusal } from './refusal.js'

/** Whether objects of this storage class have to be restored. */
export function isArchived({ headers }: ObjectRecord): boolean {
  return ['ARCHIVE', 'DEEP_ARCHIVE'].includes(storageClassOf(headers))
}

/** Whether a restored copy is there now. */
export function isRestored({ restoredUntil = 0 }: ObjectRecord, now: number): boolean {
  return restoredUntil > now
}

/** @throws `InvalidObjectState` when the object is archived and not restored. */
export function assertNotFrozen(record: ObjectRecord, now: number): void {
  if (isArchived(record) && !isRestored(record, now)) {
    throw new Refusal('InvalidObjectState', 'The object is archived. Restore it first.')
  }
}

/** The header that tells of a restored copy, while there is one. A restore here takes no time, so none is ever ongoing. */
export function restoreHeaders(record: ObjectRecord, now: number): Record<string, string> {
  if (!isRestored(record, now)) return {}
  const expiry = new Date(record.restoredUntil ?? 0).toUTCString()
  return { 'x-cos-restore': `ongoing-request="false", expiry-date="${expiry}"` }
}

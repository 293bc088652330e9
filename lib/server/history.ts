/**
 * All versions of one key, newest first. They lie in one file, so that every change of them happens at once: there is no
 * moment at which a new version exists and the old one is lost, or both are the current one.
 */
import { isDeleteMarker, type ObjectRecord, type Version } from './object-record.js'
import type { Segment } from './segment.js'

/** Newest first; the first is the current one. Empty where nothing was ever stored. */
export type History = readonly Version[]

/** A history as it is stored: the newest version, and the others within it. */
export type StoredHistory = Version & { readonly older?: readonly Version[] }

/** The form for the disk. A key with one version, the ordinary case, is stored as just that. */
export function foldHistory(newest: Version, older: readonly Version[]): StoredHistory {
  return older.length === 0 ? newest : { ...newest, older }
}

/** The history that was stored. */
export function unfoldHistory(stored: StoredHistory | undefined): History {
  if (stored === undefined) return []
  const { older = [], ...newest } = stored
  return [newest, ...older]
}

/** The object that a GET finds, if any. */
export function currentOf([newest]: History): ObjectRecord | undefined {
  return newest === undefined || isDeleteMarker(newest) ? undefined : newest
}

/** Adds a version. One without an id takes the place of the earlier one without; where versions are off that is all. */
export function withNewest(history: History, version: Version): History {
  const kept =
    version.versionId === undefined ? history.filter(({ versionId }) => versionId !== undefined) : history
  return [version, ...kept]
}

/** The segments of all versions. */
export function segmentsOf(history: History): Segment[] {
  return history.flatMap((version) => (isDeleteMarker(version) ? [] : version.segments))
}

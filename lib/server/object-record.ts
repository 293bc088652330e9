/** The records of objects and of their versions. */
import type { ObjectProperties } from './object-properties.js'
import type { Segment } from './segment.js'

/** What is known of an object, or of one version of it. Stored as JSON. */
export interface ObjectRecord extends ObjectProperties {
  readonly key: string
  /** Bytes. */
  readonly size: number
  /** Without quotes. */
  readonly etag: string
  /** CRC-64 of the whole object, decimal. */
  readonly crc64: string
  /** Milliseconds since 1970. */
  readonly lastModified: number
  readonly segments: readonly Segment[]
  /** Absent in what was stored while the bucket kept no versions. */
  readonly versionId?: string
  /** Milliseconds since 1970: until then an archived object can be read. Absent when it was never restored. */
  readonly restoredUntil?: number
}

/** Says that the object was deleted, while its versions stay. Stored as JSON. */
export interface DeleteMarker {
  readonly key: string
  readonly isDeleteMarker: true
  /** Milliseconds since 1970. */
  readonly lastModified: number
  readonly versionId?: string
}

/** One entry in the history of a key. */
export type Version = ObjectRecord | DeleteMarker

/** Tells the two kinds of entries apart. */
export function isDeleteMarker(version: Version): version is DeleteMarker {
  return 'isDeleteMarker' in version
}

/** How requests and listings call a version. COS names the one without an id `null`. */
export function versionName({ versionId }: Version): string {
  return versionId ?? 'null'
}

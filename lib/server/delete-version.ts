/** Deletes what a request means: the object, or one version of it. */
import type { ObjectStore } from './object-store.js'
import { type DeleteMarker, isDeleteMarker, type Version } from './object-record.js'
import { Refusal } from './refusal.js'

/** What a deletion has done; both undefined where the bucket keeps no versions. */
export interface Deletion {
  /** The delete marker that it wrote, or removed. */
  readonly marker: DeleteMarker | undefined
  /** The version that it removed, because the request named it. */
  readonly version: Version | undefined
}

/**
 * Deletes an object; one that is not there is no error.
 *
 * @param name - Version to remove; undefined: the object.
 * @param now - Milliseconds since 1970.
 * @throws `NoSuchVersion`
 */
export async function deleteVersion(
  objects: ObjectStore,
  { bucket, key }: { bucket: string; key: string },
  name: string | undefined,
  now: number,
): Promise<Deletion> {
  if (name === undefined) return { marker: await objects.remove(bucket, key, now), version: undefined }
  const version = await objects.removeVersion(bucket, key, name)
  if (version === undefined) throw new Refusal('NoSuchVersion')
  return { marker: isDeleteMarker(version) ? version : undefined, version }
}

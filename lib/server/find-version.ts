/** The object that a request means: the current one, or the version that it names. */
import type { ObjectStore } from './object-store.js'
import { isDeleteMarker, type ObjectRecord, type Version, versionName } from './object-record.js'
import { Refusal } from './refusal.js'
import { type CosRequest, queryValue } from './request.js'

/** The `versionId` of a request; undefined where it is absent or empty. */
export function versionOf(request: CosRequest): string | undefined {
  const name = queryValue(request, 'versionId')
  return name === '' ? undefined : name
}

/** The header that names a version, where it has an id. */
export function versionHeaders({ versionId }: Pick<Version, 'versionId'>): Record<string, string> {
  return versionId === undefined ? {} : { 'x-cos-version-id': versionId }
}

/** The headers that tell of a delete marker. */
export function markerHeaders(marker: Version): Record<string, string> {
  return { 'x-cos-delete-marker': 'true', 'x-cos-version-id': versionName(marker) }
}

/**
 * Finds an object.
 *
 * @param name - Version wanted; undefined: the current one.
 * @throws `NoSuchKey`, also where a delete marker is the newest; `NoSuchVersion`; `MethodNotAllowed` where the version
 * named is a delete marker, which has nothing to give.
 */
export async function findVersion(
  objects: ObjectStore,
  { bucket, key }: { bucket: string; key: string },
  name: string | undefined,
): Promise<ObjectRecord> {
  const history = await objects.history(bucket, key)
  const found = name === undefined ? history[0] : history.find((version) => versionName(version) === name)
  if (found === undefined) throw new Refusal(name === undefined ? 'NoSuchKey' : 'NoSuchVersion')
  if (!isDeleteMarker(found)) return found
  throw new Refusal(name === undefined ? 'NoSuchKey' : 'MethodNotAllowed', undefined, {
    headers: markerHeaders(found),
  })
}

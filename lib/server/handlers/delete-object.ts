import { deleteVersion } from '../delete-version.js'
import { markerHeaders, versionOf } from '../find-version.js'
import type { Handler } from '../handler.js'
import { versionName } from '../object-record.js'

/** DELETE Object. 204 also where there was none. */
export const deleteObject: Handler = async ({ request, objects, now }) => {
  const { marker, version } = await deleteVersion(objects, request, versionOf(request), now())
  if (marker !== undefined) return { status: 204, headers: markerHeaders(marker) }
  return {
    status: 204,
    headers: version === undefined ? {} : { 'x-cos-version-id': versionName(version) },
  }
}

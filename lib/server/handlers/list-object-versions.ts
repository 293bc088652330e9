import { xmlAnswer } from '../answer.js'
import type { Handler } from '../handler.js'
import type { History } from '../history.js'
import {
  commonPrefixElements,
  isAfter,
  type KeyEncoding,
  keyEncoding,
  type Page,
  pageLimit,
  pageOf,
  sortByKey,
} from '../listing.js'
import { storageClassOf } from '../metadata.js'
import { isDeleteMarker, type Version, versionName } from '../object-record.js'
import { ownerElement } from '../owner.js'
import { queryValue } from '../request.js'
import type { XmlElement } from '../xml.js'

interface Entry {
  readonly key: string
  readonly version: Version
  readonly isLatest: boolean
}

/** GET Bucket Object versions: by key, versions of one key from the newest. */
export const listObjectVersions: Handler = async ({ request, objects }) => {
  const { bucket } = request
  const prefix = queryValue(request, 'prefix') ?? ''
  const delimiter = queryValue(request, 'delimiter') ?? ''
  const marker = queryValue(request, 'key-marker') ?? ''
  const idMarker = queryValue(request, 'version-id-marker') ?? ''
  const limit = pageLimit(request, 'max-keys')
  const encoding = keyEncoding(request, 'EncodingType')
  const after = (await objects.histories(bucket))
    .flatMap(entriesOf)
    .filter(({ key }) => (key === marker ? idMarker !== '' : isAfter(key, marker)))
  const sorted = afterVersion(sortByKey(after), marker, idMarker)
  const page = pageOf(sorted, { prefix, delimiter, marker, limit })
  return xmlAnswer([
    'ListVersionsResult',
    [
      ['Name', bucket],
      ...encoding.elements,
      ['Prefix', encoding.encode(prefix)],
      ['KeyMarker', encoding.encode(marker)],
      ['VersionIdMarker', idMarker],
      ['MaxKeys', limit],
      ...(delimiter === '' ? [] : [['Delimiter', encoding.encode(delimiter)] as const]),
      ['IsTruncated', page.isTruncated],
      ...nextMarkers(page, encoding),
      ...page.entries.map((entry) => entryElement(entry, bucket, encoding)),
      ...commonPrefixElements(page, encoding),
    ],
  ])
}

function entriesOf(history: History): Entry[] {
  return history.map((version, i) => ({ key: version.key, version, isLatest: i === 0 }))
}

/**
 * Leaves out the versions of the marker's key up to the one named. If that one was deleted since, none: whoever deletes
 * page by page then goes on with the rest, and nobody misses a version.
 */
function afterVersion(sorted: readonly Entry[], marker: string, idMarker: string): readonly Entry[] {
  const at = sorted.findIndex(({ key, version }) => key === marker && versionName(version) === idMarker)
  return sorted.slice(at + 1)
}

function nextMarkers(page: Page<Entry>, encoding: KeyEncoding): XmlElement[] {
  if (!page.isTruncated) return []
  const last = page.entries.at(-1)
  return [
    ['NextKeyMarker', encoding.encode(page.lastName)],
    // Empty where the page ends with a common prefix.
    ['NextVersionIdMarker', last?.key === page.lastName ? versionName(last.version) : ''],
  ]
}

function entryElement({ version, isLatest }: Entry, bucket: string, encoding: KeyEncoding): XmlElement {
  const common: XmlElement[] = [
    ['Key', encoding.encode(version.key)],
    ['VersionId', versionName(version)],
    ['IsLatest', isLatest],
    ['LastModified', new Date(version.lastModified).toISOString()],
  ]
  if (isDeleteMarker(version)) return ['DeleteMarker', [...common, ownerElement('Owner', bucket)]]
  return [
    'Version',
    [
      ...common,
      ['ETag', `"${version.etag}"`],
      ['Size', version.size],
      ['StorageClass', storageClassOf(version.headers)],
      ownerElement('Owner', bucket),
    ],
  ]
}

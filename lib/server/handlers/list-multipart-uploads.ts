import { xmlAnswer } from '../answer.js'
import type { Handler } from '../handler.js'
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
import { ownerElement } from '../owner.js'
import { queryValue } from '../request.js'
import type { UploadRecord } from '../upload-store.js'
import type { XmlElement } from '../xml.js'

/** List Multipart Uploads: by key, uploads of one key by their id. */
export const listMultipartUploads: Handler = async ({ request, uploads }) => {
  const { bucket } = request
  const prefix = queryValue(request, 'prefix') ?? ''
  const delimiter = queryValue(request, 'delimiter') ?? ''
  const marker = queryValue(request, 'key-marker') ?? ''
  const idMarker = queryValue(request, 'upload-id-marker') ?? ''
  const limit = pageLimit(request, 'max-uploads')
  const encoding = keyEncoding(request, 'Encoding-Type')
  const after = (await uploads.list(bucket))
    .filter(({ key, uploadId }) =>
      key === marker ? idMarker !== '' && uploadId > idMarker : isAfter(key, marker),
    )
    .sort((a, b) => (a.uploadId < b.uploadId ? -1 : 1))
  const page = pageOf(sortByKey(after), { prefix, delimiter, marker, limit })
  return xmlAnswer([
    'ListMultipartUploadsResult',
    [
      ['Bucket', bucket],
      ...encoding.elements,
      ['KeyMarker', encoding.encode(marker)],
      ['UploadIdMarker', idMarker],
      ...nextMarkers(page, encoding),
      ['MaxUploads', limit],
      ['IsTruncated', page.isTruncated],
      ['Prefix', encoding.encode(prefix)],
      ['Delimiter', encoding.encode(delimiter)],
      ...page.entries.map((upload) => uploadElement(upload, bucket, encoding)),
      ...commonPrefixElements(page, encoding),
    ],
  ])
}

function nextMarkers(page: Page<UploadRecord>, encoding: KeyEncoding): XmlElement[] {
  if (!page.isTruncated) return []
  const last = page.entries.at(-1)
  return [
    ['NextKeyMarker', encoding.encode(page.lastName)],
    // Empty where the page ends with a common prefix.
    ['NextUploadIdMarker', last?.key === page.lastName ? last.uploadId : ''],
  ]
}

function uploadElement(upload: UploadRecord, bucket: string, encoding: KeyEncoding): XmlElement {
  return [
    'Upload',
    [
      ['Key', encoding.encode(upload.key)],
      ['UploadId', upload.uploadId],
      ['StorageClass', storageClassOf(upload.headers)],
      ownerElement('Initiator', bucket),
      ownerElement('Owner', bucket),
      ['Initiated', new Date(upload.initiated).toISOString()],
    ],
  ]
}

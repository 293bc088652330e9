import { xmlAnswer } from '../answer.js'
import type { Handler } from '../handler.js'
import { keyEncoding, pageLimit } from '../listing.js'
import { storageClassOf } from '../metadata.js'
import { ownerElement } from '../owner.js'
import { Refusal } from '../refusal.js'
import { queryInteger, queryValue } from '../request.js'
import type { PartRecord } from '../upload-store.js'
import type { XmlElement } from '../xml.js'

/** List Parts. */
export const listParts: Handler = async ({ request, uploads }) => {
  const { bucket, key } = request
  const uploadId = queryValue(request, 'uploadId') ?? ''
  const limit = pageLimit(request, 'max-parts')
  const marker = queryInteger(request, 'part-number-marker', {
    least: 0,
    most: Number.MAX_SAFE_INTEGER,
    otherwise: 0,
  })
  const encoding = keyEncoding(request, 'Encoding-type')
  const upload = await uploads.find(bucket, key, uploadId)
  if (upload === undefined) throw new Refusal('NoSuchUpload')

  const rest = (await uploads.parts(bucket, uploadId)).filter(({ number }) => number > marker)
  const page = rest.slice(0, limit)
  const isTruncated = rest.length > limit
  return xmlAnswer([
    'ListPartsResult',
    [
      ['Bucket', bucket],
      ...encoding.elements,
      ['Key', encoding.encode(key)],
      ['UploadId', uploadId],
      ownerElement('Initiator', bucket),
      ownerElement('Owner', bucket),
      ['StorageClass', storageClassOf(upload.headers)],
      ['PartNumberMarker', marker],
      ...nextMarker(isTruncated ? page.at(-1) : undefined),
      ['MaxParts', limit],
      ['IsTruncated', isTruncated],
      ...page.map(partElement),
    ],
  ])
}

function nextMarker(last: PartRecord | undefined): XmlElement[] {
  return last === undefined ? [] : [['NextPartNumberMarker', last.number]]
}

function partElement(part: PartRecord): XmlElement {
  return [
    'Part',
    [
      ['PartNumber', part.number],
      ['LastModified', new Date(part.lastModified).toISOString()],
      ['ETag', `"${part.etag}"`],
      ['Size', part.size],
    ],
  ]
}

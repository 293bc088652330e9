import { xmlAnswer } from '../answer.js'
import type { Handler } from '../handler.js'
import {
  commonPrefixElements,
  isAfter,
  type KeyEncoding,
  keyEncoding,
  pageLimit,
  pageOf,
  sortByKey,
} from '../listing.js'
import { storageClassOf } from '../metadata.js'
import type { ObjectRecord } from '../object-record.js'
import { ownerElement } from '../owner.js'
import { queryValue } from '../request.js'
import type { XmlElement } from '../xml.js'

/** GET Bucket (List Objects). A bucket that nothing was written to is empty. */
export const listObjects: Handler = async ({ request, objects }) => {
  const { bucket } = request
  const prefix = queryValue(request, 'prefix') ?? ''
  const delimiter = queryValue(request, 'delimiter') ?? ''
  const marker = queryValue(request, 'marker') ?? ''
  const limit = pageLimit(request, 'max-keys')
  const encoding = keyEncoding(request, 'EncodingType')
  const after = (await objects.list(bucket)).filter(({ key }) => isAfter(key, marker))
  const page = pageOf(sortByKey(after), { prefix, delimiter, marker, limit })
  return xmlAnswer([
    'ListBucketResult',
    [
      ['Name', bucket],
      ...encoding.elements,
      ['Prefix', encoding.encode(prefix)],
      ['Marker', encoding.encode(marker)],
      ['MaxKeys', limit],
      ...optional('Delimiter', encoding.encode(delimiter)),
      ['IsTruncated', page.isTruncated],
      ...optional('NextMarker', page.isTruncated ? encoding.encode(page.lastName) : ''),
      ...page.entries.map((record) => contentsElement(record, bucket, encoding)),
      ...commonPrefixElements(page, encoding),
    ],
  ])
}

function contentsElement(record: ObjectRecord, bucket: string, encoding: KeyEncoding): XmlElement {
  return [
    'Contents',
    [
      ['Key', encoding.encode(record.key)],
      ['LastModified', new Date(record.lastModified).toISOString()],
      ['ETag', `"${record.etag}"`],
      ['Size', record.size],
      ownerElement('Owner', bucket),
      ['StorageClass', storageClassOf(record.headers)],
    ],
  ]
}

function optional(name: string, text: string): XmlElement[] {
  return text === '' ? [] : [[name, text]]
}

/** GET Bucket (List Objects). */
import { SealstreamError } from '../errors.js'
import { assertInteger, queryText } from '../internal/assert.js'
import { checkCall, resultMetadata, type CallParams, type ResultMetadata, type Service } from './service.js'
import { date, integer, list, readXml, text } from './xml.js'

/** Parameters of listObjects. */
export interface ListObjectsParams extends CallParams {
  /** Only keys that begin with this. */
  Prefix?: string
  /** Groups keys by what stands before the next occurrence of this, usually `/`. */
  Delimiter?: string
  /** Only keys after this one: the `NextMarker` of the page before. */
  Marker?: string
  /** 1 to 1000, the default. */
  MaxKeys?: number
}

/** One object of a listing. Sizes are stored sizes. */
export interface ListedObject {
  Key: string
  /** Bytes stored. */
  Size: number
  ETag: string
  LastModified: Date
  StorageClass: string
}

/** One page of a listing, in order of the keys' UTF-8 bytes. */
export interface ListObjectsResult extends ResultMetadata {
  Contents: ListedObject[]
  CommonPrefixes: { Prefix: string }[]
  IsTruncated: boolean
  /** Where the next page starts; present when there is one. */
  NextMarker?: string
}

/** @throws {@link OptionError} on a bad parameter, and the errors of every request. */
export async function listObjects(
  service: Service,
  params: ListObjectsParams = {},
): Promise<ListObjectsResult> {
  const bucket = checkCall(service, params, ['Prefix', 'Delimiter', 'Marker', 'MaxKeys'])
  const { Prefix = '', Delimiter, Marker, MaxKeys = 1000, signal } = params
  assertInteger(MaxKeys, 'MaxKeys', 1, 1000)
  const query = {
    prefix: queryText(Prefix, 'Prefix'),
    'max-keys': String(MaxKeys),
    // Keys may hold characters that no XML can.
    'encoding-type': 'url',
    ...(Delimiter === undefined ? {} : { delimiter: queryText(Delimiter, 'Delimiter') }),
    ...(Marker === undefined ? {} : { marker: queryText(Marker, 'Marker') }),
  }
  const answer = await service.http.send({ operation: 'listObjects', method: 'GET', bucket, query, signal })
  const { node } = await readXml(answer.body, ['ListBucketResult'])
  // The service says whether it did.
  const decode = text(node, 'EncodingType') === 'url' ? decodeKey : (key: string) => key
  const contents = list(node, 'Contents').map((entry) => ({
    Key: decode(text(entry, 'Key')),
    Size: integer(entry, 'Size'),
    ETag: text(entry, 'ETag'),
    LastModified: date(entry, 'LastModified'),
    StorageClass: text(entry, 'StorageClass'),
  }))
  const isTruncated = text(node, 'IsTruncated') === 'true'
  // The service gives NextMarker with a delimiter only; without one it is the last key.
  const next = decode(text(node, 'NextMarker')) || contents.at(-1)?.Key
  if (isTruncated && next === Marker) {
    throw new SealstreamError(
      'SEALSTREAM_ANSWER',
      'listObjects: the marker of the next page does not advance',
    )
  }
  return {
    Contents: contents,
    CommonPrefixes: list(node, 'CommonPrefixes').map((entry) => ({
      Prefix: decode(text(entry, 'Prefix')),
    })),
    IsTruncated: isTruncated,
    ...(isTruncated && next !== undefined ? { NextMarker: next } : {}),
    ...resultMetadata(answer),
  }
}

/** Undoes `encoding-type=url`. @throws SealstreamError `SEALSTREAM_ANSWER` */
export function decodeKey(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch (error) {
    throw new SealstreamError('SEALSTREAM_ANSWER', 'the listing holds a key that is not percent-encoded', {
      cause: error,
    })
  }
}

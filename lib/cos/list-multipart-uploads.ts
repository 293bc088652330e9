/** List Multipart Uploads. */
import { SealstreamError } from '../errors.js'
import { assertInteger, queryText } from '../internal/assert.js'
import { decodeKey } from './list-objects.js'
import { checkCall, resultMetadata, type CallParams, type ResultMetadata, type Service } from './service.js'
import { date, integer, list, readXml, text } from './xml.js'

/** Parameters of listMultipartUploads. */
export interface ListMultipartUploadsParams extends CallParams {
  /** Only keys that begin with this. */
  Prefix?: string
  /** Groups keys by what stands before the next occurrence of this, usually `/`. */
  Delimiter?: string
  /** `NextKeyMarker` and `NextUploadIdMarker` of the page before. */
  KeyMarker?: string
  UploadIdMarker?: string
  /** 1 to 1000, the default. */
  MaxUploads?: number
}

/** An upload that was neither completed nor aborted. Its parts cost money. */
export interface ListedUpload {
  Key: string
  UploadId: string
  Initiated: Date
  StorageClass: string
}

/** One page of uploads, by key. */
export interface ListMultipartUploadsResult extends ResultMetadata {
  Upload: ListedUpload[]
  CommonPrefixes: { Prefix: string }[]
  MaxUploads: number
  IsTruncated: boolean
  NextKeyMarker?: string
  NextUploadIdMarker?: string
}

/** @throws {@link OptionError} on a bad parameter, and the errors of every request. */
export async function listMultipartUploads(
  service: Service,
  params: ListMultipartUploadsParams = {},
): Promise<ListMultipartUploadsResult> {
  const bucket = checkCall(service, params, [
    'Prefix',
    'Delimiter',
    'KeyMarker',
    'UploadIdMarker',
    'MaxUploads',
  ])
  const { Prefix = '', Delimiter, KeyMarker, UploadIdMarker, MaxUploads = 1000, signal } = params
  assertInteger(MaxUploads, 'MaxUploads', 1, 1000)
  const query = {
    uploads: '',
    prefix: queryText(Prefix, 'Prefix'),
    'max-uploads': String(MaxUploads),
    // Keys may hold characters that no XML can.
    'encoding-type': 'url',
    ...(Delimiter === undefined ? {} : { delimiter: queryText(Delimiter, 'Delimiter') }),
    ...(KeyMarker === undefined ? {} : { 'key-marker': queryText(KeyMarker, 'KeyMarker') }),
    ...(UploadIdMarker === undefined
      ? {}
      : { 'upload-id-marker': queryText(UploadIdMarker, 'UploadIdMarker') }),
  }
  const request = { operation: 'listMultipartUploads', method: 'GET' as const, bucket, query, signal }
  const answer = await service.http.send(request)
  const { node } = await readXml(answer.body, ['ListMultipartUploadsResult'])
  // The service says whether it did.
  const isEncoded = (text(node, 'Encoding-Type') || text(node, 'EncodingType')) === 'url'
  const decode = isEncoded ? decodeKey : (key: string) => key
  const isTruncated = text(node, 'IsTruncated') === 'true'
  const next = {
    NextKeyMarker: decode(text(node, 'NextKeyMarker')),
    NextUploadIdMarker: text(node, 'NextUploadIdMarker'),
  }
  if (
    isTruncated &&
    next.NextKeyMarker === (KeyMarker ?? '') &&
    next.NextUploadIdMarker === (UploadIdMarker ?? '')
  ) {
    throw new SealstreamError(
      'SEALSTREAM_ANSWER',
      'listMultipartUploads: the marker of the next page does not advance',
    )
  }
  return {
    Upload: list(node, 'Upload').map((entry) => ({
      Key: decode(text(entry, 'Key')),
      UploadId: text(entry, 'UploadId'),
      Initiated: date(entry, 'Initiated'),
      StorageClass: text(entry, 'StorageClass'),
    })),
    CommonPrefixes: list(node, 'CommonPrefixes').map((entry) => ({ Prefix: decode(text(entry, 'Prefix')) })),
    MaxUploads: integer(node, 'MaxUploads'),
    IsTruncated: isTruncated,
    ...(isTruncated ? next : {}),
    ...resultMetadata(answer),
  }
}

/** Every upload of exactly one key, over all pages. */
export async function listUploadsOfKey(
  service: Service,
  { Bucket, Key, signal }: { Bucket: string; Key: string; signal?: AbortSignal | undefined },
): Promise<ListedUpload[]> {
  const all: ListedUpload[] = []
  let marker: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {}
  while (marker !== undefined) {
    const page: ListMultipartUploadsResult = await listMultipartUploads(service, {
      Bucket,
      Prefix: Key,
      signal,
      ...marker,
    })
    all.push(...page.Upload.filter((upload) => upload.Key === Key))
    // Keys come in order: past this one there is nothing more of it.
    const { NextKeyMarker, NextUploadIdMarker = '' } = page
    marker =
      NextKeyMarker === Key ? { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker } : undefined
  }
  return all
}

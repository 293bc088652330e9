import { xmlAnswer } from '../answer.js'
import { copyBytes } from '../copy-bytes.js'
import type { CopySource } from '../copy-source.js'
import { describeWrite } from '../describe-object.js'
import type { Handler } from '../handler.js'
import { type StoredHeaders, storageClassOf } from '../metadata.js'
import { type ObjectProperties, propertiesOf } from '../object-properties.js'
import { type ObjectRecord, versionName } from '../object-record.js'
import { Refusal } from '../refusal.js'
import { MAX_BODY_BYTES } from '../request-body.js'
import { type CosRequest, headerValue } from '../request.js'
import { etagOf } from '../server-side-encryption.js'
import { writeCheckOf } from '../write-conditions.js'

/** PUT Object - Copy. The bytes become the copy's own; the source may go. */
export const copyObject: Handler = async (call) => {
  const { request, objects, now } = call
  const { bucket, key } = request
  const requested = propertiesOf(request)
  const directives = {
    metadata: directiveOf(request, 'x-cos-metadata-directive'),
    tags: directiveOf(request, 'x-cos-tagging-directive'),
  }
  const check = writeCheckOf(request)
  check(await objects.find(bucket, key)) // Now, to refuse before the bytes are copied; and again when they are.
  const { source, segment } = await copyBytes(call, (record, from) => {
    if (record.size > MAX_BODY_BYTES) {
      throw new Refusal('InvalidRequest', 'Objects over 5 GiB are copied in parts.')
    }
    const isReplaced = directives.metadata === 'replaced' || directives.tags === 'replaced'
    if (!isReplaced && isSelf(request, from) && !changesAnything(requested, record)) {
      throw new Refusal('InvalidRequest', 'The object would be copied onto itself with nothing changed.')
    }
    return 'whole'
  })
  const { file, size } = segment
  const record: ObjectRecord = {
    key,
    size,
    etag: etagOf(segment, requested.encryption),
    crc64: segment.crc64.toString(),
    lastModified: now(),
    ...propertiesOfCopy(requested, source, directives),
    segments: [{ file, size }],
  }
  const published = await objects.publish(bucket, record, check).catch(async (error: unknown) => {
    await objects.discard(bucket, [segment])
    throw error
  })
  return xmlAnswer(documentOf(published), describeWrite(published, request))
}

type Directive = 'copy' | 'replaced'

/** COS spells them `Copy` and `Replaced`. */
function directiveOf(request: CosRequest, name: string): Directive {
  const value = (headerValue(request, name) ?? 'Copy').toLowerCase()
  if (value === 'copy' || value === 'replaced') return value
  throw new Refusal('InvalidArgument', `${name} must be Copy or Replaced.`)
}

/** A version put back in place is a change, so a source named with its version is not the object itself. */
function isSelf({ bucket, key }: CosRequest, source: CopySource): boolean {
  return source.bucket === bucket && source.key === key && source.version === undefined
}

function changesAnything(requested: ObjectProperties, source: ObjectRecord): boolean {
  return (
    storageClassOf(requested.headers) !== storageClassOf(source.headers) ||
    requested.acl !== undefined ||
    requested.encryption !== undefined ||
    source.encryption !== undefined
  )
}

/** Storage class, encryption and access are never inherited. */
function propertiesOfCopy(
  requested: ObjectProperties,
  source: ObjectRecord,
  directives: { metadata: Directive; tags: Directive },
): ObjectProperties {
  const { tags: requestedTags, ...rest } = requested
  const tags = directives.tags === 'copy' ? source.tags : requestedTags
  return {
    ...rest,
    ...(tags === undefined ? {} : { tags }),
    headers:
      directives.metadata === 'replaced'
        ? requested.headers
        : inheritedHeaders(requested.headers, source.headers),
  }
}

function inheritedHeaders(requested: StoredHeaders, source: StoredHeaders): StoredHeaders {
  const { 'x-cos-storage-class': _, ...inherited } = source
  const storageClass = requested['x-cos-storage-class']
  return storageClass === undefined ? inherited : { ...inherited, 'x-cos-storage-class': storageClass }
}

function documentOf(record: ObjectRecord): Parameters<typeof xmlAnswer>[0] {
  return [
    'CopyObjectResult',
    [
      ['ETag', `"${record.etag}"`],
      ['LastModified', new Date(record.lastModified).toISOString()],
      ['CRC64', record.crc64],
      ...(record.versionId === undefined ? [] : [['VersionId', versionName(record)] as const]),
    ],
  ]
}

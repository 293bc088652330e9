/** An upload by hand that this client can encrypt parts of. */
import { listAllParts, type ListedPart } from '../cos/list-parts.js'
import { checkpointMac } from '../crypto/checkpoint-mac.js'
import type { DataKey } from '../crypto/data-key.js'
import { openEnvelope } from '../envelope/envelope.js'
import { EnvelopeError, OptionError } from '../errors.js'
import { Turns } from '../internal/turns.js'
import { unwrapFailed } from '../keys/master-key.js'
import { contextDigest, contextOption, masterKeyIds, type Encryption } from './encryption.js'
import { handParts, type HandParts, type TakenPlaces } from './hand-part.js'
import { withSavedIv } from './sealer.js'
import { authenticatedText, type UploadContext } from './upload-context.js'

/** An upload that this client can encrypt parts of. */
export interface LiveUpload extends TakenPlaces {
  readonly dataKey: DataKey
  readonly encrypt: HandParts
  /** Where the offset of a part depends on the part before. */
  readonly turns: Turns
}

/** @param stored - What the service had of it before. */
export function liveUpload(
  upload: UploadContext,
  dataKey: DataKey,
  stored: ReadonlyMap<number, ListedPart> = new Map(),
): LiveUpload {
  return { upload, dataKey, encrypt: handParts(dataKey), stored, places: new Map(), turns: new Turns() }
}

/** An upload that another client started. @throws OptionError, EnvelopeError `SEALSTREAM_CONTEXT`, KeyError */
export async function openUpload(
  { masterKey, service, context }: Encryption,
  upload: UploadContext,
): Promise<LiveUpload> {
  if (upload.Format === 'cos-java-gcm') {
    throw new OptionError('Upload', 'of format cos-java-gcm cannot be gone on with by another client')
  }
  if (upload.ContextDigest !== contextDigest(context)) {
    throw new EnvelopeError('SEALSTREAM_CONTEXT', 'the upload was started with another encryption context')
  }
  if (upload.MasterKeyId !== masterKeyIds(masterKey)) {
    // With cos-python and AES nothing else would tell, and parts under another data key cannot be read by anyone.
    throw unwrapFailed('the upload was started under another master key')
  }
  const opened = await openEnvelope(upload.Envelope, masterKey, {
    policy: [upload.Format],
    ...contextOption(context),
  })
  const dataKey = await withSavedIv(opened.dataKey, upload.Salt)
  const mac = await checkpointMac(dataKey)
  if (mac(authenticatedText(upload)) !== upload.Mac) {
    dataKey.dispose()
    throw unwrapFailed('the Upload was altered')
  }
  const { Bucket, Key, UploadId } = upload
  const listed = await listAllParts(service, { Bucket, Key, UploadId })
  const stored = new Map(listed.map((part) => [part.PartNumber, part]))
  return liveUpload(upload, dataKey, stored)
}

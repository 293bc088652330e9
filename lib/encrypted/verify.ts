/** Whether a stored object is whole and right, without keeping any of it. */
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { randomInt } from 'node:crypto'
import type { ConditionParams } from '../cos/get-object.js'
import type { Verified } from '../cos/integrity.js'
import { headObject } from '../cos/head-object.js'
import { present } from '../cos/service.js'
import { FORMATS } from '../crypto/format.js'
import { OptionError } from '../errors.js'
import { assertInteger } from '../internal/assert.js'
import { reclaim } from '../internal/reclaim.js'
import type { Encryption, EncryptionResult } from './encryption.js'
import { getEncryptedObject } from './get-object.js'
import { headEncryptedObject } from './head-object.js'
import { readRangesJob, type ReadRangesJob, type ReadRangesParams } from '../transfer/download-job.js'
import { isObjectChanged } from '../transfer/object-changed.js'
import { verifyRanges } from '../transfer/verify-ranges.js'
import { INSTRUCTION_FILE_PARAMS, openSized, type InstructionFileParams } from './open-object.js'

/** Parameters of verify. Those that say how ranges are read are for objects that are read whole, and can be in ranges. */
export interface VerifyParams extends ReadRangesParams, InstructionFileParams {
  /**
   * Reads only so many pieces of 1 MiB, chosen at random, and the first and the last. Only `sealed` proves a piece by itself;
   * others have to be read whole. Default: the whole object.
   */
  sample?: number
}

/** What was found. What is wrong with an object is an error. */
export interface VerifyResult extends EncryptionResult {
  ETag: string
  VersionId?: string
  /** Plaintext bytes. */
  ContentLength: number
  /** Ciphertext bytes. */
  StoredLength: number
  /** Plaintext bytes that were read and checked. */
  CheckedLength: number
  /**
   * What was proven: `aead` that the content is what was encrypted under this data key; `crc64` or `length` only that it is what
   * was uploaded, by whomever. CTR and CBC prove nothing about their content.
   */
  verified: Verified
  keyVerified: boolean
}

const PIECE_BYTES = 1024 * 1024

/**
 * Reads an object to its end, or samples of it, and throws what it reads away.
 *
 * @throws What reading it would: AuthenticationError, IntegrityError, LengthError, EnvelopeError, KeyError; {@link OptionError} for a
 *   sample of a format that proves no pieces.
 */
export async function verify(encryption: Encryption, params: VerifyParams): Promise<VerifyResult> {
  const job = readRangesJob(encryption.service, params, [...INSTRUCTION_FILE_PARAMS, 'sample'])
  const { Bucket, Key, VersionId, InstructionFile, signal, sample } = params
  const place = { ...present({ Bucket, VersionId, InstructionFile, signal }), Key, ...job.customerKey }
  if (sample === undefined) {
    try {
      return await verifyWhole(encryption, job, place)
    } catch (error) {
      // It was overwritten meanwhile: as it is now, it will do as well.
      if (!isObjectChanged(error)) throw error
      return verifyWhole(encryption, job, place)
    }
  }
  assertInteger(sample, 'sample', 1)
  return verifySample(encryption, job, place, sample)
}

/** Where the object is. */
type Place = Omit<VerifyParams, 'sample' | 'onProgress'>

async function verifyWhole(encryption: Encryption, job: ReadRangesJob, place: Place): Promise<VerifyResult> {
  const { InstructionFile: _, ...plain } = place
  const head = await headObject(encryption.service, plain)
  const opened = await openSized(encryption, place, head)
  const { dataKey, format, authenticated, keyVerified, size } = opened
  try {
    // What is proven at its end only is read in one go.
    if (FORMATS[format].cipher.isSerial) return await verifyThrough(encryption, job, place)
    const verified = await verifyRanges(job, head, opened)
    const { ETag, VersionId } = head
    return {
      format,
      authenticated,
      keyVerified,
      ETag,
      ...(VersionId === undefined ? {} : { VersionId }),
      ContentLength: size,
      StoredLength: head.ContentLength,
      CheckedLength: size,
      verified: authenticated ? 'aead' : verified,
    }
  } finally {
    dataKey.dispose()
  }
}

async function verifyThrough(
  encryption: Encryption,
  { onProgress, trafficLimit }: ReadRangesJob,
  place: Place,
): Promise<VerifyResult> {
  // Nothing is given out: what is proven at its end only may be read before.
  const answer = await getEncryptedObject(encryption, { ...place, ...trafficLimit, releaseUnverified: true })
  const checked = await readThrough(answer.Body, (bytes) =>
    onProgress?.({ bytes, total: answer.ContentLength }),
  )
  const { format, authenticated, keyVerified, ETag, StoredLength, VersionId } = answer
  return {
    format,
    authenticated,
    keyVerified,
    ETag,
    ...(VersionId === undefined ? {} : { VersionId }),
    ContentLength: checked,
    StoredLength,
    CheckedLength: checked,
    // Of format cos-java-gcm the tag was right, or reading had failed.
    verified: format === 'cos-java-gcm' ? 'aead' : answer.verified,
  }
}

async function verifySample(
  encryption: Encryption,
  { onProgress, trafficLimit }: ReadRangesJob,
  place: Place,
  sample: number,
): Promise<VerifyResult> {
  const head = await headEncryptedObject(encryption, place)
  const { format, authenticated, ETag, VersionId, ContentLength: size, StoredLength } = head
  if (!FORMATS[format].cipher.provesPieces) {
    throw new OptionError('sample', `is of no use for format ${format}: it proves no piece by itself`, {
      value: sample,
      hint: 'verify it whole',
    })
  }
  const version = VersionId === undefined ? {} : { VersionId }
  const pinned: ConditionParams = { ...version, IfMatch: ETag }
  const pieces = choosePieces(size, sample)
  const end = (piece: number): number => Math.min(size, (piece + 1) * PIECE_BYTES)
  const total = pieces.reduce((sum, piece) => sum + end(piece) - piece * PIECE_BYTES, 0)
  let checked = 0
  for (const piece of pieces) {
    const Range = `bytes=${piece * PIECE_BYTES}-${end(piece) - 1}`
    // The whole of an empty object, for it has no range.
    const answer = await getEncryptedObject(encryption, {
      ...place,
      ...trafficLimit,
      ...pinned,
      ...(size === 0 ? {} : { Range }),
    })
    const before = checked
    checked += await readThrough(answer.Body, (bytes) => onProgress?.({ bytes: before + bytes, total }))
  }
  return {
    format,
    authenticated,
    keyVerified: true,
    ETag,
    ...version,
    ContentLength: size,
    StoredLength,
    CheckedLength: checked,
    verified: 'aead',
  }
}

/** The first piece, the last, whose end proves the length, and others at random, ascending. */
function choosePieces(size: number, sample: number): number[] {
  const count = Math.max(1, Math.ceil(size / PIECE_BYTES))
  const chosen = new Set([0, count - 1])
  const wanted = Math.min(count, sample + chosen.size)
  while (chosen.size < wanted) chosen.add(randomInt(count))
  return [...chosen].sort((a, b) => a - b)
}

async function readThrough(body: NodeJS.ReadableStream, onBytes: (bytes: number) => void): Promise<number> {
  let bytes = 0
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      reclaim(chunk)
      onBytes(bytes)
      done()
    },
  })
  await pipeline(body, sink)
  return bytes
}

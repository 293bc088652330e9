/** The state of an upload that another process can go on with: what it is of, and what was sent (RULES 1.2, 1.4). */
import { createHash } from 'node:crypto'
import type { Digest } from '../checksum/body-digest.js'
import type { ListedPart } from '../cos/list-parts.js'
import { objectWriteHeaders } from '../cos/object-headers.js'
import { unquote } from '../cos/integrity.js'
import type { DataKey } from '../crypto/data-key.js'
import { checkpointMac } from '../crypto/checkpoint-mac.js'
import { sourceChanged } from '../internal/file-chunks.js'
import type { CheckpointFile } from './checkpoint-file.js'
import type { StoredPart } from './multipart-upload.js'
import type { PartPlan } from './part-plan.js'
import type { SavedKey } from './seal.js'
import type { SeekableSource } from './seekable-source.js'
import type { UploadJob } from './upload-job.js'

/** A part that was begun: its digest is written down before its first byte leaves. */
export interface PartState {
  readonly Length: number
  /** Decimal. */
  readonly Crc64: string
  /** Lower-case hex; absent where MD5 is switched off. */
  readonly Md5?: string
  /** Once it is stored. */
  readonly ETag?: string
}

/** What an upload is of. A checkpoint that differs in any of it is not followed. */
export interface UploadIdentity {
  readonly Bucket: string
  readonly Key: string
  /** Format and master key. */
  readonly Identity: string
  readonly PartSize: number
  /** Stored bytes. */
  readonly Size: number
  /** Fingerprint of the source. */
  readonly Source: string
  /** Digest of the headers that the object is to have. */
  readonly Headers: string
}

/** A checkpoint as it stands in the file. */
export interface UploadState extends UploadIdentity {
  /** Absent while the upload is being started. */
  readonly UploadId?: string
  readonly SavedKey?: SavedKey
  /** By part number. */
  readonly Parts: Readonly<Record<string, PartState>>
}

/** What each part of {@link UploadIdentity} is called where it differs. */
const DIFFERENCES: Readonly<Record<keyof UploadIdentity, string>> = {
  Bucket: 'the bucket is another',
  Key: 'the key is another',
  Identity: 'the format, the master key or the encryption context is another',
  PartSize: 'the part size is another',
  Size: 'the size of the source changed',
  Source: 'the source changed',
  Headers: 'the headers or metadata of the object are others',
}

/** What the upload of `source` is, for comparing with a checkpoint. */
export function identityOf(job: UploadJob, source: SeekableSource, plan: PartPlan): UploadIdentity {
  const headers = Object.entries(objectWriteHeaders(job.service, job.params))
    // The MD5 of a customer's key tells it from another as well.
    .filter(([name]) => !name.endsWith('-customer-key'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    Bucket: job.bucket,
    Key: job.key,
    Identity: job.sealer?.identity ?? 'plain',
    PartSize: plan.partSize,
    Size: plan.length,
    Source: source.fingerprint ?? '',
    Headers: createHash('sha256').update(JSON.stringify(headers)).digest('hex'),
  }
}

/** Why a checkpoint is not to be followed; undefined where it is. */
export function differenceOf(state: UploadIdentity, wanted: UploadIdentity): string | undefined {
  const names = Object.keys(DIFFERENCES) as (keyof UploadIdentity)[]
  const different = names.find((name) => state[name] !== wanted[name])
  return different === undefined ? undefined : DIFFERENCES[different]
}

/** The state in a file, if it has the form of one. Its content is not believed yet. */
export function asUploadState(found: Readonly<Record<string, unknown>>): UploadState | undefined {
  const state = found as Partial<Record<keyof UploadState, unknown>>
  const texts = [state.Bucket, state.Key, state.Identity, state.Source, state.Headers]
  const isWhole =
    texts.every((text) => typeof text === 'string') &&
    (state.UploadId === undefined || (typeof state.UploadId === 'string' && state.UploadId !== '')) &&
    isObject(state.Parts) &&
    Object.entries(state.Parts).every(([number, part]) => /^[1-9]\d{0,4}$/.test(number) && isPart(part)) &&
    (state.SavedKey === undefined || isSavedKey(state.SavedKey))
  return isWhole ? (found as unknown as UploadState) : undefined
}

function isSavedKey(saved: unknown): boolean {
  const { Envelope, Iv, Wrapped } = (isObject(saved) ? saved : {}) as Partial<Record<keyof SavedKey, unknown>>
  const isIv = Iv === undefined || typeof Iv === 'string'
  return isTextMap(Envelope) && isIv && (Wrapped === undefined || isTextMap(Wrapped))
}

function isTextMap(value: unknown): boolean {
  return isObject(value) && Object.values(value).every((text) => typeof text === 'string')
}

function isPart(part: unknown): boolean {
  if (!isObject(part)) return false
  const { Length, Crc64, Md5, ETag } = part as Partial<Record<keyof PartState, unknown>>
  return (
    Number.isSafeInteger(Length) &&
    typeof Crc64 === 'string' &&
    /^\d{1,20}$/.test(Crc64) &&
    [Md5, ETag].every((text) => text === undefined || typeof text === 'string')
  )
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Writes down what is sent, before and after. */
export class UploadJournal {
  readonly #file: CheckpointFile
  readonly #mac: ((text: string) => string) | undefined
  #state: UploadState
  readonly #parts: Record<string, PartState>

  private constructor(file: CheckpointFile, state: UploadState, mac: ((text: string) => string) | undefined) {
    this.#file = file
    this.#parts = { ...state.Parts }
    this.#state = { ...state, Parts: this.#parts }
    this.#mac = mac
  }

  /** @param dataKey - Whose holder alone can write a checkpoint that is followed. */
  static async open(
    file: CheckpointFile,
    state: UploadState,
    dataKey: DataKey | undefined,
  ): Promise<UploadJournal> {
    return new UploadJournal(file, state, dataKey === undefined ? undefined : await checkpointMac(dataKey))
  }

  /** Whether `mac` stood under this very state. */
  isGenuine(mac: unknown): boolean {
    return this.#mac === undefined || mac === this.#mac(JSON.stringify(this.#state))
  }

  /** Before anything of the upload exists, and once its id is known. */
  async start(uploadId?: string): Promise<void> {
    if (uploadId !== undefined) this.#state = { ...this.#state, UploadId: uploadId }
    await this.#save({ durable: true })
  }

  /**
   * Before the first byte of a part leaves.
   *
   * @throws SealstreamError `SEALSTREAM_SOURCE_CHANGED` where it was begun with other bytes, by this run or one before.
   */
  async begin(number: number, digest: Digest): Promise<void> {
    const known = this.#parts[number]
    const part: PartState = {
      Length: digest.length,
      Crc64: String(digest.crc64),
      ...(digest.md5 === undefined ? {} : { Md5: digest.md5 }),
    }
    if (known !== undefined) {
      const sameMd5 = known.Md5 === undefined || part.Md5 === undefined || known.Md5 === part.Md5
      if (known.Length !== part.Length || known.Crc64 !== part.Crc64 || !sameMd5) throw sourceChanged()
      // What is known of its storing stays known, and is written down already.
      if (known.ETag !== undefined) return
    }
    this.#parts[number] = part
    await this.#save()
  }

  /**
   * Once a part is stored. Where its ETag is the MD5 that it was begun with, that says as much, and the file can wait for the
   * next part: writing all parts down twice for each of them would cost more than the parts.
   */
  async finish({ number, etag }: StoredPart): Promise<void> {
    const part = this.#parts[number]
    if (part === undefined) return
    this.#parts[number] = { ...part, ETag: etag }
    if (part.Md5 !== unquote(etag).toLowerCase()) await this.#save()
  }

  /** Writes down the last state; the upload is left to another run. */
  async leave(): Promise<void> {
    await this.#save().catch(() => undefined)
    await this.#file.settle()
  }

  /** The upload is over. */
  remove(): Promise<void> {
    return this.#file.remove()
  }

  #save(options?: { durable: boolean }): Promise<void> {
    return this.#file.save(() => {
      const state = this.#state
      return this.#mac === undefined ? state : { ...state, Mac: this.#mac(JSON.stringify(state)) }
    }, options)
  }
}

/**
 * The parts that are finished: only what the checkpoint and the service both say (DESIGN 6).
 *
 * A part that was begun and is stored with the MD5 it was begun with is finished, too: the run died before it could note it.
 */
export function finishedParts(
  { Parts }: UploadState,
  listed: readonly ListedPart[],
  plan: PartPlan,
): StoredPart[] {
  return listed.flatMap(({ PartNumber: number, Size, ETag }) => {
    const part = Parts[number]
    // What the plan does not know is nobody's part, whatever the checkpoint says.
    const isPlanned = number <= plan.count && plan.part(number).length === Size
    if (part === undefined || !isPlanned || part.Length !== Size) return []
    const etag = unquote(ETag).toLowerCase()
    const isNoted = part.ETag !== undefined && unquote(part.ETag).toLowerCase() === etag
    if (!isNoted && (part.ETag !== undefined || part.Md5 !== etag)) return []
    return [{ number, etag: ETag, length: Size, crc64: BigInt(part.Crc64) }]
  })
}

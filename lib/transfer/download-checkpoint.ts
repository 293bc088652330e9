/** The state of a download that another process can go on with (RULES 4.5). */
import { createHash } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { Crc64 } from '../checksum/crc64.js'
import type { HeadObjectResult } from '../cos/head-object.js'
import { checkpointMac } from '../crypto/checkpoint-mac.js'
import type { DataKey } from '../crypto/data-key.js'
import { META_PREFIX } from '../internal/meta-prefix.js'
import type { CheckpointFile } from './checkpoint-file.js'
import type { DownloadJob } from './download-job.js'
import type { PartPlan, PlannedPart } from './part-plan.js'
import type { TemporaryFile } from './temporary-file.js'

/** What is downloaded. A checkpoint that differs in any of it is not followed. */
interface DownloadIdentity {
  readonly Bucket: string
  readonly Key: string
  readonly ETag: string
  readonly VersionId: string
  /** Stored bytes. */
  readonly Size: number
  readonly PartSize: number
  /** Digest of the metadata, envelope included. */
  readonly Metadata: string
}

/** Downloaded ranges are read back in slices. */
const SLICE_BYTES = 256 * 1024

const DIFFERENCES: Readonly<Record<keyof DownloadIdentity, string>> = {
  Bucket: 'the bucket is another',
  Key: 'the key is another',
  ETag: 'the object was overwritten',
  VersionId: 'the version is another',
  Size: 'the size of the object changed',
  PartSize: 'the part size is another',
  Metadata: 'the metadata of the object changed',
}

/** Writes down which ranges are there. */
export class DownloadJournal {
  /** Where the bytes are until they are whole. */
  readonly temporaryPath: string
  readonly #job: DownloadJob
  readonly #file: CheckpointFile
  readonly #identity: DownloadIdentity
  readonly #plan: PartPlan
  readonly #dataKey: DataKey | undefined
  readonly #mac: ((text: string) => string) | undefined
  /** By range number: CRC-64 of the stored bytes, decimal. Only those whose bytes are on the disk. */
  readonly #ranges: Record<string, string> = {}
  /** Those whose bytes are written, but not flushed yet. */
  #written: [number, bigint][] = []
  #flushing: Promise<void> = Promise.resolve()

  private constructor(
    job: DownloadJob,
    file: CheckpointFile,
    { head, plan, dataKey }: { head: HeadObjectResult; plan: PartPlan; dataKey: DataKey | undefined },
    mac: ((text: string) => string) | undefined,
  ) {
    this.#job = job
    this.#file = file
    this.#plan = plan
    this.#dataKey = dataKey
    this.#mac = mac
    this.#identity = identityOf(job, head, plan)
    const name = createHash('sha256').update(basename(job.destination)).digest('hex').slice(0, 16)
    this.temporaryPath = join(dirname(job.destination), `.sealstream-${name}.part`)
  }

  /** Undefined where the caller wants no checkpoint. */
  static async open(
    job: DownloadJob,
    object: { head: HeadObjectResult; plan: PartPlan; dataKey: DataKey | undefined },
  ): Promise<DownloadJournal | undefined> {
    if (job.checkpoint === undefined) return undefined
    const { dataKey } = object
    return new DownloadJournal(
      job,
      job.checkpoint,
      object,
      dataKey === undefined ? undefined : await checkpointMac(dataKey),
    )
  }

  /**
   * The ranges that need not be fetched again: those that the checkpoint names and whose bytes in the file are still what
   * was downloaded.
   */
  async resume(file: TemporaryFile, size: number): Promise<Map<number, bigint>> {
    const done = new Map<number, bigint>()
    const found = await this.#file.load()
    if (found.type === 'none') return done
    const reason = found.type === 'unusable' ? found.reason : this.#reasonAgainst(found.state)
    if (found.type === 'unusable' || reason !== undefined) {
      this.#job.onEvent?.({ type: 'restarted', reason: reason ?? '' })
      await this.#file.remove()
      return done
    }
    let bytes = 0
    for (const [number, text] of Object.entries(found.state.Ranges as Record<string, string>)) {
      if (Number(number) > this.#plan.count) continue
      const part = this.#plan.part(Number(number))
      if (part.offset + part.length > size || (await this.#crcOf(file, part)) !== BigInt(text)) continue
      done.set(part.number, BigInt(text))
      this.#ranges[number] = text
      bytes += part.length
    }
    this.#job.onEvent?.({ type: 'resumed', parts: done.size, bytes })
    return done
  }

  /** Notes a range, once its bytes have reached the disk; several share one flush. */
  async finish(file: TemporaryFile, number: number, crc64: bigint): Promise<void> {
    this.#written.push([number, crc64])
    this.#flushing = this.#flushing.then(() => this.#flush(file))
    await this.#flushing
  }

  /** Waits until nothing is being written. */
  async settle(): Promise<void> {
    await this.#flushing.catch(() => undefined)
    await this.#file.settle()
  }

  /** The download is over. */
  async remove(): Promise<void> {
    await this.#file.remove()
  }

  async #flush(file: TemporaryFile): Promise<void> {
    const written = this.#written
    this.#written = []
    if (written.length === 0) return
    await file.flush()
    for (const [number, crc64] of written) this.#ranges[number] = String(crc64)
    await this.#file.save(() => this.#signed({ ...this.#identity, Ranges: this.#ranges }))
  }

  #signed(state: object): object {
    return this.#mac === undefined ? state : { ...state, Mac: this.#mac(JSON.stringify(state)) }
  }

  #reasonAgainst({ Mac, ...state }: Readonly<Record<string, unknown>>): string | undefined {
    if ('Version' in state) return 'the checkpoint is of another version'
    const names = Object.keys(DIFFERENCES) as (keyof DownloadIdentity)[]
    const different = names.find((name) => state[name] !== this.#identity[name])
    if (different !== undefined) return DIFFERENCES[different]
    const ranges = Object.entries((state.Ranges ?? { '': '' }) as Record<string, unknown>)
    const isWhole = ranges.every(
      ([number, text]) =>
        /^[1-9]\d{0,4}$/.test(number) && typeof text === 'string' && /^\d{1,20}$/.test(text),
    )
    if (!isWhole) return 'the checkpoint is damaged'
    if (this.#mac !== undefined && Mac !== this.#mac(JSON.stringify(state)))
      return 'the checkpoint was altered'
    return undefined
  }

  /** CRC-64 that the stored bytes of a range had, from the plaintext in the file; undefined where it is not there. */
  async #crcOf(file: TemporaryFile, { offset, length }: PlannedPart): Promise<bigint | undefined> {
    const crc64 = new Crc64()
    const encryptor = this.#dataKey?.encryptor({ start: offset, sameBytes: true })
    try {
      for (let at = 0; at < length; at += SLICE_BYTES) {
        const slice = Buffer.allocUnsafeSlow(Math.min(SLICE_BYTES, length - at))
        if (!(await file.read(slice, offset + at))) return undefined
        crc64.update(encryptor?.update(slice) ?? slice)
      }
    } finally {
      encryptor?.close()
    }
    return crc64.value
  }
}

function identityOf(job: DownloadJob, head: HeadObjectResult, plan: PartPlan): DownloadIdentity {
  const metadata = Object.entries(head.$metadata.headers)
    .filter(([name]) => name.startsWith(META_PREFIX))
    .sort()
  return {
    Bucket: job.bucket,
    Key: job.key,
    ETag: head.ETag,
    VersionId: head.VersionId ?? '',
    Size: head.ContentLength,
    PartSize: plan.partSize,
    Metadata: createHash('sha256').update(JSON.stringify(metadata)).digest('hex'),
  }
}

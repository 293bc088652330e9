/** The state of a download that another process can go on with (RULES 4.5). */
import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { Crc64 } from '../checksum/crc64.js'
import type { HeadObjectResult } from '../cos/head-object.js'
import { metadataText } from '../cos/metadata.js'
import { checkpointMac } from '../crypto/checkpoint-mac.js'
import type { DataKey } from '../crypto/data-key.js'
import { throwIfAborted } from '../internal/abort.js'
import type { CheckpointFile } from './checkpoint-file.js'
import type { DownloadJob } from './download-job.js'
import type { DownloadPlan } from './download-plan.js'
import { isMadeInOrder } from './part-maker.js'
import { isTemporaryName, TemporaryFile, temporaryName } from './temporary-file.js'

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

/** What a download goes on with. */
export interface DownloadStart {
  readonly file: TemporaryFile
  /** CRC-64 of the stored bytes by range number, of those that need not be fetched again. */
  readonly done: Map<number, bigint>
}

/** Writes down which ranges are there. */
export class DownloadJournal {
  readonly #job: DownloadJob
  readonly #file: CheckpointFile
  readonly #identity: DownloadIdentity
  readonly #plan: DownloadPlan
  readonly #dataKey: DataKey | undefined
  readonly #mac: ((text: string) => string) | undefined
  /** By range number: CRC-64 of the stored bytes, decimal. Only those whose bytes are on the disk. */
  #ranges: Record<string, string> = {}
  /** Where the bytes are until they are whole. */
  readonly #temporary: string
  /** Those whose bytes are written, but not flushed yet. */
  #written: [number, bigint][] = []
  #flushing: Promise<void> = Promise.resolve()

  private constructor(
    job: DownloadJob,
    file: CheckpointFile,
    { head, plan, dataKey }: { head: HeadObjectResult; plan: DownloadPlan; dataKey: DataKey | undefined },
    mac: ((text: string) => string) | undefined,
  ) {
    this.#job = job
    this.#file = file
    this.#plan = plan
    this.#dataKey = dataKey
    this.#mac = mac
    this.#identity = identityOf(job, head, plan)
    // Another object, or another version, has another file; the same one finds its own again even where the checkpoint is lost.
    this.#temporary = temporaryName([this.#identity, basename(job.destination)])
  }

  /** Undefined where the caller wants no checkpoint. */
  static async open(
    job: DownloadJob,
    object: { head: HeadObjectResult; plan: DownloadPlan; dataKey: DataKey | undefined },
  ): Promise<DownloadJournal | undefined> {
    if (job.checkpoint === undefined) return undefined
    const { dataKey } = object
    const mac = dataKey === undefined ? undefined : await checkpointMac(dataKey)
    return new DownloadJournal(job, job.checkpoint, object, mac)
  }

  /** What an earlier run left, or a new temporary file, which the checkpoint names before it is there. */
  async begin(): Promise<DownloadStart> {
    const resumed = await this.#resume()
    if (typeof resumed === 'object') return resumed
    if (resumed !== undefined) this.#job.onEvent?.({ type: 'restarted', reason: resumed })
    const { destination } = this.#job
    await this.#save()
    try {
      await TemporaryFile.remove(destination, this.#temporary)
      return { file: await TemporaryFile.open(destination, this.#temporary), done: new Map() }
    } catch (error) {
      await this.#file.remove()
      throw error
    }
  }

  /** What an earlier run left; a text says why it is of no use; undefined where there was none. */
  async #resume(): Promise<DownloadStart | string | undefined> {
    const found = await this.#file.load()
    if (found.type === 'none') return undefined
    if (found.type === 'unusable') return found.reason
    const { Temporary: name, Ranges: ranges } = found.state
    const reason = this.#reasonAgainst(found.state)
    const { destination } = this.#job
    if (reason !== undefined) {
      if (isTemporaryName(name)) await TemporaryFile.remove(destination, name)
      return reason
    }
    const wanted = Object.entries(ranges as Record<string, string>)
    const file = await TemporaryFile.open(destination, this.#temporary, true)
    // The run before may have died after it gave the file its name.
    const left =
      file ??
      (wanted.length === this.#plan.parts.count
        ? await TemporaryFile.open(destination, basename(destination), true)
        : undefined)
    if (left === undefined) return 'the temporary file is gone'
    try {
      const done = await this.#intact(left, wanted)
      if (file === undefined && done.size < this.#plan.parts.count) {
        await left.close()
        return 'the temporary file is gone'
      }
      this.#ranges = Object.fromEntries([...done].map(([number, crc64]) => [number, String(crc64)]))
      const bytes = [...done.keys()].reduce((sum, number) => sum + this.#plan.range(number).size, 0)
      this.#job.onEvent?.({ type: 'resumed', parts: done.size, bytes })
      return { file: left, done }
    } catch (error) {
      await left.close()
      throw error
    }
  }

  /** The ranges whose bytes in the file are still what was downloaded. */
  async #intact(
    file: TemporaryFile,
    ranges: readonly (readonly [string, string])[],
  ): Promise<Map<number, bigint>> {
    const done = new Map<number, bigint>()
    for (const [number, crc64] of ranges) {
      if (Number(number) > this.#plan.parts.count) continue
      if ((await this.#crcOf(file, Number(number))) === BigInt(crc64)) done.set(Number(number), BigInt(crc64))
    }
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
    await this.#save()
  }

  #save(): Promise<void> {
    return this.#file.save(() =>
      this.#signed({ ...this.#identity, Temporary: this.#temporary, Ranges: this.#ranges }),
    )
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
    if (!isWhole || state.Temporary !== this.#temporary) return 'the checkpoint is damaged'
    if (this.#mac !== undefined && Mac !== this.#mac(JSON.stringify(state)))
      return 'the checkpoint was altered'
    return undefined
  }

  /** CRC-64 that the stored bytes of a range had, from the plaintext in the file; undefined where it is not there. */
  async #crcOf(file: TemporaryFile, number: number): Promise<bigint | undefined> {
    const { offset, length } = this.#plan.parts.part(number)
    const dataKey = this.#dataKey
    // Where a range cannot be encrypted on its own, it is fetched again.
    if (isMadeInOrder(dataKey)) return undefined
    const crc64 = new Crc64()
    const stretch = dataKey?.stretchEncryptor({ offset, length, size: this.#plan.size }, { sameBytes: true })
    const [start, bytes] = stretch === undefined ? [offset, length] : [stretch.start, stretch.length]
    try {
      for (let at = 0; at < bytes; at += SLICE_BYTES) {
        throwIfAborted(this.#job.signal)
        const slice = Buffer.allocUnsafeSlow(Math.min(SLICE_BYTES, bytes - at))
        if (!(await file.read(slice, start + at))) return undefined
        crc64.update(stretch?.running.update(slice) ?? slice)
      }
      if (stretch !== undefined) crc64.update(stretch.running.final())
    } finally {
      stretch?.running.close()
    }
    return crc64.value
  }
}

function identityOf(job: DownloadJob, head: HeadObjectResult, { parts }: DownloadPlan): DownloadIdentity {
  return {
    Bucket: job.bucket,
    Key: job.key,
    ETag: head.ETag,
    VersionId: head.VersionId ?? '',
    Size: head.ContentLength,
    PartSize: parts.partSize,
    Metadata: createHash('sha256').update(metadataText(head.$metadata.headers)).digest('hex'),
  }
}

/** The pieces of work that the whole census consists of, each small enough to show progress. */
import { KmsMasterKey } from '../../lib/keys/kms-master-key.js'
import { decryptStream } from '../../lib/stream/cipher-stream.js'
import { FEEDS, flipBody, flipHeader } from '../support/bit-flips.js'
import {
  fromText,
  openSealed,
  READERS,
  type ReaderName,
  type SealedObject,
  type SealedObjectText,
} from '../support/sealed-object.js'
import { Tally, type TallyText } from '../support/tally.js'

/** How the embedded server's KMS is reached. */
export interface KmsService {
  readonly keyId: string
  readonly endpoint: string
  readonly credentials: { readonly secretId: string; readonly secretKey: string }
}

/** Every bit of some bytes, or of a header's value, as one recipient reads it. */
export type Job =
  | { readonly kind: 'body'; readonly reader: ReaderName; readonly from: number; readonly to: number }
  | { readonly kind: 'header'; readonly reader: ReaderName; readonly header: string }
  /** The third recipient is the embedded server's KMS, in an object of its own. */
  | { readonly kind: 'service'; readonly header: string }

/** What a worker process needs before its first job. */
export interface Setup {
  readonly object: SealedObjectText
  /** The same plaintext with the KMS as its third recipient. */
  readonly serviceObject: SealedObjectText
  readonly service: KmsService
}

/** Bytes of the body in one job. */
const BODY_STEP = 2048

export function allJobs({ object, serviceObject }: Setup): Job[] {
  const size = Buffer.from(object.stored, 'base64').length
  const starts = Array.from({ length: Math.ceil(size / BODY_STEP) }, (_, n) => n * BODY_STEP)
  return [
    ...READERS.flatMap((reader) =>
      starts.map((from): Job => ({ kind: 'body', reader, from, to: Math.min(size, from + BODY_STEP) })),
    ),
    ...READERS.flatMap((reader) =>
      Object.keys(object.metadata).map((header): Job => ({ kind: 'header', reader, header })),
    ),
    ...Object.keys(serviceObject.metadata).map((header): Job => ({ kind: 'service', header })),
  ]
}

export function kmsMasterKey({ keyId, endpoint, credentials }: KmsService): KmsMasterKey {
  return new KmsMasterKey({ keyId, region: 'local', endpoint, credentials, retry: { attempts: 1 } })
}

/** Does jobs one after the other. */
export class CensusWorker {
  readonly #object: SealedObject
  readonly #serviceObject: SealedObject
  readonly #kms: KmsMasterKey

  constructor({ object, serviceObject, service }: Setup) {
    this.#object = fromText(object)
    this.#serviceObject = fromText(serviceObject)
    this.#kms = kmsMasterKey(service)
  }

  async run(job: Job): Promise<TallyText> {
    const tally = new Tally()
    if (job.kind === 'body') await this.#flipBodies(job, tally)
    else await this.#flipHeaders(job, tally)
    return tally.toJSON()
  }

  async #flipBodies({ reader, from, to }: Extract<Job, { kind: 'body' }>, tally: Tally): Promise<void> {
    const object = this.#object
    const { dataKey } = await openSealed(object.metadata, object.masters[reader])
    for (let offset = from; offset < to; offset++) {
      for (let bit = 0; bit < 8; bit++) {
        // Each bit comes to its three readers in three ways.
        const feed = FEEDS[(offset + bit + READERS.indexOf(reader)) % FEEDS.length]!
        await flipBody(object, () => decryptStream(dataKey), { offset, bit, feed, reader }, tally)
      }
    }
    dataKey.dispose()
  }

  async #flipHeaders(job: Exclude<Job, { kind: 'body' }>, tally: Tally): Promise<void> {
    const isService = job.kind === 'service'
    const object = isService ? this.#serviceObject : this.#object
    const by = isService
      ? { reader: 'kms service', masterKey: this.#kms }
      : { reader: job.reader, masterKey: object.masters[job.reader] }
    const { header } = job
    for (let index = 0; index < object.metadata[header]!.length; index++) {
      for (let bit = 0; bit < 8; bit++) await flipHeader(object, by, { header, index, bit }, tally)
    }
  }

  close(): void {
    this.#kms.close()
  }
}

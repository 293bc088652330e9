/** Downloads that end in the middle and leave a checkpoint. */
import { readFile, stat, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { TransferEvent } from '../../lib/transfer/upload-job.js'
import { failureOf } from './refused.js'
import { type AnyClient, type ClientKind, content, PART, type TransferBench } from './transfers.js'

/** Five ranges, the last of 5 bytes. */
export const FIVE_RANGES = content(4 * PART + 5, 3)

/** Three ranges, the last of 5 bytes: for what does not depend on how many are missing. */
export const THREE_RANGES = content(2 * PART + 5, 3)

/** What the next call told. */
export interface Resumption {
  readonly events: TransferEvent[]
  /** Ranged requests it made. */
  readonly gets: number
  readonly bytes: Buffer
}

export class InterruptedDownload {
  readonly #bench: TransferBench
  readonly #kind: ClientKind
  readonly #object: Buffer

  constructor(bench: TransferBench, kind: ClientKind, object = FIVE_RANGES) {
    this.#bench = bench
    this.#kind = kind
    this.#object = object
  }

  get params(): { Key: string; DestFilePath: string; PartSize: number; checkpoint: true } {
    return { Key: 'k', DestFilePath: this.#bench.path('f'), PartSize: PART, checkpoint: true }
  }

  /** Path of the hidden file with the bytes. */
  temporary(): Promise<string> {
    return this.#only('.part')
  }

  /** Path of the hidden file with the state. */
  checkpoint(): Promise<string> {
    return this.#only('.download')
  }

  /** Stores the object, and fetches the first `done` of its ranges. */
  async start(done = 2, client: AnyClient = this.#bench.client(this.#kind)): Promise<void> {
    await client.putObject({ Key: 'k', Body: this.#object })
    await this.interrupt(done, client)
  }

  async interrupt(done = 2, client: AnyClient = this.#bench.client(this.#kind)): Promise<void> {
    const { faults } = this.#bench.server
    faults.clear()
    faults.add({ kind: 'conflict', operation: 'getObject', call: done + 1 })
    const failure = await failureOf(() => client.downloadFile({ ...this.params, Concurrency: 1 }))
    expect(failure.code).to.equal('SEALSTREAM_SERVICE')
    faults.clear()
    await this.expectHidden()
  }

  /** Both hidden files are there and nobody else can read them. */
  async expectHidden(): Promise<void> {
    for (const path of [await this.temporary(), await this.checkpoint()]) {
      expect((await stat(path)).mode & 0o777, path).to.equal(0o600)
    }
  }

  /** Goes on, to the end; nothing hidden may be left. */
  async resume(more: object = {}, client: AnyClient = this.#bench.client(this.#kind)): Promise<Resumption> {
    const events: TransferEvent[] = []
    const before = this.#bench.count('getObject', 206)
    const onEvent = (event: TransferEvent): void => void events.push(event)
    await client.downloadFile({ ...this.params, Concurrency: 1, onEvent, ...more })
    // The event of the last answer may come a moment later than the answer: something else has to be answered first.
    await client.headObject({ Key: 'k' })
    expect(await this.#bench.names()).to.deep.equal(['f'])
    const bytes = await readFile(this.#bench.path('f'))
    return { events, gets: this.#bench.count('getObject', 206) - before, bytes }
  }

  /** Rewrites the checkpoint. */
  async edit(change: (state: Record<string, unknown>) => unknown): Promise<void> {
    const path = await this.checkpoint()
    const state = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
    await writeFile(path, JSON.stringify(change(state) ?? state))
  }

  async #only(suffix: string): Promise<string> {
    const names = (await this.#bench.hidden()).filter((name) => name.endsWith(suffix))
    expect(names, suffix).to.have.lengthOf(1)
    return this.#bench.path(names[0]!)
  }
}

/** Messages that are hashed side by side: each waits for the others, so that their MD5s are computed together. */
import { createHash } from 'node:crypto'
import { deferred, type Deferred } from '../internal/deferred.js'
import { Md5Lanes, type Md5Slot } from './md5-lanes.js'

/** An MD5 under way. One call at a time; `close` may come at any time. */
export interface RunningMd5 {
  /** Takes in bytes. They are the caller's again when it resolves. */
  update(bytes: Uint8Array): Promise<void> | undefined
  /** Lower-case hex. Call it once. */
  digest(): Promise<string> | string
  /** Ends it, whether it is done or not: nobody waits for it any longer, and what still waits fails. Call it always. */
  close(): void
}

/** Fewer than so many messages are quicker one by one, by the processor's own instructions. */
const LEAST_LANES = 3
/** Nobody waits longer for the next one to come: its source may be slow. Milliseconds. */
const MOST_WAIT = 2

interface Waiting {
  readonly slot: Md5Slot
  readonly turn: Deferred<void>
}

/** Those who hash side by side in one thread. */
class Md5Group {
  readonly #lanes: Md5Lanes
  #waiting: Waiting[] = []
  #members = 0
  #timer: NodeJS.Timeout | undefined

  constructor(lanes: Md5Lanes) {
    this.#lanes = lanes
  }

  /** @returns Undefined where there is no room for one more. */
  open(): RunningMd5 | undefined {
    const slot = this.#lanes.open()
    if (slot === undefined) return undefined
    this.#members += 1
    return new Member(slot, this)
  }

  /** Resolves when the bytes in the slot are taken in. */
  take(slot: Md5Slot): Promise<void> {
    const turn: Deferred<void> = deferred()
    this.#waiting.push({ slot, turn })
    // Anew each time: where one thread encrypts for all, they come one after another.
    this.#timer = this.#timer?.refresh() ?? setTimeout(() => this.#run(), MOST_WAIT)
    this.#runIfAll()
    return turn.promise
  }

  digest(slot: Md5Slot): string {
    return this.#lanes.digest(slot)
  }

  close(slot: Md5Slot): void {
    const waiting = this.#waiting.filter((each) => each.slot === slot)
    this.#waiting = this.#waiting.filter((each) => each.slot !== slot)
    for (const { turn } of waiting) turn.resolve()
    this.#lanes.close(slot)
    this.#members -= 1
    this.#runIfAll()
  }

  #runIfAll(): void {
    if (this.#waiting.length === this.#members) this.#run()
  }

  #run(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const waiting = this.#waiting
    this.#waiting = []
    this.#lanes.run(waiting.map(({ slot }) => slot))
    for (const { turn } of waiting) turn.resolve()
  }
}

class Member implements RunningMd5 {
  readonly #slot: Md5Slot
  readonly #group: Md5Group
  #isClosed = false

  constructor(slot: Md5Slot, group: Md5Group) {
    this.#slot = slot
    this.#group = group
  }

  async update(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      this.#assertOpen()
      at += this.#slot.put(bytes.subarray(at))
      if (this.#slot.isFull) await this.#group.take(this.#slot)
    }
  }

  async digest(): Promise<string> {
    this.#assertOpen()
    if (this.#slot.blocks > 0) await this.#group.take(this.#slot)
    this.#assertOpen()
    return this.#group.digest(this.#slot)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#group.close(this.#slot)
  }

  /** Once closed, the slot is another message's. */
  #assertOpen(): void {
    if (this.#isClosed) throw new Error('this MD5 was closed')
  }
}

class NativeMd5 implements RunningMd5 {
  readonly #hash = createHash('md5')

  update(bytes: Uint8Array): undefined {
    this.#hash.update(bytes)
  }

  digest(): string {
    return this.#hash.digest('hex')
  }

  close(): void {
    // Nobody waits for it.
  }
}

let group: Md5Group | null | undefined

/** The group of this thread, made on first use; undefined where kernels cannot run. */
function md5Group(): Md5Group | undefined {
  if (group === undefined) {
    const lanes = Md5Lanes.load()
    group = lanes === undefined ? null : new Md5Group(lanes)
  }
  return group ?? undefined
}

/**
 * Begins an MD5 that others of this thread may be computed along with.
 *
 * @param peers - How many messages will be under way at the same time, this one included.
 */
export function openMd5(peers: number): RunningMd5 {
  if (peers < LEAST_LANES) return new NativeMd5()
  return md5Group()?.open() ?? new NativeMd5()
}

/**
 * Compiles the kernels on this thread, and keeps them: threads that come and go share that code, and what V8 optimised of it.
 *
 * @param peers - As for {@link openMd5}, of those threads.
 */
export function prepareMd5(peers: number): void {
  if (peers >= LEAST_LANES) md5Group()
}

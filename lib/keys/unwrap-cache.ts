/** Unwrapped keys for a while, so that reading many ranges of one object does not ask the key service each time (RULES 5.4). */
import { createHash } from 'node:crypto'
import { assertInteger, assertKnown } from '../internal/assert.js'
import { MOST_TIMER_MS } from '../internal/backoff.js'
import { wipe } from '../internal/bytes.js'

/** How much is kept, and for how long. */
export interface UnwrapCacheOptions {
  /** Milliseconds after which a key is forgotten. Default 5 minutes. */
  ttl?: number
  /** Times that a key is given out. Default 1,000. */
  uses?: number
  /** Keys that are kept; the oldest go first. Default 1,000. */
  entries?: number
}

interface Entry {
  readonly bytes: Buffer
  readonly timer: NodeJS.Timeout
  left: number
}

/** Only unwrapping is cached: a data key is never used for two objects. Keys are wiped when they are forgotten. */
export class UnwrapCache {
  readonly #entries = new Map<string, Entry>()
  readonly #asking = new Map<string, Promise<Buffer | undefined>>()
  #generation = 0
  readonly #ttl: number
  readonly #uses: number
  readonly #most: number

  /** @throws {@link OptionError} `cache...` */
  constructor(options: UnwrapCacheOptions) {
    assertKnown(options, 'cache', ['ttl', 'uses', 'entries'])
    const { ttl = 5 * 60_000, uses = 1000, entries = 1000 } = options
    assertInteger(ttl, 'cache.ttl', 1, MOST_TIMER_MS)
    assertInteger(uses, 'cache.uses', 1)
    assertInteger(entries, 'cache.entries', 1)
    this.#ttl = ttl
    this.#uses = uses
    this.#most = entries
  }

  /** How many keys are kept now. */
  get size(): number {
    return this.#entries.size
  }

  /**
   * A copy of the key that `unwrap` gave for these texts before, or what it gives now.
   *
   * @param texts - All that the result hangs on.
   */
  async get(
    texts: readonly string[],
    unwrap: () => Promise<Buffer | undefined>,
  ): Promise<Buffer | undefined> {
    const id = createHash('sha256').update(JSON.stringify(texts)).digest('base64')
    const known = this.#entries.get(id)
    if (known !== undefined) {
      const copy = Buffer.from(known.bytes)
      known.left -= 1
      if (known.left === 0) this.#forget(id)
      return copy
    }
    const generation = this.#generation
    // Whoever asks for the same at the same moment waits for one answer.
    const asking = this.#asking.get(id) ?? unwrap().finally(() => this.#asking.delete(id))
    this.#asking.set(id, asking)
    const bytes = await asking
    if (bytes === undefined) return undefined
    if (this.#uses > 1 && generation === this.#generation && !this.#entries.has(id))
      this.#keep(id, Buffer.from(bytes))
    // Each has its own, to be wiped.
    return Buffer.from(bytes)
  }

  /** Forgets all. */
  clear(): void {
    this.#generation += 1
    for (const id of [...this.#entries.keys()]) this.#forget(id)
  }

  #keep(id: string, bytes: Buffer): void {
    this.#forget(id)
    const [oldest] = this.#entries.keys()
    if (this.#entries.size >= this.#most && oldest !== undefined) this.#forget(oldest)
    // A timer must not keep a process alive.
    const timer = setTimeout(() => this.#forget(id), this.#ttl).unref()
    this.#entries.set(id, { bytes, timer, left: this.#uses - 1 })
  }

  #forget(id: string): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    clearTimeout(entry.timer)
    wipe(entry.bytes)
    this.#entries.delete(id)
  }
}

/** Things that cost much to make: whoever is done with one leaves it here for the next, and after a while it goes. */

/** How long a thing is kept that nobody takes, in milliseconds. That does not keep the process alive. */
const KEPT_MS = 5_000

export class Kept<Thing> {
  readonly #timers = new Map<Thing, NodeJS.Timeout>()
  readonly #drop: (thing: Thing) => void
  readonly #keptMs: number

  /** @param drop - Called with what goes. */
  constructor(drop: (thing: Thing) => void, keptMs = KEPT_MS) {
    this.#drop = drop
    this.#keptMs = keptMs
  }

  /** The last that was left of those that fit, so that what nobody needs goes; it is the caller's until it is left here again. */
  take(fits: (thing: Thing) => boolean = () => true): Thing | undefined {
    const found = [...this.#timers.keys()].reverse().find(fits)
    if (found !== undefined) this.forget(found)
    return found
  }

  get size(): number {
    return this.#timers.size
  }

  leave(thing: Thing): void {
    this.#timers.set(thing, setTimeout(() => this.#let(thing), this.#keptMs).unref())
  }

  /** Drops all at once. */
  clear(): void {
    for (const thing of [...this.#timers.keys()]) this.#let(thing)
  }

  #let(thing: Thing): void {
    this.forget(thing)
    this.#drop(thing)
  }

  /** It is no longer here, if it was. */
  forget(thing: Thing): void {
    clearTimeout(this.#timers.get(thing))
    this.#timers.delete(thing)
  }
}

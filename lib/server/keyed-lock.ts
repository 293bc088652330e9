/** Runs jobs with the same key one after another, jobs with different keys side by side. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<unknown>>()

  /** @returns What `job` returns; its failure does not stop the jobs behind it. */
  async run<Result>(key: string, job: () => Promise<Result>): Promise<Result> {
    const before = this.#tails.get(key) ?? Promise.resolve()
    const mine = before.then(job, job)
    const tail = mine.catch(() => undefined)
    this.#tails.set(key, tail)
    try {
      return await mine
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key)
    }
  }
}

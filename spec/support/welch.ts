/** Comparing durations of two kinds of calls: Welch's t, on data without its upper tail. */

/** Durations of each of several classes, taken in turns. */
export type Samples = readonly Float64Array[]

/** Mean and spread of what was kept of a class. */
export interface Spread {
  readonly count: number
  readonly mean: number
  readonly variance: number
}

/** The duration that a share of all samples, whichever their class, does not exceed. */
export function quantile(samples: Samples, share: number): number {
  const all = new Float64Array(samples.reduce((sum, { length }) => sum + length, 0))
  let filled = 0
  for (const each of samples) {
    all.set(each, filled)
    filled += each.length
  }
  all.sort()
  return all[Math.min(all.length - 1, Math.floor(all.length * share))]!
}

/** @param most - Longer samples are dropped: one limit for all classes, so that it favours none. */
export function spreadOf(samples: Float64Array, most: number): Spread {
  const kept = samples.filter((sample) => sample <= most)
  const mean = kept.reduce((sum, sample) => sum + sample, 0) / kept.length
  const squares = kept.reduce((sum, sample) => sum + (sample - mean) ** 2, 0)
  return { count: kept.length, mean, variance: squares / (kept.length - 1) }
}

/** Welch's t. Between samples of one distribution it is within 4.5 but for seven times in a million. */
export function welch(a: Spread, b: Spread): number {
  return (a.mean - b.mean) / Math.sqrt(a.variance / a.count + b.variance / b.count)
}

/** The t of a class with itself: of its samples with even numbers and those with odd ones. */
export function selfWelch(samples: Float64Array, most: number): number {
  const half = (odd: number): Spread =>
    spreadOf(
      samples.filter((_, index) => index % 2 === odd),
      most,
    )
  return welch(half(0), half(1))
}

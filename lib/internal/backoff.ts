/** How long to wait before trying again. Pure, but for {@link wait}. */
import { setTimeout as delay } from 'node:timers/promises'
import { abortedStream } from './abort.js'

/** Node's timers take a longer wait for none at all. */
export const MOST_TIMER_MS = 2 ** 31 - 1

/** Bounds of a wait, in milliseconds. */
export interface Backoff {
  /** The first wait is at most this; every further one at most twice the one before. */
  readonly baseDelay: number
  /** No wait is longer. */
  readonly maxDelay: number
}

/**
 * A random wait between nothing and an exponentially growing bound ("full jitter"): clients that failed together do not
 * come back together.
 *
 * @param retry - 1 for the first.
 * @param random - From 0 up to, not including, 1.
 */
export function backoffDelay(retry: number, { baseDelay, maxDelay }: Backoff, random: () => number): number {
  return random() * Math.min(maxDelay, baseDelay * 2 ** (retry - 1))
}

/** @throws SealstreamError `SEALSTREAM_ABORTED` as soon as the signal is aborted. */
export async function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(milliseconds, undefined, signal === undefined ? {} : { signal })
  } catch {
    throw abortedStream(signal?.reason)
  }
}

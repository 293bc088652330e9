/** Doing a request again: when, how often, and how long to wait (DESIGN 6, RULES 9.3). */
import { OptionError } from '../errors.js'
import { assertInteger, assertKnown } from '../internal/assert.js'
import { backoffDelay, MOST_TIMER_MS, wait } from '../internal/backoff.js'
import { judge, type Judgement } from './retry-judgement.js'

/** How failed requests are tried again. */
export interface RetryOptions {
  /** Attempts of one request, the first included: 1 never tries again. Default 5. */
  attempts?: number | undefined
  /** Milliseconds: the first wait is random up to this, each further one up to twice the one before. Default 100. */
  baseDelay?: number | undefined
  /** Milliseconds: longest wait that is not the service's own wish. Default 20,000. */
  maxDelay?: number | undefined
  /**
   * Retries that the client may have spent without success in between. Each one costs 1, each success gives 0.5 back, so
   * that a service in trouble is not met by a multiple of the usual requests. Default 100.
   */
  budget?: number | undefined
}

/** A retry that is about to happen. */
export interface RetryEvent {
  readonly operation: string
  /** The attempt that failed, from 1. */
  readonly attempt: number
  /** What it failed with. */
  readonly error: Error
  /** Milliseconds until the next one. */
  readonly delay: number
}

/** What a caller says about a request that may be repeated. */
export interface Repeatable {
  readonly operation: string
  readonly signal?: AbortSignal | undefined
  /**
   * `always`: repeating is harmless. `refused`: only where the service surely did nothing. `never`: the body is gone.
   */
  readonly repeat: 'always' | 'refused' | 'never'
  /** Called when it is open whether the service did it. */
  readonly onUncertain?: ((error: Error) => void) | undefined
}

/** The service may ask for a pause; beyond this the caller had better know. */
const MOST_RETRY_AFTER_MS = 5 * 60_000

const REFUND = 0.5

/** Runs attempts under one client's options and budget. */
export class Retrier {
  readonly #attempts: number
  readonly #backoff: { baseDelay: number; maxDelay: number }
  readonly #budget: number
  readonly #onRetry: ((event: RetryEvent) => void) | undefined
  #left: number

  /** @throws {@link OptionError} on a malformed option. */
  constructor(options: RetryOptions = {}, onRetry?: (event: RetryEvent) => void) {
    assertKnown(options, 'retry', ['attempts', 'baseDelay', 'maxDelay', 'budget'], {
      limit: 'write attempts, which counts the first one too',
      maxAttempts: 'write attempts',
    })
    const { attempts = 5, baseDelay = 100, maxDelay = 20_000, budget = 100 } = options
    assertInteger(attempts, 'retry.attempts', 1, 100)
    assertInteger(baseDelay, 'retry.baseDelay', 0, MOST_TIMER_MS)
    assertInteger(maxDelay, 'retry.maxDelay', 0, MOST_TIMER_MS)
    assertInteger(budget, 'retry.budget', 0)
    if (onRetry !== undefined && typeof onRetry !== 'function') {
      throw new OptionError('onRetry', 'must be a function', { value: onRetry })
    }
    this.#attempts = attempts
    this.#backoff = { baseDelay, maxDelay }
    this.#budget = this.#left = budget
    this.#onRetry = onRetry
  }

  /**
   * What `attempt` gives, after as many attempts as it takes and the options allow.
   *
   * @throws What the last attempt failed with; SealstreamError `SEALSTREAM_ABORTED` while waiting for the next.
   */
  async run<Result>(request: Repeatable, attempt: (number: number) => Promise<Result>): Promise<Result> {
    for (let number = 1; ; number++) {
      try {
        const result = await attempt(number)
        // What cannot be repeated is somebody else's attempt, who gets the refund.
        if (request.repeat !== 'never') this.#left = Math.min(this.#budget, this.#left + REFUND)
        return result
      } catch (error) {
        const verdict = judge(error)
        if (verdict.isUncertain) request.onUncertain?.(error as Error)
        const delay = this.#delayBefore(number, request, verdict)
        if (delay === undefined || request.signal?.aborted === true) throw error
        this.#onRetry?.({ operation: request.operation, attempt: number, error: error as Error, delay })
        await wait(delay, request.signal)
      }
    }
  }

  /** Milliseconds before the next attempt; undefined when there is none. */
  #delayBefore(failed: number, { repeat }: Repeatable, verdict: Judgement): number | undefined {
    if (repeat === 'never' || !verdict.isPassing || (repeat === 'refused' && verdict.isUncertain))
      return undefined
    if (failed >= this.#attempts || this.#left < 1) return undefined
    const { retryAfter = 0 } = verdict
    if (retryAfter > MOST_RETRY_AFTER_MS) return undefined
    this.#left -= 1
    return Math.max(retryAfter, backoffDelay(failed, this.#backoff, Math.random))
  }
}

/** Waiting for what must come to be: what the other side of a connection, or what goes on behind a call, does in its own time. */
import { setTimeout as delay } from 'node:timers/promises'
import { AssertionError } from 'chai'

/** Enough for the slowest machine: only a test that fails waits this long. */
const MOST_MS = 20_000

/** `false`, or a chai assertion that fails: not yet. */
type Check = () => boolean | Chai.Assertion | Promise<boolean | Chai.Assertion>

/**
 * Asks until it is so. Give it an assertion where there is something to show: its failure says what was there instead.
 *
 * @throws AssertionError when it is not so after `mostMs` milliseconds; at once what is no assertion.
 */
export async function eventually(check: Check, mostMs = MOST_MS): Promise<void> {
  const end = performance.now() + mostMs
  for (;;) {
    const failure = await failureOf(check)
    if (failure === undefined) return
    if (performance.now() > end) {
      failure.message = `not within ${mostMs} ms: ${failure.message}`
      throw failure
    }
    await delay(5)
  }
}

async function failureOf(check: Check): Promise<InstanceType<typeof AssertionError> | undefined> {
  try {
    return (await check()) === false ? new AssertionError(String(check)) : undefined
  } catch (error) {
    if (error instanceof AssertionError) return error
    throw error
  }
}

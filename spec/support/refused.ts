/** Expecting a call to be refused. */
import { inspect } from 'node:util'
import { expect } from 'chai'
import { SealstreamError, type ErrorCode } from '../../lib/errors.js'

/**
 * Runs something that must throw (or reject) with this code.
 *
 * @returns The error, for a closer look.
 */
export async function refused(code: ErrorCode, run: () => unknown): Promise<SealstreamError> {
  const error = await failureOf(run)
  expect(error.code, `${error.name}: ${error.message}`).to.equal(code)
  return error
}

/** Runs something that must throw (or reject) with an error of this package, whichever it is. */
export async function failureOf(run: () => unknown): Promise<SealstreamError> {
  let outcome: unknown
  try {
    outcome = await run()
  } catch (error) {
    if (error instanceof SealstreamError) return error
    return expect.fail(`expected an error of this package, got ${inspect(error)}`)
  }
  return expect.fail(`expected a refusal, got ${inspect(outcome, { maxStringLength: 60 })}`)
}

/** An error as the class it must be an instance of. */
import { expect } from 'chai'

export function ofClass<Specific>(
  error: unknown,
  constructor: abstract new (...parameters: never[]) => Specific,
): Specific {
  if (error instanceof constructor) return error
  return expect.fail(`expected a ${constructor.name}, got ${String(error)}`)
}

/** Which formats a reader accepts (RULES 4.1). */
import { FORMAT_NAMES, FORMATS, type Format } from '../crypto/format.js'
import { EnvelopeError, OptionError } from '../errors.js'
import { assertOneOf } from '../internal/assert.js'

/** `authenticated`: only formats that prove their content. `any`: all. Or a list of formats. */
export type Policy = 'authenticated' | 'any' | readonly Format[]

/** @throws OptionError naming what is wrong with `policy`. */
export function assertPolicy(policy: unknown): asserts policy is Policy {
  if (policy === 'authenticated' || policy === 'any') return
  if (!Array.isArray(policy) || policy.length === 0) {
    throw new OptionError('policy', "must be 'authenticated', 'any' or a list of formats", { value: policy })
  }
  for (const [index, format] of policy.entries()) assertOneOf(format, `policy[${index}]`, FORMAT_NAMES)
}

/** @throws EnvelopeError `SEALSTREAM_POLICY` naming the format found and the option that refuses it. */
export function enforcePolicy(policy: Policy, format: Format): void {
  if (policy === 'any') return
  if (policy === 'authenticated' ? FORMATS[format].authenticated : policy.includes(format)) return
  const accepted = policy === 'authenticated' ? 'authenticated formats' : policy.join(', ')
  throw new EnvelopeError(
    'SEALSTREAM_POLICY',
    `the object's format is ${format}; option policy accepts ${accepted}`,
    { hint: `to read it all the same: policy: ['${format}'] (--policy ${format})` },
  )
}

/** Canned access rules of objects. They are kept and shown; the one key pair remains the only access there is. */
import { Refusal } from './refusal.js'
import { type CosRequest, headerValue } from './request.js'

/** What COS takes for objects. */
const CANNED = [
  'default',
  'private',
  'public-read',
  'authenticated-read',
  'bucket-owner-read',
  'bucket-owner-full-control',
] as const

/** A canned access rule. */
export type CannedAcl = (typeof CANNED)[number]

/**
 * Reads `x-cos-acl`; undefined when absent.
 *
 * @throws `InvalidArgument`
 */
export function aclOf(request: CosRequest): CannedAcl | undefined {
  const given = headerValue(request, 'x-cos-acl')
  const acl = CANNED.find((name) => name === given)
  if (given !== undefined && acl === undefined) {
    throw new Refusal('InvalidArgument', `x-cos-acl must be one of ${CANNED.join(', ')}.`)
  }
  return acl
}

/** How fast the service lets one request go. */
import { assertInteger } from '../internal/assert.js'

/** For requests with a body in either direction. */
export interface TrafficLimitParams {
  /** Bits per second, 819,200 to 838,860,800 (100 KB/s to 100 MB/s). Of each request, so of each part. */
  TrafficLimit?: number
}

/** The header of {@link TrafficLimitParams}. @throws OptionError out of range. */
export function trafficLimitHeader({ TrafficLimit: limit }: TrafficLimitParams): Record<string, string> {
  if (limit === undefined) return {}
  assertInteger(limit, 'TrafficLimit', 819_200, 838_860_800)
  return { 'x-cos-traffic-limit': String(limit) }
}

/** The speed limit of a transfer: checked, not kept to. A local server that dawdles would only slow its tests down. */
import { Refusal } from './refusal.js'
import { type CosRequest, headerValue, queryValue } from './request.js'

/** Bits per second: 100 KB/s to 100 MB/s. */
const LEAST = 819_200
const MOST = 838_860_800

/**
 * Checks `x-cos-traffic-limit`, a header or, for presigned URLs, a query parameter.
 *
 * @throws `InvalidArgument` for anything but an integer within COS's bounds.
 */
export function assertTrafficLimit(request: CosRequest): void {
  const name = 'x-cos-traffic-limit'
  for (const text of [headerValue(request, name), queryValue(request, name)]) {
    if (text === undefined) continue
    const limit = /^[0-9]{1,10}$/.test(text) ? Number(text) : -1
    if (limit >= LEAST && limit <= MOST) continue
    throw new Refusal(
      'InvalidArgument',
      `${name} must be an integer from ${LEAST} to ${MOST}, bits per second.`,
    )
  }
}

import { isArchived, isRestored } from '../archive.js'
import { readDocument } from '../document-body.js'
import { assertReadable } from '../encryption-access.js'
import { findVersion, versionHeaders, versionOf } from '../find-version.js'
import type { Handler } from '../handler.js'
import { storageClassOf } from '../metadata.js'
import { Refusal } from '../refusal.js'
import { children, childText, readXml } from '../xml-body.js'

const TIERS = ['Expedited', 'Standard', 'Bulk']
const MAX_DAYS = 365
const DAY_MS = 24 * 60 * 60 * 1000

/** POST Object restore. What takes COS minutes to days is done at once here. Again, it gives the copy a new expiry. */
export const restoreObject: Handler = async ({ request, body, objects, now }) => {
  const { bucket } = request
  const { days, tier } = await readRestoreRequest(await readDocument(body))
  const record = await findVersion(objects, request, versionOf(request))
  assertReadable(record.encryption, request)
  if (!isArchived(record)) throw new Refusal('InvalidObjectState', 'The object is not archived.')
  if (tier === 'Expedited' && storageClassOf(record.headers) === 'DEEP_ARCHIVE') {
    throw new Refusal('InvalidArgument', 'DEEP_ARCHIVE is restored by Tier Standard or Bulk.')
  }
  const time = now()
  // Dates in headers have whole seconds.
  await objects.setRestored(bucket, record, Math.floor(time / 1000) * 1000 + days * DAY_MS)
  return { status: isRestored(record, time) ? 200 : 202, headers: versionHeaders(record) }
}

/** @throws `MalformedXML` without Days, `InvalidArgument` for a number of days or a tier that COS has not. */
async function readRestoreRequest(bytes: Buffer): Promise<{ days: number; tier: string }> {
  const tree = await readXml(bytes, 'RestoreRequest')
  const days = childText(tree, 'Days')
  if (days === undefined) throw new Refusal('MalformedXML', 'RestoreRequest needs Days.')
  if (!/^[0-9]{1,3}$/.test(days) || Number(days) < 1 || Number(days) > MAX_DAYS) {
    throw new Refusal('InvalidArgument', `Days must be an integer from 1 to ${MAX_DAYS}.`)
  }
  const [parameters] = children(tree, 'CASJobParameters')
  const tier = (parameters === undefined ? undefined : childText(parameters, 'Tier')) ?? 'Standard'
  if (!TIERS.includes(tier)) throw new Refusal('InvalidArgument', `Tier must be one of ${TIERS.join(', ')}.`)
  return { days: Number(days), tier }
}

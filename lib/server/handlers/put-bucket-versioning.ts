import { readDocument } from '../document-body.js'
import type { Handler } from '../handler.js'
import { Refusal } from '../refusal.js'
import { childText, readXml } from '../xml-body.js'

/** PUT Bucket versioning. Once enabled it can only be suspended. */
export const putBucketVersioning: Handler = async ({ request, body, objects }) => {
  const tree = await readXml(await readDocument(body), 'VersioningConfiguration')
  const status = childText(tree, 'Status')
  if (status !== 'Enabled' && status !== 'Suspended') {
    throw new Refusal('MalformedXML', 'Status must be Enabled or Suspended.')
  }
  await objects.setVersioning(request.bucket, status)
  return { status: 200 }
}

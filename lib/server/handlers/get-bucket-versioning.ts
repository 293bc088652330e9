import { xmlAnswer } from '../answer.js'
import type { Handler } from '../handler.js'

/** GET Bucket versioning. No Status where it was never set. */
export const getBucketVersioning: Handler = async ({ request, objects }) => {
  const status = await objects.versioning(request.bucket)
  return xmlAnswer(['VersioningConfiguration', status === undefined ? [] : [['Status', status]]])
}

import type { Handler } from '../handler.js'

/** DELETE Object. 204 also where there was none. */
export const deleteObject: Handler = async ({ request, objects }) => {
  await objects.remove(request.bucket, request.key)
  return { status: 204 }
}

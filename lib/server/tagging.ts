/** Tags of objects. */
import { Refusal } from './refusal.js'
import { type CosRequest, headerValue } from './request.js'
import { parseQuery } from './uri.js'

/** One tag. Stored as JSON. */
export interface Tag {
  readonly key: string
  readonly value: string
}

const MAX_TAGS = 10
const MAX_KEY = 128
const MAX_VALUE = 256

/**
 * Reads `x-cos-tagging`, `k=v&k2=v2` in URL encoding.
 *
 * @throws `InvalidArgument` for more than 10 tags, an empty or repeated key, or one that is too long.
 */
export function tagsOf(request: CosRequest): readonly Tag[] {
  const tags = parseQuery(headerValue(request, 'x-cos-tagging') ?? '').map(([key, value]) => ({ key, value }))
  if (tags.length > MAX_TAGS) throw new Refusal('InvalidArgument', `An object has at most ${MAX_TAGS} tags.`)
  if (new Set(tags.map(({ key }) => key)).size < tags.length) {
    throw new Refusal('InvalidArgument', 'x-cos-tagging repeats a key.')
  }
  if (tags.some(({ key, value }) => key === '' || key.length > MAX_KEY || value.length > MAX_VALUE)) {
    throw new Refusal(
      'InvalidArgument',
      `A tag has a key of 1 to ${MAX_KEY} characters and a value of up to ${MAX_VALUE}.`,
    )
  }
  return tags
}

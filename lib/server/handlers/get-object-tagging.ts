import { xmlAnswer } from '../answer.js'
import { findVersion, versionHeaders, versionOf } from '../find-version.js'
import type { Handler } from '../handler.js'
import type { XmlElement } from '../xml.js'

/** GET Object tagging. */
export const getObjectTagging: Handler = async ({ request, objects }) => {
  const record = await findVersion(objects, request, versionOf(request))
  const tags = (record.tags ?? []).map(({ key, value }): XmlElement => [
    'Tag',
    [
      ['Key', key],
      ['Value', value],
    ],
  ])
  return xmlAnswer(['Tagging', [['TagSet', tags]]], versionHeaders(record))
}

import { xmlAnswer } from '../answer.js'
import { readDeleteList } from '../delete-list.js'
import { type Deletion, deleteVersion } from '../delete-version.js'
import { readDocument } from '../document-body.js'
import type { Handler } from '../handler.js'
import { versionName } from '../object-record.js'
import { Refusal } from '../refusal.js'
import type { XmlElement } from '../xml.js'

/** Delete Multiple Objects, one after another. What cannot be deleted is told beside what was. */
export const deleteObjects: Handler = async ({ request, body, objects, now }) => {
  // A damaged list would delete other objects than were meant.
  if (body.contentMd5 === undefined) {
    throw new Refusal('InvalidRequest', 'Missing required header for this request: Content-MD5')
  }
  const { quiet, items } = await readDeleteList(await readDocument(body))
  const results: XmlElement[] = []
  for (const { key, version } of items) {
    try {
      const deletion = await deleteVersion(objects, { bucket: request.bucket, key }, version, now())
      if (!quiet) results.push(deletedElement(key, version, deletion))
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      results.push(errorElement(key, version, error))
    }
  }
  return xmlAnswer(['DeleteResult', results])
}

function deletedElement(key: string, version: string | undefined, { marker }: Deletion): XmlElement {
  const aboutMarker: XmlElement[] =
    marker === undefined
      ? []
      : [
          ['DeleteMarker', true],
          ['DeleteMarkerVersionId', versionName(marker)],
        ]
  return ['Deleted', [['Key', key], ...versionElements(version), ...aboutMarker]]
}

function errorElement(key: string, version: string | undefined, { code, message }: Refusal): XmlElement {
  return ['Error', [['Key', key], ...versionElements(version), ['Code', code], ['Message', message]]]
}

function versionElements(version: string | undefined): XmlElement[] {
  return version === undefined ? [] : [['VersionId', version]]
}

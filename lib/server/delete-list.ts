/** The document of Delete Multiple Objects. */
import { Refusal } from './refusal.js'
import { children, childText, exactChildText, readXml } from './xml-body.js'

const MAX_KEYS = 1000

/** What to delete. */
export interface DeleteList {
  /** Answer only with what failed. */
  readonly quiet: boolean
  readonly items: readonly { readonly key: string; readonly version: string | undefined }[]
}

/**
 * Reads a `Delete` document.
 *
 * @returns At least one item.
 * @throws `MalformedXML`, also for more than 1000 objects.
 */
export async function readDeleteList(bytes: Buffer): Promise<DeleteList> {
  const tree = await readXml(bytes, 'Delete')
  const items = children(tree, 'Object').map((object) => {
    const key = exactChildText(object, 'Key') ?? ''
    if (key === '') throw new Refusal('MalformedXML', 'Every Object needs a Key.')
    const version = childText(object, 'VersionId') ?? ''
    return { key, version: version === '' ? undefined : version }
  })
  if (items.length === 0 || items.length > MAX_KEYS) {
    throw new Refusal('MalformedXML', `The document must list 1 to ${MAX_KEYS} objects.`)
  }
  return { quiet: childText(tree, 'Quiet')?.toLowerCase() === 'true', items }
}

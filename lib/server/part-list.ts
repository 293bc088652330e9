/** The document of Complete Multipart Upload. */
import { Refusal } from './refusal.js'
import { children, childText, readXml, type XmlTree } from './xml-body.js'

/** A part as the client lists it. */
export interface ListedPart {
  readonly number: number
  /** Without quotes, lower case. */
  readonly etag: string
}

/**
 * Reads a `CompleteMultipartUpload` document.
 *
 * @returns At least one part, numbers ascending.
 * @throws `MalformedXML`, `InvalidPartOrder`
 */
export async function readPartList(bytes: Buffer): Promise<ListedPart[]> {
  const parts = children(await readXml(bytes, 'CompleteMultipartUpload'), 'Part').map(readPart)
  if (parts.length === 0) throw new Refusal('MalformedXML', 'The document lists no part.')
  let before = 0
  for (const { number } of parts) {
    if (number <= before) throw new Refusal('InvalidPartOrder')
    before = number
  }
  return parts
}

function readPart(tree: XmlTree | string): ListedPart {
  const number = childText(tree, 'PartNumber') ?? ''
  const etag = childText(tree, 'ETag') ?? ''
  if (!/^[0-9]{1,5}$/.test(number) || etag === '') {
    throw new Refusal('MalformedXML', 'Every Part needs a PartNumber and an ETag.')
  }
  return { number: Number(number), etag: etag.replace(/^"(.*)"$/, '$1').toLowerCase() }
}

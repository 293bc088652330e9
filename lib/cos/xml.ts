/** The service's XML, through xml2js: the only place with its settings. */
import { Builder, parseStringPromise, processors } from 'xml2js'
import { SealstreamError } from '../errors.js'

/** An element: text, or named children. Single children are not marked as lists; {@link list} makes them one. */
export type XmlNode = string | { readonly [name: string]: XmlNode | readonly XmlNode[] | undefined }

const READ_SETTINGS = {
  explicitArray: false,
  ignoreAttrs: true,
  emptyTag: '',
  // Elements may stand in a vendor's namespace.
  tagNameProcessors: [processors.stripPrefix],
}

/**
 * Reads a document.
 *
 * @param root - Names of root elements the caller understands.
 * @throws SealstreamError `SEALSTREAM_ANSWER` when it is not XML, has another root, or declares a document type:
 *   entities are an attack or a mistake, the service sends none.
 */
export async function readXml<Root extends string>(
  text: string,
  roots: readonly Root[],
): Promise<{ root: Root; node: XmlNode }> {
  // Complete answers 200 at once and sends white space while it merges (wire-formats F2).
  // A key may hold characters that no XML can; the service repeats it all the same.
  const document = text.trimStart().replace(/&#(x[0-9a-f]+|\d+);/gi, legalReference)
  if (/<!DOCTYPE/i.test(document)) throw unreadable('declares a document type')
  let parsed: unknown
  try {
    parsed = await parseStringPromise(document, READ_SETTINGS)
  } catch (error) {
    throw unreadable('is not well-formed XML', error)
  }
  const [root, node] = Object.entries((parsed ?? {}) as Record<string, XmlNode>)[0] ?? []
  if (root === undefined || node === undefined || !(roots as readonly string[]).includes(root)) {
    throw unreadable(`has root element ${root ?? 'none'}, not ${roots.join(' or ')}`)
  }
  return { root: root as Root, node }
}

/** A character reference as it is, or, where no document may hold that character, a replacement character. */
function legalReference(reference: string, code: string): string {
  const point = /^x/i.test(code) ? Number.parseInt(code.slice(1), 16) : Number(code)
  const isLegal =
    [0x9, 0xa, 0xd].includes(point) ||
    (point >= 0x20 && point <= 0xd7ff) ||
    (point >= 0xe000 && point <= 0xfffd) ||
    (point >= 0x10000 && point <= 0x10ffff)
  return isLegal ? reference : '\ufffd'
}

/** Writes a document from nested objects; arrays become repeated elements. */
export function writeXml(root: string, content: object): string {
  return new Builder({ rootName: root, renderOpts: { pretty: false } }).buildObject(content)
}

/** Text of the child `name`; empty when there is none. */
export function text(node: XmlNode, name: string): string {
  const child = typeof node === 'string' ? undefined : node[name]
  return typeof child === 'string' ? child : ''
}

/** The children called `name`, as a list however many there are. */
export function list(node: XmlNode, name: string): readonly XmlNode[] {
  const child = typeof node === 'string' ? undefined : node[name]
  if (child === undefined) return []
  return Array.isArray(child) ? (child as readonly XmlNode[]) : [child as XmlNode]
}

/** A non-negative whole number in the child `name`. */
export function integer(node: XmlNode, name: string): number {
  const value = text(node, name)
  if (/^\d{1,15}$/.test(value)) return Number(value)
  throw unreadable(`has ${JSON.stringify(value.slice(0, 40))} where element ${name} must be a number`)
}

/** A date in the child `name`. */
export function date(node: XmlNode, name: string): Date {
  const value = new Date(text(node, name))
  if (!Number.isNaN(value.getTime())) return value
  throw unreadable(`has no date where element ${name} must be one`)
}

function unreadable(problem: string, cause?: unknown): SealstreamError {
  return new SealstreamError(
    'SEALSTREAM_ANSWER',
    `the answer's XML ${problem}`,
    cause === undefined ? {} : { cause },
  )
}

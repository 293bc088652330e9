/** Reads the XML of request bodies. The only place with settings of the parser. */
import { Parser } from 'xml2js'
import { Refusal } from './refusal.js'

/** An element's children by local name, each a list; text as a string. */
export interface XmlTree {
  readonly [name: string]: readonly (XmlTree | string)[]
}

/**
 * Reads one document whose root has the given name. Attributes and name-space prefixes are dropped.
 *
 * @throws `MalformedXML`, also for any DOCTYPE: entities are an attack or a mistake, never part of the COS API.
 */
export async function readXml(bytes: Buffer, root: string): Promise<XmlTree> {
  const text = bytes.toString('utf8')
  if (/<!doctype/i.test(text)) throw new Refusal('MalformedXML')
  const tree = (await parse(text))[root]
  return typeof tree === 'object' && tree !== null ? (tree as XmlTree) : {}
}

async function parse(text: string): Promise<Record<string, unknown>> {
  const parser = new Parser({
    ignoreAttrs: true,
    explicitArray: true,
    tagNameProcessors: [(name) => name.slice(name.indexOf(':') + 1)],
  })
  try {
    const parsed: unknown = await parser.parseStringPromise(text)
    if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>
  } catch {
    // Refused below; the parser's own words quote the body.
  }
  throw new Refusal('MalformedXML')
}

/** The children of that name; none when absent. */
export function children(tree: XmlTree, name: string): readonly (XmlTree | string)[] {
  return Object.hasOwn(tree, name) ? (tree[name] ?? []) : []
}

/** The text of the only child of that name, trimmed; undefined when absent, repeated, or not text. */
export function childText(tree: XmlTree | string, name: string): string | undefined {
  return exactChildText(tree, name)?.trim()
}

/** The same with its white space, which in a key counts. The parser makes text of white space alone empty. */
export function exactChildText(tree: XmlTree | string, name: string): string | undefined {
  if (typeof tree === 'string') return undefined
  const found = children(tree, name)
  return found.length === 1 && typeof found[0] === 'string' ? found[0] : undefined
}

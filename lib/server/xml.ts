/** Writes the XML of answers. */

/** What stands between two tags. */
export type XmlContent = string | number | boolean | readonly XmlElement[]

/** An element; names are ours and never escaped. */
export type XmlElement = readonly [name: string, content: XmlContent]

/** One document, UTF-8. */
export function xmlDocument(root: XmlElement): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${elementText(root)}`
}

function elementText([name, content]: XmlElement): string {
  const inner = Array.isArray(content)
    ? (content as readonly XmlElement[]).map(elementText).join('')
    : escapeText(String(content))
  return `<${name}>${inner}</${name}>`
}

// Control characters have no place in XML 1.0, not even as references. Keys may hold them; S3 writes references, and
// clients that must read such keys ask for encoding-type=url. A bare CR would be read back as LF.
const SPECIAL = /[&<>"'\u0000-\u0008\u000b-\u001f\u007f\ufffe\uffff]/g

function escapeText(text: string): string {
  return text.replace(SPECIAL, (char) => {
    switch (char) {
      case '&':
        return '&amp;'
      case '<':
        return '&lt;'
      case '>':
        return '&gt;'
      case '"':
        return '&quot;'
      default:
        return `&#x${char.charCodeAt(0).toString(16).toUpperCase()};`
    }
  })
}

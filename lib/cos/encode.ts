/** Percent-encoding as COS signs and reads it: RFC 3986, everything but `A-Z a-z 0-9 - _ . ~`. */

/** Encodes one name or value; `/` becomes `%2F`. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** Encodes a path, keeping its slashes. */
export function encodePath(path: string): string {
  return path.split('/').map(percentEncode).join('/')
}

/** A query string from names and values; a name without value keeps its `=`, as it is signed. */
export function encodeQuery(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`)
    .join('&')
}

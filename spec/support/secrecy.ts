/** Looking for key bytes where none may be. */
import { inspect } from 'node:util'
import { serialize } from 'node:v8'
import { expect } from 'chai'

/** Every text form in which raw bytes could slip out. Eight bytes of a key are enough to call it a leak. */
function formsOf(secret: Uint8Array): string[] {
  const bytes = Buffer.from(secret).subarray(0, 24)
  const hex = bytes.toString('hex')
  return [
    hex,
    hex.toUpperCase(),
    [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    bytes.toString('latin1'),
    [...bytes.subarray(0, 8)].join(','),
  ]
}

/** Fails when `text` holds the secret in any form. */
export function expectNoTrace(text: string, secret: Uint8Array, where: string): void {
  // Node prints typed arrays in columns: numbers are looked for without the blanks between them.
  const squeezed = text.replace(/\s+/g, '')
  for (const form of formsOf(secret)) {
    const found = text.includes(form) || squeezed.includes(form)
    expect(found, `${where} shows the secret as ${JSON.stringify(form)}`).to.equal(false)
  }
}

/** All the ways by which an object is commonly turned into text, by name. */
export const PRINTERS: Readonly<Record<string, (subject: object) => string>> = {
  'util.inspect': (subject) => inspect(subject),
  'util.inspect of a nesting object': (subject) => inspect({ nested: [subject] }, { depth: 10 }),
  'util.inspect with showHidden': (subject) => inspect(subject, { showHidden: true, depth: 10 }),
  'util.inspect without custom inspection': (subject) =>
    inspect(subject, { customInspect: false, showHidden: true, depth: 10, getters: true }),
  'JSON.stringify': (subject) => JSON.stringify({ subject }),
  'String()': (subject) => Reflect.apply(String, undefined, [subject]),
  'a template string': (subject) => `text: ${subject as unknown as string}`,
  'Object.keys': (subject) => Object.keys(subject).join(),
  'Object.entries': (subject) => inspect(Object.entries(subject), { depth: 10 }),
  'Reflect.ownKeys and values': (subject) =>
    inspect(
      Reflect.ownKeys(subject).map((key) => [key, Reflect.get(subject, key) as unknown]),
      { depth: 10 },
    ),
  spread: (subject) => inspect({ ...subject }, { depth: 10 }),
  structuredClone: (subject) => cloned(() => inspect(structuredClone(subject), { depth: 10 })),
  'v8.serialize': (subject) => cloned(() => serialize(subject).toString('latin1')),
}

/** Objects that refuse to be cloned show nothing. */
function cloned(run: () => string): string {
  try {
    return run()
  } catch {
    return ''
  }
}

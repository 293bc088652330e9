/** Writes DER, the encoding of certificates: ITU-T X.690, sections 8 and 10. Only what a certificate needs. */

/** One value: tag, length, content (X.690, 8.1). */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  return Buffer.concat([Buffer.from([tag]), lengthOctets(content.length), content])
}

export const sequence = (...items: readonly Uint8Array[]): Buffer => der(0x30, ...items)

export const set = (...items: readonly Uint8Array[]): Buffer => der(0x31, ...items)

export const octetString = (bytes: Uint8Array): Buffer => der(0x04, bytes)

export const utf8String = (text: string): Buffer => der(0x0c, Buffer.from(text))

/** Whole bytes: no bit of the last one is unused. */
export const bitString = (bytes: Uint8Array): Buffer => der(0x03, Buffer.from([0]), bytes)

export const trueValue = (): Buffer => der(0x01, Buffer.from([0xff]))

/** @param bytes - Big-endian, not negative. */
export function integer(bytes: Uint8Array): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0)
  const digits = start === -1 ? Buffer.from([0]) : bytes.subarray(start)
  // A set highest bit would make it negative.
  return (digits[0] as number) >= 0x80 ? der(0x02, Buffer.from([0]), digits) : der(0x02, digits)
}

/** @param dotted - For example `2.5.29.17` (X.690, 8.19). */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...arcs] = dotted.split('.').map(Number)
  return der(0x06, Buffer.from([first * 40 + second, ...arcs.flatMap(base128)]))
}

/** Whole seconds; as UTCTime through the year 2049, GeneralizedTime after it (RFC 5280, 4.1.2.5). */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\.\d+|[^\dZ]/g, '')
  return date.getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(digits.slice(2)))
    : der(0x18, Buffer.from(digits))
}

function lengthOctets(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  const digits: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256)
  return Buffer.from([0x80 + digits.length, ...digits])
}

/** Seven bits a byte; all but the last have the highest bit set. */
function base128(arc: number): number[] {
  const digits = [arc % 128]
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
    digits.unshift(0x80 + (rest % 128))
  }
  return digits
}

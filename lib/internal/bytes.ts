/** Small operations on bytes that Node has not, or has too lenient. */
import { timingSafeEqual } from 'node:crypto'

/**
 * Decodes standard Base64 with padding, exactly.
 *
 * Buffer.from skips what it does not know, so a damaged header would decode to other, shorter bytes.
 *
 * @returns The bytes, or undefined when `text` is not the canonical Base64 of any bytes.
 */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

/** Compares in time that depends only on the lengths. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** A Buffer over the same memory, for the APIs that only Buffer has. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Overwrites key bytes with zeros. Copies that the runtime made are beyond reach: see SECURITY.md. */
export function wipe(...secrets: (Uint8Array | undefined)[]): void {
  for (const secret of secrets) secret?.fill(0)
}

// The same pseudo-random bytes for all contestants.
import { createCipheriv, createSecretKey } from 'node:crypto'
import { closeSync, existsSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'

export const KEY_BYTES = Buffer.alloc(32, 7)
export const KEY = createSecretKey(KEY_BYTES)
/** Its low 32 bits overflow in the second block. */
export const IV = Buffer.from('f0f1f2f3f4f5f6f7f8f9fafbfffffffe', 'hex')

const MIB = 2 ** 20

/** So many bytes in memory. */
export function bytesOf(length) {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16)).update(Buffer.alloc(length))
}

/** A file of so many bytes, made once for each folder. */
export function fileOf(folder, length) {
  const path = join(folder, `plain-${length}`)
  if (existsSync(path) && statSync(path).size === length) return path
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16))
  const zeros = Buffer.alloc(MIB)
  const file = openSync(path, 'w', 0o600)
  for (let left = length; left > 0; left -= MIB)
    writeSync(file, cipher.update(zeros.subarray(0, Math.min(left, MIB))))
  closeSync(file)
  return path
}

/** SHA-256 of a file, hex. */
export function sha256Of(path) {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(MIB)
  const file = openSync(path, 'r')
  for (;;) {
    const count = readSync(file, buffer)
    if (count === 0) break
    hash.update(buffer.subarray(0, count))
  }
  closeSync(file)
  return hash.digest('hex')
}

/** @throws Unless all are the same. */
export function assertSame(what, values) {
  const [first, ...others] = Object.entries(values)
  const other = others.find(([, value]) => value !== first[1])
  if (other !== undefined)
    throw new Error(`${what}: ${first[0]} gave ${first[1]}, ${other[0]} gave ${other[1]}`)
}

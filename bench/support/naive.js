// What a program without this package does: Node's own cipher and MD5, and the CRC-64 of the npm registry, 64 KiB at a time.
import { createCipheriv, createHash } from 'node:crypto'
import { createCRC64 } from 'hash-wasm'

const CHUNK_BYTES = 64 * 1024

/** Encrypts and digests bytes in memory; gives what came out in total. */
export async function naiveLoop({ key, iv, bytes, md5, crc64, take = () => undefined }) {
  const cipher = createCipheriv('aes-256-ctr', key, iv)
  const hash = md5 ? createHash('md5') : undefined
  const crc = crc64 ? (await createCRC64()).init() : undefined
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const output = cipher.update(bytes.subarray(at, at + CHUNK_BYTES))
    hash?.update(output)
    crc?.update(output)
    take(output)
  }
  return { md5: hash?.digest('hex'), crc64: crc?.digest('hex') }
}

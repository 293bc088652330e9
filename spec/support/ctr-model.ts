/** AES-256-CTR from its definition: counter blocks by BigInt, each through AES-ECB. Shares nothing with lib. */
import { createCipheriv } from 'node:crypto'

/** `counter + blocks` modulo 2^128. */
export function counterModel(counter: Uint8Array, blocks: number | bigint): Buffer {
  const value = BigInt(`0x${Buffer.from(counter).toString('hex')}`) + BigInt(blocks)
  return Buffer.from(BigInt.asUintN(128, value).toString(16).padStart(32, '0'), 'hex')
}

/** The whole of `bytes` under the keystream that starts at `iv`. */
export function ctrModel(key: Uint8Array, iv: Uint8Array, bytes: Uint8Array): Buffer {
  const blocks = Math.ceil(bytes.length / 16)
  const counters = Array.from({ length: blocks }, (_, n) => counterModel(iv, n))
  const ecb = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false)
  const keystream = ecb.update(Buffer.concat(counters))
  return Buffer.from(bytes.map((byte, at) => byte ^ (keystream[at] as number)))
}

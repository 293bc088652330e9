/** Padded RSA blocks with one flaw each, made byte by byte from RFC 8017: everything that unpadding has to refuse alike. */
import { createHash } from 'node:crypto'
import type { OaepHashes } from '../../lib/crypto/rsa-oaep.js'

/** Where bytes come from: random, or seeded. */
export type ByteSource = (length: number) => Buffer

/** A kind of block of `size` bytes around a message that stands where it should, or would. */
export interface BlockKind {
  readonly name: string
  readonly make: (size: number, message: Buffer, bytes: ByteSource) => Buffer
}

/** A change of what OAEP masks: label hash, zeros, 1, message. `at` is where the 1 stands. */
type DataChange = (data: Buffer, at: number, labelBytes: number, bytes: ByteSource) => void

const NOT_CHANGED: DataChange = () => undefined

/** A whole OAEP block (7.1.1) whose first byte, or masked data, was changed before masking. */
function oaepKind(hashes: OaepHashes, name: string, change: DataChange, first = 0): BlockKind {
  return {
    name,
    make(size, message, bytes) {
      const labelHash = createHash(hashes.hash).digest()
      const seed = bytes(labelHash.length)
      const data = Buffer.alloc(size - labelHash.length - 1)
      labelHash.copy(data)
      const at = data.length - message.length - 1
      data[at] = 1
      message.copy(data, at + 1)
      change(data, at, labelHash.length, bytes)
      const maskedData = xor(data, mask(seed, data.length, hashes.mgf1Hash))
      const maskedSeed = xor(seed, mask(maskedData, seed.length, hashes.mgf1Hash))
      return Buffer.concat([Buffer.from([first]), maskedSeed, maskedData])
    },
  }
}

/** Every flaw that an OAEP block can have, and, first, none. */
export function oaepKinds(hashes: OaepHashes): readonly [right: BlockKind, ...flawed: BlockKind[]] {
  const kind = (name: string, change: DataChange, first?: number): BlockKind =>
    oaepKind(hashes, `OAEP: ${name}`, change, first)
  return [
    kind('right', NOT_CHANGED),
    kind('first byte 1', NOT_CHANGED, 1),
    kind('label hash, first byte', (data) => (data[0]! ^= 1)),
    kind('label hash, last byte', (data, _at, labelBytes) => (data[labelBytes - 1]! ^= 1)),
    kind('label hash, all of it', (data, _at, labelBytes, bytes) => bytes(labelBytes).copy(data)),
    kind('separator at once', (data, _at, labelBytes) => (data[labelBytes] = 1)),
    kind('separator one early', (data, at) => (data[at - 1] = 1)),
    kind('separator one late', (data, at) => data.set([0, 1], at)),
    kind('separator 2', (data, at) => (data[at] = 2)),
    kind('no separator', (data, at) => data.fill(0, at)),
  ]
}

/** A PKCS#1 v1.5 block (7.2.1), changed. `at` is where the zero before the message stands. */
function pkcs1Kind(name: string, change: (block: Buffer, at: number) => void): BlockKind {
  return {
    name: `PKCS#1: ${name}`,
    make(size, message, bytes) {
      const at = size - message.length - 1
      const padding = bytes(at - 2).map((byte) => (byte === 0 ? 0x5a : byte))
      const block = Buffer.concat([Buffer.from([0, 2]), padding, Buffer.from([0]), message])
      change(block, at)
      return block
    },
  }
}

/** Every flaw that a PKCS#1 v1.5 block can have, and, first, none. */
export const PKCS1_KINDS: readonly [right: BlockKind, ...flawed: BlockKind[]] = [
  pkcs1Kind('right', () => undefined),
  pkcs1Kind('first byte 1', (block) => (block[0] = 1)),
  pkcs1Kind('second byte 1', (block) => (block[1] = 1)),
  pkcs1Kind('zero first in padding', (block) => (block[2] = 0)),
  pkcs1Kind('zero amid padding', (block, at) => (block[at >> 1] = 0)),
  pkcs1Kind('zero last in padding', (block, at) => (block[at - 1] = 0)),
  pkcs1Kind('zero one late', (block, at) => block.set([7, 0], at)),
  pkcs1Kind('no zero', (block, at) => block.set([7], at)),
]

/** The same, but for those that look like PKCS#1 v1.5 by chance: of random blocks, six in a million pass for it. */
export function neverPkcs1({ name, make }: BlockKind): BlockKind {
  return {
    name,
    make(size, message, bytes) {
      for (;;) {
        const block = make(size, message, bytes)
        if (block[1] !== 2) return block
      }
    },
  }
}

/** No padding at all, below any modulus of as many bytes. */
export const RANDOM_BLOCK: BlockKind = neverPkcs1({
  name: 'random block',
  make(size, _message, bytes) {
    const block = bytes(size)
    block[0]! &= 0x7f
    return block
  },
})

/** A number so small that arithmetic could be quicker with it (the Marvin attack): 64 bytes of it are zeros. */
export const SMALL_BLOCK: BlockKind = {
  name: 'block that is a small number',
  make: (size, _message, bytes) => bytes(size).fill(0, 0, 64),
}

/** MGF1 (B.2.1). */
function mask(seed: Buffer, length: number, hash: string): Buffer {
  const blocks: Buffer[] = []
  for (let number = 0, filled = 0; filled < length; number++) {
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(number)
    const block = createHash(hash).update(seed).update(counter).digest()
    blocks.push(block)
    filled += block.length
  }
  return Buffer.concat(blocks).subarray(0, length)
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, at) => byte ^ b[at]!))
}

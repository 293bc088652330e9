/**
 * Encrypts by AesCtr in a process of its own where CTR through GCM has won the race, whatever the processor: the clock is made so. Writes to
 * standard output as JSON what came of it.
 */
import crypto, { createSecretKey } from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { ctrModel } from './ctr-model.js'
import { Seeded } from './seeded.js'

/** From here on it may be another back end, by aes-ctr.ts. */
const SWITCH = 256 * 1024
const SWITCH_BLOCKS = SWITCH / 16
const SIZE = SWITCH + 48 * 1000 + 5000
const WORD = 2 ** 32

/** An encryption, and the ciphers that it starts. */
export interface Switch {
  readonly title: string
  /** Low 32 bits of the IV. */
  readonly low: number
  /** All others are ones, so that a carry goes through all of them. */
  readonly isHighOnes?: boolean
  readonly position?: number
  /** Lengths of the pieces. */
  readonly pieces: readonly number[]
  readonly starts: readonly string[]
}

export interface SwitchResult {
  readonly isRight: boolean
  /** Whether each update gave as many bytes as it took. */
  readonly isWhole: boolean
  readonly starts: readonly string[]
}

// Where it is missing, as in Node.js 20, there is no race.
if (!('transfer' in ArrayBuffer.prototype)) {
  Object.defineProperty(ArrayBuffer.prototype, 'transfer', {
    value(this: ArrayBuffer) {
      return structuredClone(this, { transfer: [this] })
    },
  })
}

const CTR = 'aes-256-ctr'
const GCM = 'aes-256-gcm'

/** Low bits of an IV whose counter wraps `blocks` blocks after the switch. */
const wrapping = (blocks: number): number => WORD - SWITCH_BLOCKS - blocks

export const SWITCHES: readonly Switch[] = [
  { title: 'ends before 256 KiB', low: 5, pieces: [SWITCH - 1, 1], starts: [CTR] },
  {
    title: 'takes more than 256 KiB at once, and changes with the next piece',
    low: 5,
    pieces: [SWITCH + 4901, 99],
    starts: [CTR, GCM],
  },
  { title: 'changes at exactly 256 KiB', low: 5, pieces: [SWITCH, 4096], starts: [CTR, GCM] },
  { title: 'changes 1 byte after 256 KiB', low: 5, pieces: [SWITCH + 1, 1, 15, 4000], starts: [CTR, GCM] },
  { title: 'changes 15 bytes after 256 KiB', low: 5, pieces: [SWITCH + 15, 2, 3], starts: [CTR, GCM] },
  {
    title: 'changes not before 256 KiB from a position in the middle of a block',
    low: 5,
    position: 7,
    pieces: [SWITCH - 1, 1, 9],
    starts: [CTR, GCM],
  },
  {
    title: 'changes far into the object',
    low: 5,
    position: 48 * 1000 + 13,
    pieces: [SWITCH, 1],
    starts: [CTR, GCM],
  },
  {
    title: 'changes where the low 32 bits have just wrapped',
    low: wrapping(0),
    pieces: [SWITCH, 4096],
    starts: [CTR, GCM],
  },
  {
    title: 'wraps a block after it changed, within a piece',
    low: wrapping(1),
    pieces: [SWITCH, 4096],
    starts: [CTR, GCM, GCM],
  },
  {
    title: 'wraps 3 blocks after it changed, within a piece',
    low: wrapping(3),
    pieces: [SWITCH, 1000],
    starts: [CTR, GCM, GCM],
  },
  {
    title: 'changes within the last block before the wrap',
    low: wrapping(1),
    pieces: [SWITCH + 9, 3, 4, 5],
    starts: [CTR, GCM, GCM],
  },
  {
    title: 'wraps exactly where a piece ends',
    low: wrapping(3),
    pieces: [SWITCH, 48, 100],
    starts: [CTR, GCM, GCM],
  },
  {
    title: 'wraps a byte after a piece ends',
    low: wrapping(3),
    pieces: [SWITCH, 47, 2],
    starts: [CTR, GCM, GCM],
  },
  { title: 'ends where it wraps', low: wrapping(100), pieces: [SWITCH, 1600], starts: [CTR, GCM] },
  {
    title: 'carries through all 128 bits after it changed',
    low: wrapping(2),
    isHighOnes: true,
    pieces: [SWITCH + 3, 20, 30],
    starts: [CTR, GCM, GCM],
  },
  {
    title: 'wraps after it changed at a position in the middle of a block',
    low: wrapping(4),
    position: 5,
    pieces: [SWITCH, 1, 1000],
    starts: [CTR, GCM, GCM],
  },
  { title: 'wraps before it changes', low: WORD - 10, pieces: [100, SWITCH, 100], starts: [CTR, GCM] },
]

const started: string[] = []

/** Every cipher of lib is noted from now on. */
function watchCiphers(): void {
  const { createCipheriv } = crypto
  crypto.createCipheriv = ((algorithm: string, ...rest: [crypto.CipherKey, crypto.BinaryLike | null]) => {
    started.push(algorithm)
    return createCipheriv(algorithm, ...rest)
  }) as typeof createCipheriv
  syncBuiltinESMExports()
}

/** What it asks for first is how long the one took, then how long the other: 10 and 1, in turns. */
function fixRace(): void {
  let calls = 0
  let time = 0
  performance.now = () => (time += [0, 10, 0, 1][calls++ % 4]!)
}

async function results(): Promise<SwitchResult[]> {
  const { aes256Ctr } = await import('../../lib/crypto/aes-ctr.js')
  const { fastestCtr } = await import('../../lib/crypto/fastest-ctr.js')
  const { ctrThroughGcm } = await import('../../lib/crypto/ctr-through-gcm.js')
  fixRace()
  if (fastestCtr() !== ctrThroughGcm) throw new Error('the race was not won by GCM')
  const random = new Seeded(402)
  const keyBytes = random.bytes(32)
  const key = createSecretKey(keyBytes)
  const plain = random.bytes(SIZE)
  const highs = random.bytes(12)
  return SWITCHES.map(({ low, isHighOnes = false, position = 0, pieces }) => {
    const iv = Buffer.concat([isHighOnes ? Buffer.alloc(12, 0xff) : highs, Buffer.alloc(4)])
    iv.writeUInt32BE(low, 12)
    started.length = 0
    const running = aes256Ctr.encryptor({ key, iv, context: Buffer.alloc(0) }, position, true)
    let isWhole = true
    let at = position
    const outputs = pieces.map((length) => {
      const output = running.update(plain.subarray(at, at + length))
      at += length
      isWhole &&= output.length === length
      return output
    })
    const starts = started.filter((algorithm) => algorithm !== 'aes-256-ecb')
    const expected = ctrModel(keyBytes, iv, plain.subarray(0, at)).subarray(position)
    return { isRight: Buffer.concat(outputs).equals(expected), isWhole, starts }
  })
}

if (process.argv.includes('--print')) {
  watchCiphers()
  process.stdout.write(JSON.stringify(await results()))
}

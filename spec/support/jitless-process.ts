/** Computes checksums in a process of its own, which may lack WebAssembly, and writes them to standard output as JSON. */
import { crc64Folder, makeFolder } from '../../lib/checksum/crc64-fold.js'
import { Crc64, crc64 } from '../../lib/checksum/crc64.js'
import { openMd5 } from '../../lib/checksum/md5-group.js'
import { Md5Lanes } from '../../lib/checksum/md5-lanes.js'
import { Seeded } from './seeded.js'

export const SEED = 20
/** Past what is folded at once, and past what a lane takes at once. */
export const LENGTHS = [0, 9, 3903, 3904, 3905, 131_071, 131_072, 135_000, 300_001] as const

export interface JitlessResults {
  readonly webAssembly: string
  /** What was missing. */
  readonly missing: readonly string[]
  /** Of the first bytes of {@link SEED}, by {@link LENGTHS}: all at once, and in pieces. */
  readonly crc64: readonly string[]
  readonly crc64InPieces: readonly string[]
  readonly md5: readonly string[]
}

async function results(): Promise<JitlessResults> {
  const random = new Seeded(SEED)
  const all = random.bytes(Math.max(...LENGTHS))
  const messages = LENGTHS.map((length) => all.subarray(0, length))
  const missing = { folder: makeFolder(), 'folder of the thread': crc64Folder(), lanes: Md5Lanes.load() }
  const inPieces = (bytes: Buffer): bigint => {
    const running = new Crc64()
    for (const piece of random.pieces(bytes, 20_000)) running.update(piece)
    return running.value
  }
  const md5 = async (bytes: Buffer): Promise<string> => {
    const running = openMd5(messages.length)
    for (const piece of random.pieces(bytes, 200_000)) await running.update(piece)
    const digest = await running.digest()
    running.close()
    return digest
  }
  return {
    webAssembly: typeof Reflect.get(globalThis, 'WebAssembly'),
    missing: Object.entries(missing).flatMap(([name, value]) => (value === undefined ? [name] : [])),
    crc64: messages.map((bytes) => crc64(bytes).toString()),
    crc64InPieces: messages.map((bytes) => inPieces(bytes).toString()),
    md5: await Promise.all(messages.map(md5)),
  }
}

if (process.argv.includes('--print')) process.stdout.write(JSON.stringify(await results()))

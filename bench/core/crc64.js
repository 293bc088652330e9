// CRC-64/XZ by folding against tables.
import { createCRC64 } from 'hash-wasm'
import { Crc64 } from '../../dist/checksum/crc64.js'
import { assertSame, bytesOf } from '../support/inputs.js'

export const question = 'How fast is CRC-64?'

export const params = (mode) =>
  (mode === 'full' ? [16384, 65536, 131072, 1048576] : mode === 'toy' ? [65536] : [65536, 131072]).map(
    (chunk) => ({
      chunk,
      total: mode === 'toy' ? 2 ** 24 : 256 * 2 ** 20,
    }),
  )

function loop({ chunk, total }, update) {
  const bytes = bytesOf(chunk)
  return {
    bytes: total,
    run() {
      for (let done = 0; done < total; done += chunk) update(bytes)
    },
  }
}

export const contestants = {
  'hash-wasm': {
    async prepare(param) {
      const crc = (await createCRC64()).init()
      return loop(param, (bytes) => crc.update(bytes))
    },
  },
  sealstream: {
    prepare(param) {
      const crc = new Crc64()
      return loop(param, (bytes) => crc.update(bytes))
    },
  },
}

export const ratios = [{ of: 'sealstream', to: 'hash-wasm', atLeast: 6 }]

export async function prove() {
  const bytes = bytesOf(1_000_003)
  const ours = new Crc64()
  ours.update(bytes)
  const theirs = (await createCRC64()).init().update(bytes).digest('hex')
  assertSame('CRC-64', { sealstream: ours.value.toString(16).padStart(16, '0'), 'hash-wasm': theirs })
  return 'the same CRC-64 of 1,000,003 bytes.'
}

// AES-256-CTR into memory of our own, by chunk size, against what the machine can do and against a bare loop.
import { createCipheriv } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { AesCtr } from '../../dist/crypto/aes-ctr.js'
import { reclaim } from '../../dist/internal/reclaim.js'
import { isInstalled } from '../support/commands.js'
import { assertSame, bytesOf, IV, KEY } from '../support/inputs.js'

export const question = 'How close to the processor is encrypting for a sink that we own?'

const TOTAL = 256 * 2 ** 20
/** Larger chunks are encrypted in pieces of this size, as the engine does. */
const PIECE_BYTES = 128 * 1024

export const params = (mode) =>
  (mode === 'toy'
    ? [65536]
    : mode === 'quick'
      ? [65536, 262144, 1048576]
      : [16384, 65536, 131072, 262144, 1048576, 4194304]
  ).map((chunk) => ({ chunk, total: mode === 'toy' ? 2 ** 24 : TOTAL }))

/** Encrypts the same chunk until the total is reached. */
function loop({ chunk, total }, start, take) {
  const bytes = bytesOf(chunk)
  return {
    bytes: total,
    run() {
      const update = start()
      for (let done = 0; done < total; done += chunk) take(update, bytes)
    },
  }
}

const bare = (update, bytes) => update(bytes)

function owned(update, bytes) {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) reclaim(update(bytes.subarray(at, at + PIECE_BYTES)))
}

/** On Node.js 20 reclaiming begins a turn of the event loop after it was first asked for. */
async function warm() {
  reclaim(Buffer.alloc(65536))
  await new Promise((resolve) => setTimeout(resolve, 20))
}

export const contestants = {
  'openssl speed, 16 KiB': {
    isThere: () => isInstalled('openssl'),
    warmUps: 0,
    prepare: () => ({
      run() {
        const args = ['speed', '-mr', '-elapsed', '-evp', 'aes-256-ctr', '-bytes', '16384', '-seconds', '1']
        const { stdout } = spawnSync('openssl', args, { encoding: 'utf8' })
        const line = stdout.split('\n').find((each) => each.startsWith('+F:'))
        return { bytes: Number(line.split(':')[3]), seconds: 1 }
      },
    }),
  },
  'bare update loop': {
    prepare: (param) =>
      loop(
        param,
        () => {
          const cipher = createCipheriv('aes-256-ctr', KEY, IV)
          return (bytes) => cipher.update(bytes)
        },
        bare,
      ),
  },
  'sealstream, owned sink': {
    async prepare(param) {
      await warm()
      return loop(
        param,
        () => {
          const cipher = new AesCtr(KEY, IV, 0)
          return (bytes) => cipher.update(bytes)
        },
        owned,
      )
    },
  },
}

export const ratios = [
  {
    of: 'sealstream, owned sink',
    to: 'openssl speed, 16 KiB',
    atLeast: process.versions.node.startsWith('20.') ? 0.8 : 1.4,
  },
  { of: 'sealstream, owned sink', to: 'bare update loop', atLeast: 1.1 },
  {
    name: 'peak memory, MiB: owned sink',
    of: 'sealstream, owned sink',
    value: ({ rss }) => rss / 2 ** 20,
    atMost: 70,
  },
]

export function prove() {
  const bytes = bytesOf(3 * 2 ** 20 + 5)
  const [a, b] = [createCipheriv('aes-256-ctr', KEY, IV), new AesCtr(KEY, IV, 0)]
  for (let at = 0; at < bytes.length; at += 300_000) {
    const piece = bytes.subarray(at, at + 300_000)
    assertSame('ciphertext', {
      node: a.update(piece).toString('base64'),
      sealstream: b.update(piece).toString('base64'),
    })
  }
  return 'the same bytes from both, across an overflow of the low counter word.'
}

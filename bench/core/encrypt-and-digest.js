// Parts in memory, encrypted and digested: the engine's own work, without files and sockets.
import { createCipheriv } from 'node:crypto'
import { DataKey } from '../../dist/crypto/data-key.js'
import { HeldMemory } from '../../dist/internal/transfer-memory.js'
import { PartFiller } from '../../dist/transfer/part-filler.js'
import { bytesSource, openFileSource } from '../../dist/transfer/seekable-source.js'
import { startThreads } from '../../dist/transfer/part-threads.js'
import { assertSame, bytesOf, fileOf, IV, KEY_BYTES } from '../support/inputs.js'
import { naiveLoop } from '../support/naive.js'

export const question = 'How fast are parts encrypted and digested?'

/** Two threads have eight lanes each. */
const PARTS = 16

export const params = (mode) => {
  const each = mode === 'toy' ? 2 ** 20 : 8 * 2 ** 20
  return [
    { md5: false, crc64: true, each },
    { md5: true, crc64: true, each },
  ]
}

const dataKey = () => DataKey.from({ format: 'cos', key: KEY_BYTES, iv: IV })

export const contestants = {
  naive: {
    prepare({ md5, crc64, each }) {
      const bytes = bytesOf(PARTS * each)
      return {
        bytes: bytes.length,
        run: () => naiveLoop({ key: KEY_BYTES, iv: IV, bytes, md5, crc64 }).then(() => undefined),
      }
    },
  },
  'sealstream, 1 thread': {
    prepare({ md5, each }) {
      const source = bytesSource(bytesOf(PARTS * each))
      const held = new HeldMemory()
      const into = Array.from({ length: PARTS }, () => held.take(each))
      const filler = new PartFiller(source, { md5, peers: PARTS, signal: undefined })
      return {
        bytes: source.size,
        async run() {
          const key = dataKey()
          await Promise.all(
            into.map((part, at) =>
              filler.encrypt(
                key.stretchEncryptor({ offset: at * each, length: each, size: source.size }),
                part,
              ),
            ),
          )
        },
      }
    },
  },
  'sealstream, 2 threads': {
    async prepare({ md5, each, folder }) {
      const source = await openFileSource(fileOf(folder, PARTS * each), 'file')
      const options = { md5, peers: PARTS, sameBytes: true, signal: undefined, dataKey: dataKey() }
      const { make, crew } = await startThreads(source.shared, 2, options)
      const held = new HeldMemory()
      const memories = Array.from({ length: PARTS }, () => held.take(each))
      return {
        bytes: source.size,
        async run() {
          await Promise.all(
            memories.map((memory, at) => make({ number: at + 1, offset: at * each, length: each }, memory)),
          )
        },
        async close() {
          await crew.close()
          await source.close()
        },
      }
    },
  },
}

export const ratios = [
  { of: 'sealstream, 1 thread', to: 'naive', atLeast: 2.8, when: ({ md5 }) => !md5 },
  { of: 'sealstream, 1 thread', to: 'naive', atLeast: 3.2, when: ({ md5 }) => md5 },
  { of: 'sealstream, 2 threads', to: 'naive', atLeast: 5.5, when: ({ md5 }) => md5 },
]

export async function prove() {
  const bytes = bytesOf(3 * 2 ** 20)
  const source = bytesSource(bytes)
  const filler = new PartFiller(source, { md5: true, peers: 3, signal: undefined })
  const into = Buffer.alloc(bytes.length)
  const digest = await filler.encrypt(
    dataKey().stretchEncryptor({ offset: 0, length: bytes.length, size: bytes.length }),
    into,
  )
  const naive = await naiveLoop({ key: KEY_BYTES, iv: IV, bytes, md5: true, crc64: true })
  const node = createCipheriv('aes-256-ctr', KEY_BYTES, IV).update(bytes)
  assertSame('ciphertext', { node: node.toString('base64'), sealstream: into.toString('base64') })
  assertSame('MD5', { naive: naive.md5, sealstream: digest.md5 })
  assertSame('CRC-64', { naive: naive.crc64, sealstream: digest.crc64.toString(16).padStart(16, '0') })
  return 'the same ciphertext, MD5 and CRC-64.'
}

// Downloads over loopback, to files and to nowhere.
import { once } from 'node:events'
import { open, rm } from 'node:fs/promises'
import { Agent, get } from 'node:http'
import { join } from 'node:path'
import { BUCKET, openClient } from '../support/clients.js'
import { assertSame, fileOf, sha256Of } from '../support/inputs.js'

export const question = 'How fast is a download?'

const PART_BYTES = 8 * 2 ** 20

export const params = (mode) => [
  { bytes: mode === 'toy' ? 2 ** 25 : mode === 'quick' ? 128 * 2 ** 20 : 2 ** 30, inFlight: 4 },
]

/** A stored object, and what to do with it. */
const stored = (options, run, isExtra = false) => ({
  isExtra,
  async prepare(param) {
    const { client, store, close } = await openClient({ ...options, keep: true })
    const LocalFilePath = fileOf(param.folder, param.bytes)
    await client.uploadFile({ Bucket: BUCKET, Key: 'k', LocalFilePath, PartSize: PART_BYTES })
    return { bytes: param.bytes, run: () => run({ client, endpoint: store.endpoint, ...param }), close }
  },
})

const toFile =
  (threads) =>
  async ({ client, inFlight, folder }) => {
    const DestFilePath = join(folder, 'downloaded')
    await client.downloadFile({
      Bucket: BUCKET,
      Key: 'k',
      DestFilePath,
      PartSize: PART_BYTES,
      Concurrency: inFlight,
      threads,
    })
    await rm(DestFilePath)
  }

/** Ranges by plain requests, written where they belong, neither decrypted nor checked. */
async function plainToFile({ endpoint, bytes, inFlight, folder }) {
  const path = join(folder, 'downloaded')
  const file = await open(path, 'w', 0o600)
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight })
  let next = 0
  const worker = async () => {
    for (let part = next++; part * PART_BYTES < bytes; part = next++) {
      let position = part * PART_BYTES
      const range = `bytes=${position}-${Math.min(bytes, position + PART_BYTES) - 1}`
      const [answer] = await once(get(`${endpoint}/${BUCKET}/k`, { agent, headers: { range } }), 'response')
      for await (const chunk of answer) {
        await file.write(chunk, 0, chunk.length, position)
        position += chunk.length
      }
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  agent.destroy()
  await file.sync()
  await file.close()
  await rm(path)
}

const toNowhere = async ({ client }) => {
  for await (const chunk of client.createReadStream({ Bucket: BUCKET, Key: 'k' })) void chunk
}

export const contestants = {
  'plain ranges by node:http, to a file': stored({}, plainToFile),
  'sealstream, plain client, to a file': stored({}, toFile(1), true),
  'sealstream, cos, to a file': stored({ format: 'cos' }, toFile(1)),
  'sealstream, cos, to a file, 2 threads': stored({ format: 'cos' }, toFile(2)),
  'sealstream, sealed, to a file': stored({ format: 'sealed' }, toFile(1)),
  'sealstream, sealed, to a file, 2 threads': stored({ format: 'sealed' }, toFile(2)),
  'sealstream, cos, as a stream': stored({ format: 'cos' }, toNowhere, true),
  'sealstream, sealed, as a stream': stored({ format: 'sealed' }, toNowhere, true),
}

export const ratios = [
  { of: 'sealstream, cos, to a file', to: 'plain ranges by node:http, to a file', atLeast: 0.6 },
  {
    of: 'sealstream, cos, to a file, 2 threads',
    to: 'plain ranges by node:http, to a file',
    atLeast: 0.6,
  },
  { of: 'sealstream, sealed, to a file', to: 'plain ranges by node:http, to a file' },
]

export async function prove({ folder }) {
  const bytes = 20 * 2 ** 20 + 5
  const { client, close } = await openClient({ format: 'sealed', keep: true })
  const LocalFilePath = fileOf(folder, bytes)
  const DestFilePath = join(folder, 'proof')
  await client.uploadFile({ Bucket: BUCKET, Key: 'k', LocalFilePath })
  await client.downloadFile({ Bucket: BUCKET, Key: 'k', DestFilePath })
  assertSame('file', { before: sha256Of(LocalFilePath), after: sha256Of(DestFilePath) })
  await close()
  return 'what was uploaded comes back the same.'
}

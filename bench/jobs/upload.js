// Uploads over loopback.
import { createCipheriv, createHash } from 'node:crypto'
import { closeSync, createReadStream, openSync, readSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { createCRC64 } from 'hash-wasm'
import { BUCKET, openClient } from '../support/clients.js'
import { fileOf, IV, KEY } from '../support/inputs.js'
import { startMemoryStore } from '../support/memory-store.js'

export const question = 'How fast is an upload?'

const PART_BYTES = 8 * 2 ** 20

export const params = (mode) => {
  const bytes = mode === 'toy' ? 2 ** 25 : mode === 'quick' ? 256 * 2 ** 20 : 2 ** 30
  const counts = mode === 'full' ? [1, 4, 8, 12, 16] : mode === 'toy' ? [4] : [16]
  return counts.map((inFlight) => ({ bytes, inFlight }))
}

/** Parts of a file by plain requests, so many at a time. */
async function putParts({ endpoint, bytes, inFlight }, sendPart) {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight })
  let next = 0
  const worker = async () => {
    for (let part = next++; part * PART_BYTES < bytes; part = next++) {
      await sendPart(agent, endpoint, part, Math.min(PART_BYTES, bytes - part * PART_BYTES))
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  agent.destroy()
}

const plainRequest = (agent, endpoint, path, length, write) =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(endpoint)
    const options = { agent, hostname, port, path, method: 'PUT', headers: { 'content-length': length } }
    const sent = request(options, (answer) => answer.resume().on('end', resolve))
    sent.on('error', reject)
    void write(sent).catch(reject)
  })

/** What people write by hand: a stream of the part, the cipher, hashes beside it. */
const naive = {
  async prepare({ bytes, inFlight, folder }) {
    const file = fileOf(folder, bytes)
    const store = await startMemoryStore()
    const sendPart = (agent, endpoint, part, length) =>
      plainRequest(agent, endpoint, `/naive?partNumber=${part + 1}`, length, async (sent) => {
        const start = part * PART_BYTES
        const iv = Buffer.from(IV)
        iv.writeUInt32BE(start / 16, 8)
        const cipher = createCipheriv('aes-256-ctr', KEY, iv)
        const md5 = createHash('md5')
        const crc = (await createCRC64()).init()
        for await (const chunk of createReadStream(file, { start, end: start + length - 1 })) {
          const output = cipher.update(chunk)
          md5.update(output)
          crc.update(output)
          if (!sent.write(output)) await new Promise((resolve) => sent.once('drain', resolve))
        }
        md5.digest()
        crc.digest()
        sent.end()
      })
    return {
      bytes,
      run: () => putParts({ endpoint: store.endpoint, bytes, inFlight }, sendPart),
      close: store.close,
    }
  },
}

/** The least there is: the same parts from memory that is reused, neither encrypted nor digested. */
const plain = {
  async prepare({ bytes, inFlight, folder }) {
    const file = openSync(fileOf(folder, bytes), 'r')
    const store = await startMemoryStore()
    const free = Array.from({ length: inFlight }, () => Buffer.alloc(PART_BYTES))
    const sendPart = async (agent, endpoint, part, length) => {
      const memory = free.pop()
      const view = memory.subarray(0, length)
      readSync(file, view, 0, length, part * PART_BYTES)
      await plainRequest(
        agent,
        endpoint,
        `/plain?partNumber=${part + 1}`,
        length,
        async (sent) => void sent.end(view),
      )
      free.push(memory)
    }
    const close = () => {
      store.close()
      closeSync(file)
    }
    return { bytes, run: () => putParts({ endpoint: store.endpoint, bytes, inFlight }, sendPart), close }
  },
}

const ours = (options, threads, isExtra = false) => ({
  isExtra,
  async prepare({ bytes, inFlight, folder }) {
    const { client, close } = await openClient(options)
    const LocalFilePath = fileOf(folder, bytes)
    return {
      bytes,
      run: async () => {
        const upload = {
          Bucket: BUCKET,
          Key: 'k',
          LocalFilePath,
          PartSize: PART_BYTES,
          Concurrency: inFlight,
          threads,
        }
        await client.uploadFile(upload)
      },
      close,
    }
  },
})

export const contestants = {
  'naive: cipher, MD5, CRC-64, node:http': naive,
  'plain PUT by node:http': plain,
  'sealstream, plain client, CRC-64': ours({ integrity: 'crc64' }, 1, true),
  'sealstream, cos, CRC-64': ours({ format: 'cos', integrity: 'crc64' }, 1),
  'sealstream, cos, CRC-64, 2 threads': ours({ format: 'cos', integrity: 'crc64' }, 2),
  'sealstream, cos, MD5 + CRC-64': ours({ format: 'cos' }, 1),
  'sealstream, cos, MD5 + CRC-64, 2 threads': ours({ format: 'cos' }, 2),
  'sealstream, sealed, MD5 + CRC-64': ours({ format: 'sealed' }, 1),
  'sealstream, sealed, MD5 + CRC-64, 2 threads': ours({ format: 'sealed' }, 2),
}

const naiveName = 'naive: cipher, MD5, CRC-64, node:http'

export const ratios = [
  { of: 'sealstream, cos, CRC-64', to: 'plain PUT by node:http', atLeast: 0.55 },
  { of: 'sealstream, cos, CRC-64, 2 threads', to: 'plain PUT by node:http', atLeast: 0.55 },
  {
    of: 'sealstream, cos, MD5 + CRC-64',
    to: naiveName,
    atLeast: 3.5,
    when: ({ inFlight }) => inFlight === 16,
  },
  {
    of: 'sealstream, cos, MD5 + CRC-64, 2 threads',
    to: naiveName,
    atLeast: 6,
    when: ({ inFlight }) => inFlight === 16,
  },
]

export const notes = [
  'The store, in a process of its own, has the same two cores as the client: what it needs, the client lacks.',
]

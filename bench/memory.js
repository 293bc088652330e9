/**
 * How much memory does a transfer need, above a client that does nothing?
 *
 *   npm run bench:memory            4 GiB
 *   npm run bench:memory -- 512MiB
 *
 * A pipe of unknown length both ways, and a file both ways by several workers, with two settings. The limit is that of the
 * engine: 64 MiB + PartSize * (Concurrency + 2). The embedded server runs in a process of its own; each transfer runs alone in
 * one, and its peak is the operating system's figure (maxRSS).
 */
import { fork } from 'node:child_process'
import { createCipheriv, createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { AesMasterKey, CosEncryptionClient } from 'sealstream'
import { startServer } from 'sealstream/server'
import { parseSize } from '../dist/cli/location.js'

const SELF = fileURLToPath(import.meta.url)
const MIB = 1024 * 1024
const CHUNK = 64 * 1024

/** The same pseudo-random bytes in every run, and no file behind them. */
function* source(bytes) {
  const cipher = createCipheriv('aes-256-ctr', Buffer.alloc(32, 1), Buffer.alloc(16))
  const zeros = Buffer.alloc(CHUNK)
  for (let left = bytes; left > 0; left -= CHUNK)
    yield cipher.update(zeros.subarray(0, Math.min(left, CHUNK)))
}

/** Each is one process's work; gives the SHA-256 of what moved where that costs no second pass. */
const WORK = {
  async idle() {
    return undefined
  },
  async 'pipe up'(client, { bytes, settings }) {
    const hash = createHash('sha256')
    const tapped = function* () {
      for (const chunk of source(bytes)) {
        hash.update(chunk)
        yield chunk
      }
    }
    await pipeline(Readable.from(tapped()), client.createWriteStream({ Key: 'pipe', ...settings }))
    return hash.digest('hex')
  },
  async 'pipe down'(client) {
    const hash = createHash('sha256')
    await pipeline(client.createReadStream({ Key: 'pipe' }), async function (chunks) {
      for await (const chunk of chunks) hash.update(chunk)
    })
    return hash.digest('hex')
  },
  async uploadFile(client, { file, settings }) {
    await client.uploadFile({ Key: 'file', LocalFilePath: file, checkpoint: true, ...settings })
    return undefined
  },
  async downloadFile(client, { file, settings }) {
    await client.downloadFile({ Key: 'file', DestFilePath: `${file}.out`, checkpoint: true, ...settings })
    return undefined
  },
}

async function work(job) {
  const client = new CosEncryptionClient({
    endpoint: job.endpoint,
    credentials: job.credentials,
    bucket: 'memory-1250000000',
    masterKey: AesMasterKey.from(job.masterKey),
    format: 'cos',
  })
  const started = performance.now()
  const sha256 = await WORK[job.name](client, job)
  const seconds = (performance.now() - started) / 1000
  await client.close()
  return { sha256, seconds, peakMiB: process.resourceUsage().maxRSS / 1024 }
}

async function inChild(job) {
  const child = fork(SELF, ['--client'])
  child.send(job)
  const [outcome] = await once(child, 'message')
  child.disconnect()
  return outcome
}

async function sha256Of(file) {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: MIB }), hash)
  return hash.digest('hex')
}

async function main() {
  const bytes = parseSize(process.argv[2] ?? '4GiB', 'size')
  const folder = await mkdtemp(join(tmpdir(), 'sealstream-memory-'))
  const server = await startServer({ directory: join(folder, 'store') })
  try {
    const file = join(folder, 'source')
    await pipeline(Readable.from(source(bytes)), createWriteStream(file))
    const { endpoint, credentials } = server
    const common = { endpoint, credentials, masterKey: Buffer.alloc(32, 7).toString('base64'), bytes, file }
    const eight = { PartSize: 8 * MIB, Concurrency: 4 }
    const ten = { PartSize: 10 * MIB, Concurrency: 10 }
    const jobs = [
      ['idle', eight],
      ['pipe up', eight],
      ['pipe down', eight],
      ['uploadFile', eight],
      ['downloadFile', eight],
      ['uploadFile', ten],
      ['downloadFile', ten],
    ]
    const expected = await sha256Of(file)
    let idle = 0
    let failed = false
    console.log('transfer      parts             seconds  MB/s  peak RSS   above idle  limit')
    for (const [name, settings] of jobs) {
      const { sha256, seconds, peakMiB } = await inChild({ ...common, name, settings })
      if (name === 'idle') idle = peakMiB
      const limit = 64 + (settings.PartSize / MIB) * (settings.Concurrency + 2)
      const above = peakMiB - idle
      const found = name === 'downloadFile' ? await sha256Of(`${file}.out`) : sha256
      const same = found === undefined || found === expected
      failed ||= !same || above > limit
      const cells = [
        name.padEnd(13),
        `${settings.Concurrency} x ${settings.PartSize / MIB} MiB`.padEnd(14),
        seconds.toFixed(1).padStart(10),
        (name === 'idle' ? '' : (bytes / 1e6 / seconds).toFixed(0)).padStart(5),
        `${peakMiB.toFixed(0)} MiB`.padStart(9),
        `${above.toFixed(0)} MiB`.padStart(11),
        `${limit} MiB`.padStart(8),
        same ? '' : 'SHA-256 DIFFERS',
        above > limit ? 'OVER' : '',
      ]
      console.log(cells.join(' ').trimEnd())
    }
    console.log(failed ? 'FAILED' : 'every SHA-256 the same, every peak within its limit')
    if (failed) process.exitCode = 1
  } finally {
    await server.close()
    await rm(folder, { recursive: true, force: true })
  }
}

if (process.argv.includes('--client')) {
  process.once('message', (job) => {
    void work(job).then((outcome) => process.send?.(outcome))
  })
} else {
  await main()
}

/**
 * How much memory does a pipe of unknown length need, both ways?
 *
 *   npm run bench:memory            4 GiB
 *   npm run bench:memory -- 512MiB
 *
 * The embedded server runs in a process of its own. The client's peak is the operating system's figure (maxRSS) of a process
 * that does nothing else, running the built package; upload and download run in a process each.
 */
import { fork } from 'node:child_process'
import { createCipheriv, createHash } from 'node:crypto'
import { once } from 'node:events'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { AesMasterKey, CosEncryptionClient } from 'sealstream'
import { startServer } from 'sealstream/server'
import { parseSize } from '../dist/cli/location.js'

const SELF = fileURLToPath(import.meta.url)
const CHUNK = 64 * 1024

/** The same pseudo-random bytes in every run, and no file behind them. */
function* source(bytes) {
  const cipher = createCipheriv('aes-256-ctr', Buffer.alloc(32, 1), Buffer.alloc(16))
  const zeros = Buffer.alloc(CHUNK)
  for (let left = bytes; left > 0; left -= CHUNK)
    yield cipher.update(zeros.subarray(0, Math.min(left, CHUNK)))
}

async function work(job) {
  const client = new CosEncryptionClient({
    endpoint: job.endpoint,
    credentials: job.credentials,
    bucket: 'memory-1250000000',
    masterKey: AesMasterKey.from(job.masterKey),
    format: 'cos',
  })
  const hash = createHash('sha256')
  let bytes = 0
  const started = performance.now()
  if (job.direction === 'upload') {
    const tapped = function* () {
      for (const chunk of source(job.bytes)) {
        hash.update(chunk)
        bytes += chunk.length
        yield chunk
      }
    }
    await pipeline(Readable.from(tapped()), client.createWriteStream({ Key: 'pipe' }))
  } else if (job.direction === 'download') {
    const sink = new Writable({
      write(chunk, _encoding, done) {
        hash.update(chunk)
        bytes += chunk.length
        done()
      },
    })
    await pipeline(client.createReadStream({ Key: 'pipe' }), sink)
  }
  const seconds = (performance.now() - started) / 1000
  await client.close()
  return { sha256: hash.digest('hex'), bytes, seconds, peakMiB: process.resourceUsage().maxRSS / 1024 }
}

async function inChild(job) {
  const child = fork(SELF, ['--client'])
  child.send(job)
  const [outcome] = await once(child, 'message')
  child.disconnect()
  return outcome
}

async function main() {
  const bytes = parseSize(process.argv[2] ?? '4GiB', 'size')
  const server = await startServer()
  try {
    const { endpoint, credentials } = server
    const masterKey = Buffer.alloc(32, 7).toString('base64')
    const rows = []
    for (const direction of ['idle', 'upload', 'download']) {
      rows.push([direction, await inChild({ direction, endpoint, credentials, masterKey, bytes })])
    }
    console.log('process   bytes        seconds  MB/s  peak RSS')
    for (const [name, { bytes: done, seconds, peakMiB }] of rows) {
      const rate = done === 0 ? '' : (done / 1e6 / seconds).toFixed(0)
      const cells = [
        name.padEnd(9),
        String(done).padEnd(12),
        seconds.toFixed(1).padStart(7),
        rate.padStart(5),
      ]
      console.log(`${cells.join(' ')}  ${peakMiB.toFixed(0)} MiB`)
    }
    const [, upload, download] = rows.map(([, outcome]) => outcome)
    const same = upload?.bytes === bytes && upload.sha256 === download?.sha256
    const highest = Math.max(...rows.map(([, { peakMiB }]) => peakMiB))
    console.log(same ? 'SHA-256 of both ways: the same' : 'SHA-256 DIFFERS')
    console.log(`peak ${highest < 200 ? 'under' : 'NOT under'} 200 MiB`)
    if (!same || highest >= 200) process.exitCode = 1
  } finally {
    await server.close()
  }
}

if (process.argv.includes('--client')) {
  process.once('message', (job) => {
    void work(job).then((outcome) => process.send?.(outcome))
  })
} else {
  await main()
}

/** `sealstream demo`: the main job end to end, on a real file, with every claim checked. */
import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { CosEncryptionClient } from '../client.js'
import { CosClient } from '../cos-client.js'
import { ciphertextSizeOf, type Format } from '../crypto/format.js'
import { SealstreamError } from '../errors.js'
import { AesMasterKey } from '../keys/aes-master-key.js'
import type { MasterKey } from '../keys/master-key.js'
import { RsaMasterKey } from '../keys/rsa-master-key.js'
import { startServer, type RunningServer } from '../server/index.js'
import { progressStream } from '../stream/progress-stream.js'
import { checkCiphertext, checkRanges, type RangeCheck } from './demo-checks.js'
import { parseSize } from './location.js'
import { Output, sizeText } from './output.js'
import { openSource } from './source.js'

interface DemoOptions {
  size: string
  json?: boolean
}

/** What the demo measured and compared for one master key. */
interface Row {
  readonly masterKey: string
  readonly format: Format
  readonly bytes: number
  readonly uploadRate: number
  readonly downloadRate: number
  readonly equalBytes: number
  readonly ranges: RangeCheck[]
  readonly same: boolean
}

const BUCKET = 'demo-1250000000'

export function addDemo(program: Command, signal: AbortSignal): void {
  program
    .command('demo [file]')
    .description('encrypt a file into the embedded server with an AES and an RSA key, and read it back')
    .option('--size <size>', 'of the random file that is made where none is given', '256MiB')
    .option('--json', 'for scripts')
    .action((file: string | undefined, options: DemoOptions) => runDemo(file, options, signal))
}

async function runDemo(file: string | undefined, options: DemoOptions, signal: AbortSignal): Promise<void> {
  const output = new Output({ json: options.json ?? false })
  if (file !== undefined) await (await openSource(file)).close()
  const folder = await mkdtemp(join(tmpdir(), 'sealstream-demo-'))
  let server: RunningServer | undefined
  try {
    const source =
      file ?? (await makeFile(join(folder, 'random'), parseSize(options.size, '--size'), output, signal))
    server = await startServer({ directory: join(folder, 'store') })
    const rows: Row[] = []
    for (const { label, masterKey, format } of await makeKeys(folder, output)) {
      rows.push(await runKey({ label, masterKey, format, source, server, output, signal }))
    }
    output.result(table(rows), { file: source, rows })
    if (!rows.every((row) => row.same))
      throw new SealstreamError('SEALSTREAM_INTEGRITY', 'what came back is not what went in')
  } finally {
    await server?.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Random bytes, at the speed of AES: nothing about them can be compressed or guessed. */
async function makeFile(path: string, bytes: number, output: Output, signal: AbortSignal): Promise<string> {
  output.note(`making a file of ${sizeText(bytes)} random bytes`)
  const cipher = createCipheriv('aes-256-ctr', randomBytes(32), randomBytes(16))
  const zeros = Buffer.alloc(1024 * 1024)
  const chunks = function* (): Generator<Buffer> {
    for (let left = bytes; left > 0; left -= zeros.length) yield cipher.update(zeros.subarray(0, left))
  }
  await pipeline(Readable.from(chunks()), createWriteStream(path, { mode: 0o600 }), { signal })
  return path
}

/** Made as keygen makes them, written to files and read back from there. */
async function makeKeys(
  folder: string,
  output: Output,
): Promise<{ label: string; masterKey: MasterKey; format: Format }[]> {
  const [aes, privateKey, publicKey] = ['aes.key', 'rsa.pem', 'rsa-public.pem'].map((name) =>
    join(folder, name),
  ) as [string, string, string]
  await AesMasterKey.generate().toFile(aes)
  await (await RsaMasterKey.generate()).toFiles({ privateKey, publicKey })
  output.note(`made an AES-256 and an RSA-3072 master key in ${folder}`)
  return [
    { label: 'AES-256', masterKey: await AesMasterKey.fromFile(aes), format: 'sealed' },
    { label: 'RSA-3072', masterKey: await RsaMasterKey.fromFiles({ privateKey, publicKey }), format: 'cos' },
  ]
}

async function runKey(run: {
  label: string
  masterKey: MasterKey
  format: Format
  source: string
  server: RunningServer
  output: Output
  signal: AbortSignal
}): Promise<Row> {
  const { label, masterKey, format, source, server, output, signal } = run
  const { endpoint, credentials } = server
  const options = { endpoint, credentials, bucket: BUCKET }
  const client = new CosEncryptionClient({ ...options, masterKey, format })
  const plain = new CosClient(options)
  const Key = `demo/${label}`
  const { size } = await stat(source)
  try {
    const upload = await timed(() =>
      hashed(
        createReadStream(source, { highWaterMark: 1024 * 1024 }),
        client.createWriteStream({ Key, signal, Metadata: { origin: 'sealstream demo' } }),
        { label: `${label} upload`, total: size, output, signal },
      ),
    )
    output.note(`${label}: what the store holds beside the ciphertext`)
    const head = await plain.headObject({ Key, signal })
    for (const [name, value] of Object.entries(head.Metadata))
      output.note(`  x-cos-meta-${name}: ${shorten(value)}`)
    const equalBytes = await checkCiphertext(
      source,
      plain.createReadStream({ Key, signal }),
      ciphertextSizeOf(format, size),
    )
    const download = await timed(() =>
      hashed(client.createReadStream({ Key, signal }), undefined, {
        label: `${label} download`,
        total: size,
        output,
        signal,
      }),
    )
    const ranges = await checkRanges(client, { Key, source, size, signal })
    const same = upload.value === download.value && ranges.every((range) => range.same)
    output.note(`${label}: SHA-256 of the file ${upload.value}`)
    output.note(
      `${label}: SHA-256 read back  ${download.value} ${upload.value === download.value ? '(the same)' : '(DIFFERENT)'}`,
    )
    for (const range of ranges)
      output.note(`${label}: bytes ${range.range}: ${range.same ? 'the same' : 'DIFFERENT'}`)
    return {
      masterKey: label,
      format,
      bytes: size,
      uploadRate: size / upload.seconds,
      downloadRate: size / download.seconds,
      equalBytes,
      ranges,
      same,
    }
  } finally {
    await plain.close()
    await client.close()
  }
}

/** Runs bytes through to a sink, or to nowhere, and gives their SHA-256. */
async function hashed(
  source: Readable,
  sink: NodeJS.WritableStream | undefined,
  show: { label: string; total: number; output: Output; signal: AbortSignal },
): Promise<string> {
  const hash = createHash('sha256')
  const { listener, stop } = show.output.progress(show.label, show.total)
  const tap = new Transform({
    highWaterMark: 1024 * 1024,
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, sink === undefined ? undefined : chunk)
    },
  })
  const progress = progressStream({ total: show.total, onProgress: listener })
  await (
    sink === undefined
      ? pipeline(source, progress, tap.resume(), show)
      : pipeline(source, progress, tap, sink, show)
  ).finally(stop)
  return hash.digest('hex')
}

async function timed<Value>(job: () => Promise<Value>): Promise<{ value: Value; seconds: number }> {
  const started = performance.now()
  const value = await job()
  return { value, seconds: (performance.now() - started) / 1000 }
}

function shorten(value: string): string {
  return value.length > 44 ? `${value.slice(0, 41)}... (${value.length} characters)` : value
}

function table(rows: readonly Row[]): string {
  const cells = [
    [
      'master key',
      'format',
      'size',
      'upload',
      'download',
      'stored bytes equal to the file',
      'whole',
      'ranges',
    ],
    ...rows.map((row) => [
      row.masterKey,
      row.format,
      sizeText(row.bytes),
      `${(row.uploadRate / 1e6).toFixed(0)} MB/s`,
      `${(row.downloadRate / 1e6).toFixed(0)} MB/s`,
      `${(row.equalBytes * 100).toFixed(2)} % (chance: 0.39 %)`,
      row.same ? 'same SHA-256' : 'DIFFERENT',
      `${row.ranges.filter((range) => range.same).length} of ${row.ranges.length} same`,
    ]),
  ]
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? []
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** `sealstream put`: a file or standard input, encrypted, to an object. */
import { open, type FileHandle } from 'node:fs/promises'
import { Transform, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { CosEncryptionClient } from '../client.js'
import type { Format } from '../crypto/format.js'
import { SealstreamError } from '../errors.js'
import { fileFingerprint } from '../internal/file-fingerprint.js'
import { progressStream } from '../stream/progress-stream.js'
import { addConnectionOptions, connect, type ConnectionOptions } from './connection.js'
import { parseLocation, parseMetadata, parseSize } from './location.js'
import { addKeyOptions, readMasterKey, type KeyOptions } from './master-key.js'
import { Output, sizeText } from './output.js'

interface PutOptions extends ConnectionOptions, KeyOptions {
  format: Format
  partSize: string
  contentType?: string
  metadata: string[]
  json?: boolean
}

/** What is read, and how much of it there is. */
interface Source {
  readonly stages: [Readable, ...Transform[]]
  readonly total: number | undefined
}

export function addPut(program: Command, signal: AbortSignal): void {
  const put = program
    .command('put <file> <object>')
    .description('encrypt FILE (- for standard input) and store it as cos://BUCKET/KEY')
    .option('--format <format>', 'cos (read by the COS Python and Java SDKs) or cos-python', 'cos')
    .option('--part-size <size>', 'bytes of a part, or with KiB, MiB, GiB', '8MiB')
    .option('--content-type <type>', 'stored with the object')
    .option('--metadata <name=value>', 'user metadata; may be repeated', collect, [])
    .option('--json', 'for scripts')
    .action((file: string, object: string, options: PutOptions) => runPut(file, object, options, signal))
  addConnectionOptions(addKeyOptions(put))
}

async function runPut(file: string, object: string, options: PutOptions, signal: AbortSignal): Promise<void> {
  const { bucket: Bucket, key: Key } = parseLocation(object)
  const output = new Output({ json: options.json ?? false })
  const PartSize = parseSize(options.partSize, '--part-size')
  const Metadata = parseMetadata(options.metadata)
  const masterKey = await readMasterKey(options)
  const connection = await connect(options)
  try {
    const client = new CosEncryptionClient({ ...connection.clientOptions, masterKey, format: options.format })
    const contentType = options.contentType === undefined ? {} : { ContentType: options.contentType }
    const target = { Bucket, Key, PartSize, Metadata, signal, ...contentType }
    const started = performance.now()
    const stored = await withSource(file, async ({ stages, total }) => {
      const { listener, stop } = output.progress(`put ${Key}`, total)
      const stream = client.createWriteStream(target)
      await pipeline([...stages, progressStream({ total, onProgress: listener }), stream], {
        signal,
      }).finally(stop)
      return stream.result
    })
    await client.close()
    const seconds = (performance.now() - started) / 1000
    const rate = sizeText(stored.StoredLength / seconds)
    output.result(
      `stored ${sizeText(stored.StoredLength)} as cos://${Bucket}/${Key}, format ${options.format}, verified by ${stored.verified}, ${rate}/s`,
      { ...stored, format: options.format },
    )
  } finally {
    await connection.close()
  }
}

/** Opens the file, hands its bytes on, and makes sure at the end that they are the bytes of one and the same file. */
async function withSource<Result>(file: string, use: (source: Source) => Promise<Result>): Promise<Result> {
  if (file === '-') return use({ stages: [process.stdin], total: undefined })
  const handle = await openFile(file)
  try {
    const stats = await handle.stat()
    const stream = handle.createReadStream({ autoClose: false, highWaterMark: 1024 * 1024 })
    if (!stats.isFile()) return await use({ stages: [stream], total: undefined })
    const unchanged = await unchangedFile(handle, file)
    return await use({ stages: [stream, unchanged], total: stats.size })
  } finally {
    await handle.close()
  }
}

async function openFile(file: string): Promise<FileHandle> {
  let handle: FileHandle | undefined
  try {
    handle = await open(file, 'r')
    if (!(await handle.stat()).isDirectory()) return handle
  } catch (error) {
    await handle?.close()
    throw new SealstreamError('SEALSTREAM_FILE', `cannot read ${file}: ${(error as Error).message}`, {
      cause: error,
    })
  }
  await handle.close()
  throw new SealstreamError('SEALSTREAM_FILE', `cannot read ${file}: it is a directory`)
}

/** Passes bytes through; fails at the end, before anything is committed, if the file changed meanwhile. */
async function unchangedFile(handle: FileHandle, file: string): Promise<Transform> {
  const before = await fileFingerprint(handle)
  return new Transform({
    transform: (chunk, _encoding, done) => done(null, chunk),
    flush(done) {
      fileFingerprint(handle).then((after) => {
        if (after === before) done()
        else done(new SealstreamError('SEALSTREAM_SOURCE_CHANGED', `${file} changed while it was being read`))
      }, done)
    },
  })
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value]
}

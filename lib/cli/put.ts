/** `sealstream put`: a file or standard input, encrypted, to an object. */
import type { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { CosEncryptionClient } from '../client.js'
import type { Format } from '../crypto/format.js'
import type { ObjectWriteStream } from '../transfer/object-write-stream.js'
import { progressStream } from '../stream/progress-stream.js'
import { addConnectionOptions, connect, type ConnectionOptions } from './connection.js'
import { parseLocation, parseMetadata, parseSize } from './location.js'
import { addKeyOptions, readMasterKey, type KeyOptions } from './master-key.js'
import { Output, printable, sizeText } from './output.js'
import { withSource } from './source.js'

interface PutOptions extends ConnectionOptions, KeyOptions {
  format: Format
  partSize: string
  contentType?: string
  metadata: string[]
  json?: boolean
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
    const stored = await withSource(file, async (source, total) => {
      const { listener, stop } = output.progress(`put ${printable(Key)}`, total)
      const stream = client.createWriteStream(target)
      const watch = progressStream({ total, onProgress: listener })
      await store(source, watch, stream, signal).finally(stop)
      return stream.result
    })
    await client.close()
    const seconds = (performance.now() - started) / 1000
    const rate = sizeText(stored.StoredLength / seconds)
    output.result(
      `stored ${sizeText(stored.StoredLength)} as cos://${Bucket}/${printable(Key)}, format ${options.format}, verified by ${stored.verified}, ${rate}/s`,
      { ...stored, format: options.format },
    )
  } finally {
    await connection.close()
  }
}

/** Runs bytes into a request stream. Where that fails, waits until what was begun on the service has been dropped. */
async function store(
  source: Readable,
  watch: Transform,
  target: ObjectWriteStream,
  signal: AbortSignal,
): Promise<void> {
  const closed = new Promise<void>((resolve) => target.once('close', resolve))
  try {
    await pipeline(source, watch, target, { signal })
  } catch (error) {
    await closed
    throw error
  }
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value]
}

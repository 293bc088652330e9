/**
 * Uploads of files by several threads, one after another, in a process of its own. Reads its tasks as JSON from standard input; writes what
 * became of them to standard output when it is about to end by itself. Run as a bundle: see thread-bench.ts.
 */
import { text } from 'node:stream/consumers'
import { Worker } from 'node:worker_threads'
import { CosEncryptionClient } from '../../lib/client.js'
import { CosClient, type CosClientOptions } from '../../lib/cos-client.js'
import type { Format } from '../../lib/crypto/format.js'
import { SealstreamError } from '../../lib/errors.js'
import { mastersOf, type ReaderKeys } from './sealed-object.js'

/** An upload. */
export interface ThreadTask {
  readonly kind: 'plain' | Format
  readonly integrity?: 'md5+crc64' | 'crc64'
  readonly Key: string
  readonly LocalFilePath: string
  readonly PartSize: number
  readonly Concurrency: number
  readonly threads?: number
  readonly EnableMD5?: boolean
  readonly checkpoint?: string
  /** Aborts it when so many bytes are stored. */
  readonly abortAt?: number
}

export interface ThreadTasks {
  readonly connection: CosClientOptions
  readonly keys: ReaderKeys
  readonly tasks: readonly ThreadTask[]
}

export interface ThreadOutcome {
  /** Undefined where the upload failed. */
  readonly stored?: { readonly HashCrc64ecma?: string; readonly ETag: string; readonly verified: string }
  /** Of the error that it failed with; where that is no error of this package, what it says. */
  readonly failure?: string
  /** The kinds of what was told meanwhile. */
  readonly events: readonly string[]
  /** How many made its parts. */
  readonly threads: number
}

export interface ThreadReport {
  readonly outcomes: readonly ThreadOutcome[]
  readonly warnings: readonly (string | undefined)[]
  /** Threads that were started, for all uploads. */
  readonly started: number
}

async function run({ connection, keys, tasks }: ThreadTasks): Promise<void> {
  let [threads, started] = [0, 0]
  const warnings: (string | undefined)[] = []
  process.on('worker', () => (started += 1))
  const post = Reflect.get(Worker.prototype, 'postMessage') as (this: Worker, message: unknown) => void
  Worker.prototype.postMessage = function (this: Worker, message: { readonly type: string }): void {
    if (message.type === 'begin') threads += 1
    post.call(this, message)
  }
  process.on('warning', (warning: Error & { code?: string }) =>
    warnings.push(warning.code ?? warning.message),
  )
  const masters = mastersOf(keys)
  const outcomes: ThreadOutcome[] = []
  for (const { kind, integrity = 'md5+crc64', abortAt = Infinity, ...params } of tasks) {
    const options = { ...connection, integrity }
    const masterKey = kind === 'cos-java-gcm' ? masters.rsa : masters.aes
    const client =
      kind === 'plain'
        ? new CosClient(options)
        : new CosEncryptionClient({ ...options, format: kind, masterKey })
    const events: string[] = []
    const abort = new AbortController()
    const before = threads
    const upload = client.uploadFile({
      ...params,
      signal: abort.signal,
      onEvent: ({ type }) => void events.push(type),
      onProgress: ({ bytes }) => {
        if (bytes >= abortAt) abort.abort(new Error('the reason'))
      },
    })
    const outcome = await upload.then(
      ({ HashCrc64ecma, ETag, verified }) => ({
        stored: { ETag, verified, ...(HashCrc64ecma === undefined ? {} : { HashCrc64ecma }) },
      }),
      (error: unknown) => ({ failure: error instanceof SealstreamError ? error.code : String(error) }),
    )
    outcomes.push({ ...outcome, events, threads: threads - before })
    await client.close()
  }
  // Nothing is left that would hold the process: it is never told to end.
  process.once('exit', () => process.stdout.write(JSON.stringify({ outcomes, warnings, started })))
}

await run(JSON.parse(await text(process.stdin)) as ThreadTasks)

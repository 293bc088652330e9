/** Runs thread-child.ts as a bundle, beside which the file of the threads lies, or is missing. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { buildSync } from 'esbuild'
import { crc64 } from '../../lib/checksum/crc64.js'
import { expectedBytes, rawObject } from './format-writers.js'
import { BUCKET } from './raw-request.js'
import { makeKeys, mastersOf } from './sealed-object.js'
import type { ThreadOutcome, ThreadReport, ThreadTask, ThreadTasks } from './thread-child.js'
import { content, PART, type TransferBench } from './transfers.js'

const pathOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const CHILD = pathOf('thread-child.ts')
const THREAD = pathOf('../../lib/transfer/part-thread.ts')

/** What a bundle of CommonJS modules asks for. */
const BANNER = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)`

/** What becomes of the file of the threads. */
interface ThreadFile {
  readonly thread?: 'there' | 'missing' | 'empty' | 'forbidden'
  /** Starts the program as text, besides with an option that threads do not take one by one. */
  readonly isText?: boolean
}

class ThreadBench {
  readonly #arguments: readonly string[]
  readonly #folder = mkdtempSync(join(tmpdir(), 'sealstream-threads-'))

  constructor({ thread = 'there', isText = false }: ThreadFile = {}) {
    const program = join(this.#folder, 'child.js')
    // The permission model of Node.js, without --allow-worker.
    const permissions = ['--experimental-permission', '--allow-fs-read=*', '--allow-fs-write=*']
    this.#arguments = isText
      ? ['--single-threaded-gc', '--input-type=module', '--eval', `await import(${JSON.stringify(program)})`]
      : [...(thread === 'forbidden' ? permissions : []), program]
    buildSync({
      entryPoints: ['there', 'forbidden'].includes(thread)
        ? { child: CHILD, 'part-thread': THREAD }
        : { child: CHILD },
      outdir: this.#folder,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      banner: { js: BANNER },
      logLevel: 'error',
    })
    writeFileSync(join(this.#folder, 'package.json'), '{"type":"module"}')
    if (thread === 'empty') writeFileSync(join(this.#folder, 'part-thread.js'), '')
  }

  /**
   * Resolves when the process has ended by itself.
   *
   * @throws Where it ended otherwise.
   */
  run(tasks: ThreadTasks): Promise<ThreadReport> {
    return new Promise((resolve, reject) => {
      const child = execFile(process.execPath, this.#arguments, { timeout: 50_000 }, (error, stdout) => {
        if (error === null) resolve(JSON.parse(stdout) as ThreadReport)
        else reject(new Error('the process failed', { cause: error }))
      })
      child.stdin!.end(JSON.stringify(tasks))
    })
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Four parts in every format. */
export const SIZE = 3 * PART + 7
export const PARTS = 4
export const PLAIN = content(SIZE, 61)

const KEYS = makeKeys(62)
export const MASTERS = mastersOf(KEYS)

/** Uploads of the file `source` in the bench's folder. */
export class ThreadUploads {
  readonly #bench: TransferBench
  readonly #processes: () => ThreadBench

  constructor(bench: TransferBench, processes: () => ThreadBench) {
    this.#bench = bench
    this.#processes = processes
  }

  task(kind: ThreadTask['kind'], more: Partial<ThreadTask> = {}): ThreadTask {
    const LocalFilePath = this.#bench.path('source')
    return { kind, Key: 'k', LocalFilePath, PartSize: PART, Concurrency: 4, threads: 2, ...more }
  }

  /** All of them, one after another, in one process that ends by itself. */
  report(...tasks: readonly ThreadTask[]): Promise<ThreadReport> {
    const { endpoint, credentials } = this.#bench.server
    const connection = { endpoint, credentials, bucket: BUCKET, retry: { attempts: 1 } }
    return this.#processes().run({ connection, keys: KEYS, tasks })
  }

  /** The same; nothing was warned of. */
  async outcomes(...tasks: readonly ThreadTask[]): Promise<readonly ThreadOutcome[]> {
    const { outcomes, warnings } = await this.report(...tasks)
    expect(warnings).to.deep.equal([])
    return outcomes
  }

  /** What is stored is the source, by the models alone, and what was said of it is true. */
  async expectStored({ kind, Key }: ThreadTask, { failure, stored }: ThreadOutcome): Promise<void> {
    expect(failure, Key).to.equal(undefined)
    const object = await rawObject(this.#bench, Key)
    const masterKey = kind === 'cos-java-gcm' ? MASTERS.rsa : MASTERS.aes
    const expected = kind === 'plain' ? PLAIN : await expectedBytes(masterKey, object, PLAIN)
    expect(object.bytes.equals(expected), Key).to.equal(true)
    expect(stored, Key).to.include({
      HashCrc64ecma: String(crc64(object.bytes)),
      ETag: object.headers['etag'],
      verified: 'crc64',
    })
  }
}

/** Call inside `describe`: one bundle for all of its tests, and the source afresh for each. */
export function threadUploads(bench: TransferBench, options?: ThreadFile): ThreadUploads {
  let processes: ThreadBench | undefined
  before(() => void (processes = new ThreadBench(options)))
  after(() => processes?.close())
  beforeEach(() => writeFile(bench.path('source'), PLAIN))
  return new ThreadUploads(bench, () => processes!)
}

/** Transfers in processes of their own that are killed at named moments, and what is there at each moment. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { CosClient } from '../../lib/cos-client.js'
import { type RunningServer, startServer } from '../../lib/server/index.js'
import type { TransferEvent } from '../../lib/transfer/upload-job.js'
import type { ChildLine, ChildTask } from './kill-child.js'
import { type GateCall, type GateStop, KillGate } from './kill-gate.js'
import type { FileStop } from './kill-hook.js'
import { BUCKET } from './raw-request.js'
import { Seeded } from './seeded.js'

export const PART_SIZE = 1024 * 1024
/** Six parts, and a seventh that is short and odd. */
export const SIZE = 6 * PART_SIZE + 12_345
export const PARTS = [1, 2, 3, 4, 5, 6, 7] as const
export const CONCURRENCY = 3

/** Where a process dies: a call that the service sees, or a step on the file system. */
export type Kill = GateStop | FileStop

/** Words for titles. */
export function nameOf(kill: Kill): string {
  if ('step' in kill) return `${kill.when} "${kill.step}" ${kill.nth}`
  return `when ${kill.operation}${kill.part === undefined ? '' : ` ${kill.part}`} ${kill.moment}`
}

/** A process that has ended. */
export interface Run {
  readonly signal: NodeJS.Signals | null
  readonly code: number | null
  readonly events: readonly TransferEvent[]
  /** How it ended, where it could say so. */
  readonly end: ChildLine | undefined
  readonly stderr: string
  /** What it asked of the service. */
  readonly calls: readonly GateCall[]
}

/** What is there between two runs. */
export interface State {
  /** The checkpoint's content. */
  readonly checkpoint: Readonly<Record<string, unknown>> | undefined
  /** Upload id → numbers of the parts that the service has. */
  readonly uploads: ReadonlyMap<string, readonly number[]>
  readonly hasObject: boolean
  /** Names in the folder. */
  readonly files: readonly string[]
}

/** A server, and folders for children. One for each file of specs. */
export class KillBench {
  readonly server: RunningServer
  readonly plain: CosClient
  #keys = 0

  private constructor(server: RunningServer) {
    this.server = server
    const { endpoint, credentials } = server
    this.plain = new CosClient({ endpoint, credentials, bucket: BUCKET })
  }

  static async open(): Promise<KillBench> {
    bundle()
    return new KillBench(await startServer())
  }

  async close(): Promise<void> {
    void this.plain.close()
    await this.server.close()
  }

  /** One transfer over several processes. End it with `close`. */
  async transfer(operation: ChildTask['operation'], key = `key-${++this.#keys}`): Promise<KilledTransfer> {
    const gate = await KillGate.open(this.server, PART_SIZE)
    const folder = await mkdtemp(join(tmpdir(), 'sealstream-kill-'))
    return new KilledTransfer(this, gate, { operation, key, path: join(folder, 'file'), folder })
  }
}

interface Place {
  readonly operation: ChildTask['operation']
  readonly key: string
  /** Of the source, or of the target. */
  readonly path: string
  readonly folder: string
}

/** The same call in one process after another. */
export class KilledTransfer {
  readonly gate: KillGate
  readonly key: string
  readonly path: string
  readonly #bench: KillBench
  readonly #place: Place

  constructor(bench: KillBench, gate: KillGate, place: Place) {
    this.gate = gate
    this.key = place.key
    this.path = place.path
    this.#bench = bench
    this.#place = place
  }

  /**
   * Runs it in a new process.
   *
   * @param kill - When to kill it: at a moment, or when this resolves. Default: never.
   */
  async run(kill?: Kill | Promise<void>): Promise<Run> {
    const { operation, key, path } = this.#place
    const { endpoint } = this.gate
    const { credentials } = this.#bench.server
    const place = { operation, key, path, bucket: BUCKET, endpoint, credentials, masterKey: MASTER_KEY }
    const task = { ...place, partSize: PART_SIZE, concurrency: CONCURRENCY }
    if (kill === undefined) return this.#spawn(task)
    if (kill instanceof Promise) return this.#spawn(task, kill)
    return 'step' in kill ? this.#spawn({ ...task, stop: kill }) : this.#spawn(task, this.gate.reached(kill))
  }

  async #spawn(task: ChildTask, reached?: Promise<void>): Promise<Run> {
    this.gate.calls = []
    const child = spawn(process.execPath, [bundle()], { env: environment() })
    const hung = setTimeout(() => child.kill('SIGABRT'), 60_000)
    const output = Promise.all([text(child.stdout), text(child.stderr)])
    const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
    void reached?.then(() => child.kill('SIGKILL'))
    child.stdin.on('error', () => undefined)
    child.stdin.end(JSON.stringify(task))
    const [[stdout, stderr], [code, signal]] = await Promise.all([output, ended])
    clearTimeout(hung)
    await this.gate.idle()
    const lines = stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as ChildLine)
    const events = lines.flatMap((line) => (line.type === 'event' ? [line.event] : []))
    const end = lines.find(({ type }) => type !== 'event')
    return { code, signal, events, end, stderr, calls: this.gate.calls }
  }

  /** What is there now. */
  async state(): Promise<State> {
    const { folder, key } = this.#place
    const { plain } = this.#bench
    const files = (await readdir(folder)).sort()
    const found = files.find((name) => /\.(upload|download)$/.test(name))
    const checkpoint =
      found === undefined
        ? undefined
        : (JSON.parse(await readFile(join(folder, found), 'utf8')) as Record<string, unknown>)
    const listed = (await plain.listMultipartUploads({ Prefix: key })).Upload.filter(
      (upload) => upload.Key === key,
    )
    const uploads = new Map<string, number[]>()
    for (const { UploadId } of listed) {
      const { Part } = await plain.listParts({ Key: key, UploadId })
      uploads.set(
        UploadId,
        Part.map(({ PartNumber }) => PartNumber),
      )
    }
    const objects = await plain.listObjects({ Prefix: key })
    return { checkpoint, uploads, hasObject: objects.Contents.some(({ Key }) => Key === key), files }
  }

  async close(): Promise<void> {
    await this.gate.close()
    await rm(this.#place.folder, { recursive: true, force: true })
  }
}

/** The key of {@link AES_256}, as children get it. */
const MASTER_KEY = new Seeded(256).bytes(32).toString('base64')

function environment(): NodeJS.ProcessEnv {
  // The bundle would be counted as a file of its own.
  const { NODE_V8_COVERAGE: _, NODE_OPTIONS: __, ...rest } = process.env
  return rest
}

let built: string | undefined

/** The program of the children in one file: loading it from its sources takes ten times as long. */
function bundle(): string {
  if (built !== undefined) return built
  const folder = mkdtempSync(join(tmpdir(), 'sealstream-kill-child-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const outfile = join(folder, 'child.mjs')
  buildSync({
    entryPoints: [fileURLToPath(new URL('kill-child.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    // Less to compile.
    minifyWhitespace: true,
    minifySyntax: true,
    banner: {
      js: "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)",
    },
    outfile,
  })
  return (built = outfile)
}

/**
 * Starts to tell all stories, two at a time; call inside `describe`. The function it gives waits for the story of a point.
 */
export function stories<Point, Story>(
  points: readonly Point[],
  tell: (bench: KillBench, point: Point) => Promise<Story>,
): (point: Point) => Promise<Story> {
  const told = new Map<Point, Promise<Story>>()
  let bench: KillBench
  before(async () => {
    bench = await KillBench.open()
    const lanes: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()]
    points.forEach((point, i) => {
      const story = lanes[i % 2]!.then(() => tell(bench, point))
      told.set(point, story)
      // Whoever asks for it hears of its failure.
      lanes[i % 2] = story.catch(() => undefined)
    })
  })
  after(async () => {
    await Promise.allSettled(told.values())
    await bench.close()
  })
  return (point) => told.get(point)!
}

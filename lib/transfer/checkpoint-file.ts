/** A checkpoint on disk: JSON that appears whole or not at all, mode 0600 (DESIGN 6). */
import { createHash } from 'node:crypto'
import { readdir, readFile, realpath, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { OptionError, SealstreamError } from '../errors.js'
import { openPending } from '../internal/atomic-file.js'
import { assertText } from '../internal/assert.js'

/** What a checkpoint is of. */
export type CheckpointKind = 'upload' | 'download'

/** What is found where a checkpoint may be. */
export type FoundCheckpoint =
  | { readonly type: 'none' }
  /** Ours, and not to be followed: torn, or of another version. */
  | { readonly type: 'unusable'; readonly reason: string }
  | { readonly type: 'state'; readonly state: Readonly<Record<string, unknown>> }

const VERSION = 1

/** Larger than the checkpoint of 10,000 parts by far; what is larger is something else. */
const MOST_BYTES = 64 * 1024 * 1024

/** One checkpoint. Writes are merged: only the newest state matters. */
export class CheckpointFile {
  readonly path: string
  readonly #kind: CheckpointKind
  #writing: Promise<void> | undefined
  #next: Promise<void> | undefined
  #isDurable = false

  constructor(path: string, kind: CheckpointKind) {
    this.path = path
    this.#kind = kind
  }

  /**
   * Reads it.
   *
   * @throws SealstreamError `SEALSTREAM_CHECKPOINT` where the file is somebody else's: it would be overwritten.
   */
  async load(): Promise<FoundCheckpoint> {
    await this.#sweep()
    let text: string
    try {
      const { size } = await stat(this.path)
      if (size > MOST_BYTES) throw this.#failed(`is no ${this.#kind} checkpoint, and would be overwritten`)
      text = await readFile(this.path, 'utf8')
    } catch (error) {
      if (error instanceof SealstreamError) throw error
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { type: 'none' }
      throw this.#failed('could not be read', error)
    }
    const marker = `{"sealstream":"${this.#kind}"`
    // A power failure can leave an empty file, or the beginning of one.
    if (text === '' || (text.length < marker.length && marker.startsWith(text))) {
      return { type: 'unusable', reason: 'the checkpoint was cut short' }
    }
    if (!text.startsWith(marker)) {
      throw this.#failed(`is no ${this.#kind} checkpoint, and would be overwritten`)
    }
    const state = parsed(text)
    if (state === undefined) return { type: 'unusable', reason: 'the checkpoint was cut short' }
    return { type: 'state', state }
  }

  /**
   * Writes the newest state. Resolves when a state at least as new as now is there; many calls share one write.
   *
   * @param state - Called when it is written.
   * @param options - `durable`: the state must survive a power failure too.
   */
  save(state: () => object, { durable = false } = {}): Promise<void> {
    this.#isDurable ||= durable
    // The write under way may have taken its state before now: the one after it will not have.
    this.#next ??= (this.#writing ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => {
        const writing = this.#write(state(), this.#isDurable)
        this.#writing = writing
        this.#next = undefined
        this.#isDurable = false
        return writing
      })
    return this.#next
  }

  /** Waits until nothing is being written. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#writing, this.#next])
  }

  /** Removes it. */
  async remove(): Promise<void> {
    await this.settle()
    await rm(this.path, { force: true })
  }

  async #write(state: object, durable: boolean): Promise<void> {
    const text = JSON.stringify({ sealstream: this.#kind, Version: VERSION, ...state })
    try {
      const file = await openPending(
        this.path,
        join(dirname(this.path), `${this.#prefix}${process.pid}.part`),
      )
      try {
        await file.write(Buffer.from(text, 'utf8'))
        await file.commit({ durable })
      } finally {
        await file.discard()
      }
    } catch (error) {
      throw this.#failed('could not be written', error)
    }
  }

  /** What the temporary files of this checkpoint are called, up to the id of the process that writes them. */
  get #prefix(): string {
    return `.sealstream-${shortHash(basename(this.path))}-`
  }

  /** Removes what processes left that died while they wrote. */
  async #sweep(): Promise<void> {
    const folder = dirname(this.path)
    for (const name of await readdir(folder).catch(() => [])) {
      const [, pid] = name.startsWith(this.#prefix) ? (/-(\d{1,10})\.part$/.exec(name) ?? []) : []
      if (pid !== undefined && !isAlive(Number(pid))) await rm(join(folder, name), { force: true })
    }
  }

  #failed(problem: string, cause?: unknown): SealstreamError {
    const detail = cause instanceof Error ? `: ${cause.message}` : ''
    return new SealstreamError(
      'SEALSTREAM_CHECKPOINT',
      `checkpoint ${this.path} ${problem}${detail}`,
      cause === undefined ? {} : { cause },
    )
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const state = JSON.parse(text) as Record<string, unknown>
    const { sealstream: _kind, Version, ...rest } = state
    return Version === VERSION ? rest : { ...rest, Version: Version ?? 'none' }
  } catch {
    return undefined
  }
}

/**
 * Where a checkpoint is.
 *
 * @param given - A path, or true: a hidden file beside `localPath`, named after what is transferred.
 * @throws {@link OptionError} on anything else.
 */
export async function checkpointPath(
  given: unknown,
  localPath: string,
  kind: CheckpointKind,
  place: { bucket: string; key: string },
): Promise<string | undefined> {
  if (given === undefined || given === false) return undefined
  if (given !== true) {
    if (typeof given !== 'string') {
      throw new OptionError('checkpoint', 'must be true or the path of a file', { value: given })
    }
    assertText(given, 'checkpoint')
    if ((await sameFile(given, localPath)) || given.includes('\0')) {
      throw new OptionError('checkpoint', 'must be another file than the one that is transferred', {
        value: given,
      })
    }
    return given
  }
  const name = shortHash(JSON.stringify([kind, place.bucket, place.key, basename(localPath)]))
  return join(dirname(localPath), `.sealstream-${name}.${kind}`)
}

async function sameFile(a: string, b: string): Promise<boolean> {
  const real = (path: string): Promise<string> => realpath(path).catch(() => resolve(path))
  return (await real(a)) === (await real(b))
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** Whether a process runs; one of another user's does, too. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

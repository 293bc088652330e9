/** Kills its own process, as `kill -9` does, at one step of its work with files. For processes that are to die. */
import fs, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

/** A step that a transfer takes on the file system. */
export type FileStep =
  /** The temporary file of a checkpoint is made. */
  | 'open checkpoint'
  | 'write checkpoint'
  | 'rename checkpoint'
  | 'remove checkpoint'
  /** Any file or folder is flushed, as files are with their metadata. */
  | 'sync'
  | 'resize target'
  | 'write target'
  | 'datasync target'
  | 'rename target'

/** When to die. */
export interface FileStop {
  readonly step: FileStep
  /** Which of these steps, from 1. */
  readonly nth: number
  /** `halfway`: with half of the bytes written. */
  readonly when: 'before' | 'halfway' | 'after'
}

type Call = (this: unknown, ...args: unknown[]) => Promise<unknown>

/** Call before the transfer. Named imports of `node:fs/promises` are bound anew. */
export async function armFileStop({ step: wanted, nth, when }: FileStop): Promise<void> {
  let seen = 0
  const die = (): void => void process.kill(process.pid, 'SIGKILL')

  /** Wraps `owner[name]`; `stepOf` says which step a call is, if any. */
  const wrap = (
    owner: Record<string, Call>,
    name: string,
    stepOf: (args: unknown[]) => FileStep | undefined,
  ): void => {
    const real = owner[name]!
    owner[name] = async function (...args) {
      if (stepOf(args) !== wanted || ++seen !== nth) return real.apply(this, args)
      if (when === 'before') die()
      if (when === 'halfway') {
        const [bytes, at = 0, length, position] = args as [Buffer, number?, number?, number?]
        await real.call(this, bytes, at, Math.floor((length ?? bytes.length - at) / 2), position)
        die()
      }
      const result = await real.apply(this, args)
      die()
      return result
    }
  }

  const functions = fs as unknown as Record<string, Call>
  // Nothing else is opened for writing alone.
  wrap(functions, 'open', ([, flags]) => (/^wx?$/.test(String(flags)) ? 'open checkpoint' : undefined))
  wrap(functions, 'rename', ([, to]) => (isCheckpoint(to) ? 'rename checkpoint' : 'rename target'))
  wrap(functions, 'rm', ([path]) => (isCheckpoint(path) ? 'remove checkpoint' : undefined))
  syncBuiltinESMExports()

  const methods = await methodsOfHandles()
  // Checkpoints are written from their beginning on, targets at positions.
  wrap(methods, 'write', (args) => (typeof args[3] === 'number' ? 'write target' : 'write checkpoint'))
  wrap(methods, 'truncate', () => 'resize target')
  wrap(methods, 'datasync', () => 'datasync target')
  wrap(methods, 'sync', () => 'sync')
}

function isCheckpoint(path: unknown): boolean {
  return /\.(upload|download)$/.test(String(path))
}

async function methodsOfHandles(): Promise<Record<string, Call>> {
  const handle: FileHandle = await fs.open(process.execPath, 'r')
  await handle.close()
  return Object.getPrototypeOf(handle) as Record<string, Call>
}

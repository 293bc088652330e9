/** Runs in a thread of its own: fills parts on demand, in memory that it shares with whoever ordered them. */
import { parentPort } from 'node:worker_threads'
import type { Digest } from '../checksum/body-digest.js'
import type { CipherSecret } from '../crypto/content-cipher.js'
import { FORMATS, type Format } from '../crypto/format.js'
import { encryptStretch, type StoredStretch } from '../crypto/stored-stretch.js'
import { SealstreamError, type ErrorCode } from '../errors.js'
import { noticeGarbage } from '../internal/shared-memory.js'
import { PartFiller } from './part-filler.js'
import { sharedSource, type SharedFile } from './seekable-source.js'

/** What is the same for all parts of an upload. */
export interface ThreadSetup {
  readonly file: SharedFile
  readonly md5: boolean
  /** Parts that it fills at the same time. */
  readonly peers: number
}

/** An upload begins, parts of it are ordered, and when they are all filled it is over. */
export type ThreadMessage =
  { readonly type: 'begin'; readonly setup: ThreadSetup } | ThreadOrder | { readonly type: 'rest' }

/** A part to fill. */
export interface ThreadOrder {
  readonly type: 'fill'
  readonly id: number
  /** Where the part lies; it fills as much of the memory from its beginning. */
  readonly stretch: StoredStretch
  /** How to encrypt it; without one, bytes stay as they are. */
  readonly encryption: ThreadEncryption | undefined
  readonly memory: SharedArrayBuffer
}

/** What a thread encrypts with. */
export interface ThreadEncryption {
  readonly format: Format
  readonly secret: CipherSecret
}

/** What became of an order; `ready` comes first, once. */
export type ThreadReport =
  | { readonly type: 'ready' }
  | { readonly type: 'filled'; readonly id: number; readonly digest: Digest }
  | { readonly type: 'failed'; readonly id: number; readonly failure: ThreadFailure }

/** An error on its way between threads, which would keep nothing but its message. */
export interface ThreadFailure {
  readonly message: string
  /** Ours. */
  readonly code: ErrorCode | undefined
  readonly hint: string | undefined
  readonly cause: ThreadFailure | undefined
  /** The operating system's code and number. */
  readonly system: { readonly code?: unknown; readonly errno?: unknown; readonly syscall?: unknown }
}

function failureOf(error: unknown): ThreadFailure {
  const { message, cause } = error as Error
  const { code, errno, syscall } = error as NodeJS.ErrnoException
  const ours = error instanceof SealstreamError ? error : undefined
  return {
    message,
    code: ours?.code,
    hint: ours?.hint,
    cause: cause instanceof Error ? failureOf(cause) : undefined,
    system: { code, errno, syscall },
  }
}

async function fill(filler: PartFiller, { stretch, encryption, memory }: ThreadOrder): Promise<Digest> {
  const into = Buffer.from(memory, 0, stretch.length)
  if (encryption === undefined) return filler.copy(stretch.offset, into)
  const { format, secret } = encryption
  // Buffers come as plain bytes.
  const iv = secret.iv === undefined ? undefined : Buffer.from(secret.iv)
  const own = { key: secret.key, iv, context: Buffer.from(secret.context) }
  return filler.encrypt(encryptStretch(FORMATS[format].cipher, own, stretch), into)
}

async function carryOut(filler: PartFiller, order: ThreadOrder): Promise<ThreadReport> {
  const { id } = order
  try {
    return { type: 'filled', id, digest: await fill(filler, order) }
  } catch (error) {
    return { type: 'failed', id, failure: failureOf(error) }
  }
}

if (parentPort !== null) {
  const port = parentPort
  const report = (message: ThreadReport): void => port.postMessage(message)
  let filler: PartFiller | undefined
  port.on('message', (message: ThreadMessage) => {
    if (message.type === 'begin') {
      const { file, md5, peers } = message.setup
      filler = new PartFiller(sharedSource(file), { md5, peers, signal: undefined })
    } else if (message.type === 'rest') {
      filler = undefined
      noticeGarbage()
    } else {
      void carryOut(filler as PartFiller, message).then(report)
    }
  })
  port.on('messageerror', (error) => {
    throw error
  })
  report({ type: 'ready' })
}

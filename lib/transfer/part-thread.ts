/** Runs in a thread of its own: fills parts and opens ranges, in memory that it shares with whoever ordered them. */
import { writeSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import type { Digest } from '../checksum/body-digest.js'
import type { CipherSecret } from '../crypto/content-cipher.js'
import { startDecryption } from '../crypto/data-key.js'
import type { DecryptorOptions } from '../crypto/data-key-options.js'
import { FORMATS, type Format } from '../crypto/format.js'
import { encryptStretch, type StoredStretch } from '../crypto/stored-stretch.js'
import { SealstreamError, type ErrorCode } from '../errors.js'
import { noticeGarbage } from '../internal/transfer-memory.js'
import { PartFiller } from './part-filler.js'
import { openStored, type StoredRange } from './range-opener.js'
import { sharedSource, type SharedFile } from './seekable-source.js'

/** What is the same for all parts of an upload. */
export interface ThreadSetup {
  readonly file: SharedFile
  readonly md5: boolean
  /** Parts that it fills at the same time. */
  readonly peers: number
}

/** A transfer begins, parts and ranges of it are ordered, and when they are all done it is over. */
export type ThreadMessage =
  | { readonly type: 'begin'; readonly setup: ThreadSetup | undefined }
  | (ThreadOrder & { readonly id: number; readonly memory: SharedArrayBuffer })
  | { readonly type: 'rest' }

export type ThreadOrder = FillOrder | OpenOrder

/** A part to fill. */
export interface FillOrder {
  readonly type: 'fill'
  /** Where the part lies; it fills as much of the memory from its beginning. */
  readonly stretch: StoredStretch
  /** How to encrypt it; without one, bytes stay as they are. */
  readonly encryption: ThreadEncryption | undefined
}

/** What a thread encrypts with. */
export interface ThreadEncryption {
  readonly format: Format
  readonly secret: CipherSecret
}

/** A range to decrypt and write. */
export interface OpenOrder extends StoredRange {
  readonly type: 'open'
  /** Stored bytes, from the beginning of the memory. */
  readonly length: number
  /** How to decrypt them; without one, bytes stay as they are. */
  readonly decryption: (ThreadEncryption & { readonly options: DecryptorOptions }) | undefined
  /** A file that the caller has open, and keeps open until the range is done; without one, nothing is kept. */
  readonly descriptor: number | undefined
}

/** What became of an order; `ready` comes first, once. */
export type ThreadReport =
  | { readonly type: 'ready' }
  | { readonly type: 'done'; readonly id: number; readonly result: Digest | bigint }
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

async function fill(
  filler: PartFiller,
  { stretch, encryption, memory }: FillOrder & { readonly memory: SharedArrayBuffer },
): Promise<Digest> {
  const into = Buffer.from(memory, 0, stretch.length)
  if (encryption === undefined) return filler.copy(stretch.offset, into)
  const { cipher } = FORMATS[encryption.format]
  return filler.encrypt(encryptStretch(cipher, received(encryption.secret), stretch), into)
}

async function openRange({
  memory,
  length,
  decryption,
  descriptor,
  ...range
}: OpenOrder & { readonly memory: SharedArrayBuffer }): Promise<bigint> {
  const decryptor =
    decryption === undefined
      ? undefined
      : startDecryption(FORMATS[decryption.format].cipher, received(decryption.secret), decryption.options)
  return openStored(Buffer.from(memory, 0, length), range, decryptor, (bytes, position) => {
    for (let at = 0; descriptor !== undefined && at < bytes.length;) {
      at += writeSync(descriptor, bytes, at, bytes.length - at, position + at)
    }
  })
}

/** Buffers come as plain bytes. */
function received({ key, iv, context }: CipherSecret): CipherSecret {
  return { key, iv: iv === undefined ? undefined : Buffer.from(iv), context: Buffer.from(context) }
}

if (parentPort !== null) {
  const port = parentPort
  const report = (message: ThreadReport): void => port.postMessage(message)
  let filler: PartFiller | undefined
  port.on('message', (message: ThreadMessage) => {
    if (message.type === 'begin') {
      const { setup } = message
      filler =
        setup === undefined
          ? undefined
          : new PartFiller(sharedSource(setup.file), { ...setup, signal: undefined })
    } else if (message.type === 'rest') {
      filler?.wipe()
      filler = undefined
      noticeGarbage()
    } else {
      const { id } = message
      const working = message.type === 'fill' ? fill(filler as PartFiller, message) : openRange(message)
      working.then(
        (result) => report({ type: 'done', id, result }),
        (error: unknown) => report({ type: 'failed', id, failure: failureOf(error) }),
      )
    }
  })
  port.on('messageerror', (error) => {
    throw error
  })
  report({ type: 'ready' })
}

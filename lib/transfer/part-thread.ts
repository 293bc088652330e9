/** Runs in a thread of its own: fills parts on demand, in memory that it shares with whoever sends them. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Digest } from '../checksum/body-digest.js'
import type { CipherSecret } from '../crypto/content-cipher.js'
import { FORMATS, type Format } from '../crypto/format.js'
import { encryptStretch, type StoredStretch } from '../crypto/stored-stretch.js'
import { SealstreamError, type ErrorCode } from '../errors.js'
import { PartFiller } from './part-filler.js'
import { sharedSource, type SharedFile } from './seekable-source.js'

/** What a thread is started with. */
export interface ThreadSetup {
  readonly file: SharedFile
  readonly md5: boolean
  /** Parts that it fills at the same time. */
  readonly peers: number
}

/** A part to fill. */
export interface ThreadOrder {
  readonly id: number
  readonly stretch: StoredStretch
  /** How to encrypt it; without one, bytes stay as they are. */
  readonly encryption: { readonly format: Format; readonly secret: CipherSecret } | undefined
  readonly into: Uint8Array
}

/** What became of an order; `ready` comes first, once. */
export type ThreadReport =
  | { readonly type: 'ready' }
  | { readonly type: 'filled'; readonly id: number; readonly digest: Digest }
  | { readonly type: 'failed'; readonly id: number; readonly failure: ThreadFailure }

/** An error on its way between threads, which would lose its code. */
export interface ThreadFailure {
  readonly code: ErrorCode | undefined
  readonly message: string
}

function serve(report: (report: ThreadReport) => void): (order: ThreadOrder) => Promise<void> {
  const { file, md5, peers } = workerData as ThreadSetup
  const filler = new PartFiller(sharedSource(file), { md5, peers, signal: undefined })

  const fill = async ({ stretch, encryption, into }: ThreadOrder): Promise<Digest> => {
    const bytes = Buffer.from(into.buffer, into.byteOffset, into.byteLength)
    if (encryption === undefined) return filler.copy(stretch.offset, bytes)
    const { format, secret } = encryption
    // A Buffer comes as plain bytes.
    const iv = secret.iv === undefined ? undefined : Buffer.from(secret.iv)
    const own = { ...secret, iv, context: Buffer.from(secret.context) }
    return filler.encrypt(encryptStretch(FORMATS[format].cipher, own, stretch), bytes)
  }

  return async (order) => {
    try {
      report({ type: 'filled', id: order.id, digest: await fill(order) })
    } catch (error) {
      const code = error instanceof SealstreamError ? error.code : undefined
      report({ type: 'failed', id: order.id, failure: { code, message: (error as Error).message } })
    }
  }
}

if (parentPort !== null) {
  const port = parentPort
  const take = serve((report) => port.postMessage(report))
  port.on('message', (order: ThreadOrder) => void take(order))
  port.postMessage({ type: 'ready' } satisfies ThreadReport)
}

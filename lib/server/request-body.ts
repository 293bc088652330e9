/** The body of a request: its declared length, its bytes, and what to do when nobody wants them. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { decodeBase64 } from '../internal/bytes.js'
import { Refusal } from './refusal.js'

/** The largest body of one PUT: 5 GiB. */
export const MAX_BODY_BYTES = 5 * 1024 ** 3

// How long and how far an unwanted body is read on after its refusal was sent. Closing a socket with unread bytes
// resets the connection, and a reset can overtake the answer.
const DRAIN_BYTES = 64 * 1024 * 1024
const DRAIN_MS = 2000

/** What a fault makes of a body before the operation gets it. */
export interface BodyAlteration {
  /** Of the altered bytes; absent where it stays. */
  readonly length?: number
  readonly alter: (bytes: AsyncIterable<Buffer>) => AsyncIterable<Buffer>
}

/** One request's body. */
export class RequestBody {
  readonly #incoming: IncomingMessage
  readonly #response: ServerResponse
  #continuePending: boolean
  #observer: ((chunk: Buffer) => void) | undefined
  #alteration: BodyAlteration | undefined
  #isDraining = false

  /** @param expectsContinue - The client waits for `100 Continue` before it sends the body. */
  constructor(incoming: IncomingMessage, response: ServerResponse, expectsContinue: boolean) {
    this.#incoming = incoming
    this.#response = response
    this.#continuePending = expectsContinue
  }

  /**
   * The declared length in bytes; undefined for a body in chunks, as the Python SDK sends empty files and what it knows no
   * length of.
   *
   * @throws `MissingContentLength` without either; `EntityTooLarge` over 5 GiB.
   */
  get length(): number | undefined {
    const { 'content-length': length, 'transfer-encoding': encoding } = this.#incoming.headers
    // Node's parser has already refused what is not a decimal number.
    if (encoding === 'chunked') return undefined
    if (length === undefined || encoding !== undefined) throw new Refusal('MissingContentLength')
    if (Number(length) > MAX_BODY_BYTES) throw new Refusal('EntityTooLarge')
    return this.#alteration?.length ?? Number(length)
  }

  /**
   * The MD5 that the client declares.
   *
   * @throws `InvalidDigest` when Content-MD5 is not the Base64 of 16 bytes.
   */
  get contentMd5(): Buffer | undefined {
    // It would tell of the alteration, and the client is to find that out.
    if (this.#alteration !== undefined) return undefined
    const header = this.#incoming.headers['content-md5']
    if (header === undefined || header === '') return undefined
    const digest = typeof header === 'string' ? decodeBase64(header.trim()) : undefined
    if (digest?.length !== 16) throw new Refusal('InvalidDigest')
    return digest
  }

  /** Whether bytes of the body may still come. */
  get isUnread(): boolean {
    const { 'content-length': length, 'transfer-encoding': encoding } = this.#incoming.headers
    const declared = encoding !== undefined || Number(length ?? 0) > 0
    return declared && !this.#incoming.readableEnded
  }

  /** Whether {@link RequestBody.drain} was called. */
  get isDraining(): boolean {
    return this.#isDraining
  }

  /** Has every chunk shown to `observer` as it arrives, also those that nobody wants. */
  observe(observer: (chunk: Buffer) => void): void {
    this.#observer = observer
  }

  /** Gives the operation other bytes than those that arrive. Content-MD5 is then not looked at. */
  alter(alteration: BodyAlteration): void {
    this.#alteration = alteration
  }

  /** The bytes, asked for with `100 Continue` where the client waits. Throws when the connection breaks before the end. */
  bytes(): AsyncIterable<Buffer> {
    if (this.#continuePending) this.#response.writeContinue()
    this.#continuePending = false
    // The plain iterator would destroy the socket when a loop is left early, and with it the answer.
    const arriving: AsyncIterable<Buffer> = this.#incoming.iterator({ destroyOnReturn: false })
    const observed = this.#observer === undefined ? arriving : observedBytes(arriving, this.#observer)
    return this.#alteration?.alter(observed) ?? observed
  }

  /**
   * The whole body, for documents.
   *
   * @throws `EntityTooLarge` over `limit` bytes.
   */
  async read(limit: number): Promise<Buffer> {
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of this.bytes()) {
      size += chunk.length
      if (size > limit) throw new Refusal('EntityTooLarge')
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }

  /** Reads on and throws away until the body or the connection ends, or the bounds are reached. */
  async drain(): Promise<void> {
    this.#isDraining = true
    const incoming = this.#incoming
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      let drained = 0
      timer = setTimeout(resolve, DRAIN_MS)
      incoming.once('end', resolve)
      incoming.once('close', resolve)
      incoming.on('data', (chunk: Buffer) => {
        this.#observer?.(chunk)
        drained += chunk.length
        if (drained > DRAIN_BYTES) resolve()
      })
      // A reader that stopped early may have left it paused.
      incoming.resume()
      if (incoming.destroyed || incoming.readableEnded) resolve()
    })
    clearTimeout(timer)
  }
}

async function* observedBytes(
  bytes: AsyncIterable<Buffer>,
  observer: (chunk: Buffer) => void,
): AsyncGenerator<Buffer> {
  for await (const chunk of bytes) {
    observer(chunk)
    yield chunk
  }
}

/** One embedded server, a folder and clients of every kind, for specs of downloads and copies. */
import { createCipheriv } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { CosEncryptionClient, type CosEncryptionClientOptions } from '../../lib/client.js'
import { CosClient, type CosClientOptions } from '../../lib/cos-client.js'
import type { Format } from '../../lib/crypto/format.js'
import { SealstreamError } from '../../lib/errors.js'
import {
  startServer,
  type RequestEvent,
  type RunningServer,
  type ServerOptions,
} from '../../lib/server/index.js'
import { AES_256, RSA_2048, type SpecMaster } from './encrypting-masters.js'
import { BUCKET } from './raw-request.js'
import { startProxy, type Proxy, type Tamper } from './tampering-proxy.js'
import { temporaryFolder } from './temporary-folder.js'

export const MIB = 1024 * 1024

/** The smallest part. */
export const PART = MIB

/** A client that reads and writes, encrypted or not. */
export type AnyClient = CosClient | CosEncryptionClient

/** How a client stores its objects. */
export interface ClientKind {
  readonly name: string
  readonly format?: Format
  readonly master?: SpecMaster
}

export const PLAIN: ClientKind = { name: 'plain' }

export const ENCRYPTED: readonly ClientKind[] = [
  { name: 'cos under AES', format: 'cos', master: AES_256 },
  { name: 'cos under RSA', format: 'cos', master: RSA_2048 },
  { name: 'cos-python under AES', format: 'cos-python', master: AES_256 },
  { name: 'cos-python under RSA', format: 'cos-python', master: RSA_2048 },
]

export const KINDS: readonly ClientKind[] = [PLAIN, ...ENCRYPTED]

type Options = Partial<CosEncryptionClientOptions>

/** Bytes that look random and are the same every time. */
export function content(length: number, seed = 1): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(length))
}

/** What became of a call: `done`, or the code of its error. */
export async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'done'
  } catch (error) {
    if (error instanceof SealstreamError) return error.code
    throw error
  }
}

export class TransferBench {
  /** Every request that the server has answered. */
  readonly calls: RequestEvent[] = []
  readonly #closers: (() => unknown)[] = []
  readonly #path: (name: string) => string
  #server: RunningServer | undefined

  constructor(path: (name: string) => string) {
    this.#path = path
  }

  get server(): RunningServer {
    return this.#server!
  }

  /** Once before a test; {@link transferBench} starts one without options. */
  async open(options: ServerOptions = {}): Promise<RunningServer> {
    const server = await startServer({ ...options, onRequest: (event) => void this.calls.push(event) })
    this.#closers.push(() => server.close())
    this.#server = server
    return server
  }

  /** Has something closed after the test, or after all of them where the server is one for all. */
  closing<Closed extends { close(): unknown }>(closed: Closed): Closed {
    this.#closers.push(() => closed.close())
    return closed
  }

  /** Forgets faults and calls; the objects stay. */
  forget(): void {
    this.calls.length = 0
    this.server.faults.clear()
  }

  async close(): Promise<void> {
    this.calls.length = 0
    for (const close of this.#closers.splice(0).reverse()) await close()
  }

  /** In the folder of the test. */
  path(name: string): string {
    return this.#path(name)
  }

  /** Names in that folder, sorted. */
  async names(): Promise<string[]> {
    return (await readdir(dirname(this.#path('any')))).sort()
  }

  /** Names that begin with a dot: what a download leaves behind. */
  async hidden(): Promise<string[]> {
    return (await this.names()).filter((name) => basename(name).startsWith('.'))
  }

  /** Requests of an operation that the server has answered so far. */
  count(operation: RequestEvent['operation'], status?: number): number {
    return this.calls.filter(
      (call) => call.operation === operation && (status === undefined || call.status === status),
    ).length
  }

  plain(options: Options = {}): CosClient {
    const client = new CosClient({ ...this.#options(), ...options })
    this.#closers.push(() => client.close())
    return client
  }

  client({ format, master }: ClientKind, options: Options = {}): AnyClient {
    if (format === undefined || master === undefined) return this.plain(options)
    return this.encrypting({ format, masterKey: master.masterKey(), ...options })
  }

  /** `cos` under AES-256 unless told otherwise. */
  encrypting(options: Options = {}): CosEncryptionClient {
    const masterKey = options.masterKey ?? AES_256.masterKey()
    const client = new CosEncryptionClient({ format: 'cos', ...this.#options(), ...options, masterKey })
    this.#closers.push(() => client.close())
    return client
  }

  /** A proxy before the server; its endpoint goes into the options of a client. */
  async proxy(tamper: Tamper): Promise<Proxy> {
    const proxy = await startProxy(this.server, tamper)
    this.#closers.push(() => proxy.close())
    return proxy
  }

  /** Unfinished uploads on the server. */
  async uploads(): Promise<string[]> {
    return (await this.plain().listMultipartUploads()).Upload.map(({ Key }) => Key)
  }

  #options(): CosClientOptions {
    const { endpoint, credentials } = this.server
    // What goes wrong shows at once; specs of retries say so.
    return { endpoint, credentials, bucket: BUCKET, retry: { attempts: 1 }, timeouts: { stall: 10_000 } }
  }
}

/**
 * Call inside `describe`.
 *
 * @param once - One server for all tests: what one stores, the next one finds.
 */
export function transferBench(options: ServerOptions = {}, { once = false } = {}): TransferBench {
  const bench = new TransferBench(temporaryFolder())
  const open = (): Promise<void> => bench.open(options).then(() => undefined)
  if (once) {
    before(open)
    after(() => bench.close())
    afterEach(() => bench.forget())
  } else {
    beforeEach(open)
    afterEach(() => bench.close())
  }
  return bench
}

/** Stores an object in parts of {@link PART} bytes, by hand. */
export async function storeInParts(client: AnyClient, Key: string, bytes: Buffer): Promise<void> {
  const params = client instanceof CosClient ? { Key } : { Key, PartSize: PART }
  const { UploadId } = await client.createMultipartUpload(params)
  const Part = []
  for (let at = 0; at < Math.max(1, bytes.length); at += PART) {
    const PartNumber = at / PART + 1
    const Body = bytes.subarray(at, at + PART)
    const { ETag } = await client.uploadPart({ Key, UploadId, PartNumber, Body })
    Part.push({ PartNumber, ETag })
  }
  await client.completeMultipartUpload({ Key, UploadId, MultipartUpload: { Part } })
}

/** An embedded server with clients for it, all of them closed after each test. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CosEncryptionClient, type CosEncryptionClientOptions } from '../../lib/client.js'
import { CosClient, type CosClientOptions } from '../../lib/cos-client.js'
import { startServer, type RunningServer } from '../../lib/server/index.js'
import { AES_256 } from './encrypting-masters.js'
import { BUCKET } from './raw-request.js'
import { startProxy, type Proxy, type Tamper } from './tampering-proxy.js'

/** What is stored under a key. */
export interface StoredBytes {
  readonly bytes: Buffer
  readonly headers: Readonly<Record<string, string>>
}

export class EncryptingStore {
  readonly #closers: (() => Promise<void> | void)[] = []
  #server: RunningServer | undefined

  get server(): RunningServer {
    return this.#server!
  }

  async open(): Promise<void> {
    this.#server = await startServer()
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0)) await close()
    await this.#server?.close()
  }

  /** Options that reach the server. */
  get connection(): CosClientOptions {
    const { endpoint, credentials } = this.server
    return { endpoint, credentials, bucket: BUCKET, timeouts: { stall: 10_000 } }
  }

  /** Encrypts as `cos` under AES-256 unless told otherwise. */
  client(options: Partial<CosEncryptionClientOptions> = {}): CosEncryptionClient {
    const masterKey = options.masterKey ?? AES_256.masterKey()
    const client = new CosEncryptionClient({
      ...this.connection,
      format: 'cos',
      // What goes wrong shows at once; specs of retries say so.
      retry: { attempts: 1 },
      ...options,
      masterKey,
    })
    this.#closers.push(() => client.close())
    return client
  }

  plain(options: Partial<CosClientOptions> = {}): CosClient {
    const client = new CosClient({ ...this.connection, ...options })
    this.#closers.push(() => client.close())
    return client
  }

  async proxy(tamper?: Tamper): Promise<Proxy> {
    const proxy = await startProxy(this.server, tamper)
    this.#closers.push(() => proxy.close())
    return proxy
  }

  /** An encrypting client whose requests go through a proxy. */
  async proxied(
    tamper?: Tamper,
    options: Partial<CosEncryptionClientOptions> = {},
  ): Promise<{ client: CosEncryptionClient; proxy: Proxy }> {
    const proxy = await this.proxy(tamper)
    return { proxy, client: this.client({ endpoint: proxy.endpoint, ...options }) }
  }

  /** The ciphertext and headers of an object. */
  async stored(Key: string): Promise<StoredBytes> {
    const { Body, $metadata } = await this.plain().getObject({ Key })
    return { bytes: Buffer.from(await Body.transformToByteArray()), headers: $metadata.headers }
  }

  /** Keys of all objects. */
  async keys(): Promise<string[]> {
    return (await this.plain().listObjects()).Contents.map(({ Key }) => Key)
  }

  /** Whether some file of the server holds these bytes. */
  async holds(pattern: Buffer): Promise<boolean> {
    const entries = await readdir(this.server.directory, { recursive: true, withFileTypes: true })
    for (const entry of entries) {
      if (!entry.isFile()) continue
      if ((await readFile(join(entry.parentPath, entry.name))).includes(pattern)) return true
    }
    return false
  }

  /** Names of unfinished uploads. */
  uploads(): Promise<string[]> {
    return readdir(join(this.server.directory, BUCKET, 'uploads')).catch(() => [])
  }
}

/** Call inside `describe`. */
export function encryptingStore(): EncryptingStore {
  const store = new EncryptingStore()
  beforeEach(() => store.open())
  afterEach(() => store.close())
  return store
}

/** All bytes of a body. */
export async function bytesOf(body: { transformToByteArray(): Promise<Uint8Array> }): Promise<Buffer> {
  return Buffer.from(await body.transformToByteArray())
}

/** Uploads of the plain and the encrypting client to one embedded server: what was asked of it, and what it holds. */
import { CosEncryptionClient, type CosEncryptionClientOptions } from '../../lib/client.js'
import { CosClient, type CosClientOptions } from '../../lib/cos-client.js'
import type { EncryptedStoredObject, EncryptedUploadFileParams } from '../../lib/encrypted/transfers.js'
import { type RunningServer, type ServerOptions, startServer } from '../../lib/server/index.js'
import type { UploadParams } from '../../lib/transfer/upload.js'
import type { StoredObject } from '../../lib/transfer/upload-job.js'
import { AES_256, encryptedWith } from './encrypting-masters.js'
import { BUCKET, objectPath, type RawAnswer, rawRequest, xmlTexts } from './raw-request.js'

/** 1 MiB: the smallest part but the last. */
export const PART = 1024 * 1024

/** What a client stores: bytes as they are, or in a format. */
export const CLIENT_KINDS = ['plain', 'cos', 'cos-python'] as const
export type ClientKind = (typeof CLIENT_KINDS)[number]

/** Without a key and with one: for what does not depend on the format. */
export const TWO_KINDS = ['plain', 'cos'] as const

type Stored = StoredObject & Partial<EncryptedStoredObject>

/** What both clients have in common. */
export interface Uploader {
  upload(params: UploadParams): Promise<Stored>
  uploadFile(params: EncryptedUploadFileParams): Promise<Stored>
  close(): Promise<void> | void
}

type RequestEvent = Parameters<NonNullable<ServerOptions['onRequest']>>[0]

/** The content of an object in the answer to a GET. */
export function contentIn({ status, body, headers }: RawAnswer): Buffer | undefined {
  if (status !== 200) return undefined
  if (headers['x-cos-meta-client-side-encryption-key'] === undefined) return body
  // A counter mode decrypts as it encrypts.
  return encryptedWith(AES_256.secrets(headers as Record<string, string | undefined>), body)
}

/** One server with its clients. */
export class UploadRig {
  readonly server: RunningServer
  /** Exchanges that ended, oldest first. */
  readonly requests: readonly RequestEvent[]
  readonly #clients: Uploader[] = []

  constructor(server: RunningServer, requests: readonly RequestEvent[]) {
    this.server = server
    this.requests = requests
  }

  /** Retries without waiting long, unless told otherwise. Encrypts under AES-256. */
  client(kind: ClientKind = 'cos', options: Partial<CosEncryptionClientOptions> = {}): Uploader {
    const { endpoint, credentials } = this.server
    const common: CosClientOptions = {
      endpoint,
      credentials,
      bucket: BUCKET,
      retry: { attempts: 3, baseDelay: 1, maxDelay: 5 },
      timeouts: { stall: 10_000 },
    }
    const masterKey = options.masterKey ?? AES_256.masterKey()
    const client =
      kind === 'plain'
        ? new CosClient({ ...common, ...options })
        : new CosEncryptionClient({ ...common, ...options, format: kind, masterKey })
    this.#clients.push(client)
    return client
  }

  /** The object as it is stored. */
  raw(key = 'a', headers: Record<string, string> = {}): Promise<RawAnswer> {
    return rawRequest(this.server, { path: objectPath(key), headers })
  }

  /** The object's content, decrypted by Node alone; undefined where there is none. */
  async contentOf(key = 'a', headers: Record<string, string> = {}): Promise<Buffer | undefined> {
    return contentIn(await this.raw(key, headers))
  }

  /** Ids of the uploads that were neither completed nor aborted. */
  async uploads(bucket = BUCKET): Promise<string[]> {
    const { text } = await rawRequest(this.server, { path: `/${bucket}/`, query: { uploads: '' } })
    return xmlTexts(text, 'UploadId')
  }

  /** Exchanges of one operation. */
  of(operation: RequestEvent['operation']): RequestEvent[] {
    return this.requests.filter((request) => request.operation === operation)
  }

  /** Part numbers that were sent, ascending; once for each time. */
  partsSent(from = 0): number[] {
    return this.requests
      .slice(from)
      .flatMap(({ operation, partNumber }) => (operation === 'uploadPart' ? [partNumber!] : []))
      .sort((a, b) => a - b)
  }

  async close(): Promise<void> {
    for (const client of this.#clients) await client.close()
    await this.server.close()
  }
}

/** Call inside `describe`. Everything that the function it gives starts is closed after each test. */
export function uploadRigs(): (options?: ServerOptions) => Promise<UploadRig> {
  const rigs: UploadRig[] = []
  afterEach(async () => {
    for (const rig of rigs.splice(0)) await rig.close()
  })
  return async (options = {}) => {
    const requests: RequestEvent[] = []
    const server = await startServer({
      ...options,
      onRequest: (event) => {
        requests.push(event)
        options.onRequest?.(event)
      },
    })
    const rig = new UploadRig(server, requests)
    rigs.push(rig)
    return rig
  }
}

/** Objects in the stores of command line specs: of any format, of other SDKs, damaged. */
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CosEncryptionClient, type CosEncryptionClientOptions } from '../../lib/client.js'
import { CosClient } from '../../lib/cos-client.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { startServer } from '../../lib/server/index.js'
import { BUCKET, cliKeys } from './cli-fixture.js'

/** How objects are written; under `aes` of the fixture, and `sealed`, unless told otherwise. */
export type Writing = Partial<Pick<CosEncryptionClientOptions, 'format' | 'masterKey' | 'context'>>

/** Bytes of a `sealed` object with so many of plaintext (docs/format.md). */
export function sealedSize(plaintext: number): number {
  return 56 + plaintext + 16 * (Math.floor(plaintext / 16_384) + 1)
}

/** Stores objects in a directory through the library. */
export async function storeEncrypted(
  directory: string,
  objects: Readonly<Record<string, Buffer>>,
  { format = 'sealed', masterKey = AesMasterKey.from(cliKeys().aesText), context }: Writing = {},
): Promise<void> {
  await withServer(directory, async (options) => {
    const client = new CosEncryptionClient({ ...options, format, masterKey, context })
    for (const [Key, Body] of Object.entries(objects)) await client.putObject({ Key, Body })
    await client.close()
  })
}

/** An object as it lies in the store. */
export interface RawObject {
  /** By wire names. Only metadata is stored. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** Stores ciphertext with an envelope, as somebody else would who can write to the store. */
export async function storeRaw(
  directory: string,
  objects: Readonly<Record<string, RawObject>>,
): Promise<void> {
  await withServer(directory, async (options) => {
    const client = new CosClient(options)
    for (const [Key, { headers, body }] of Object.entries(objects)) {
      const names = Object.entries(headers).filter(([name]) => name.startsWith('x-cos-meta-'))
      const Metadata = Object.fromEntries(
        names.map(([name, value]) => [name.slice('x-cos-meta-'.length), value]),
      )
      await client.putObject({ Key, Body: body, Metadata })
    }
    await client.close()
  })
}

/** Those that say something of the object, not of the answer. */
const OWN_HEADERS = /^(x-cos-meta-.+|etag|content-type|last-modified)$/

/** Reads an object as somebody would who has no key. */
export async function rawObject(directory: string, Key: string): Promise<RawObject> {
  return withServer(directory, async (options) => {
    const client = new CosClient(options)
    const { Body, $metadata } = await client.getObject({ Key })
    const body = Buffer.from(await Body.transformToByteArray())
    await client.close()
    const own = Object.entries($metadata.headers).filter(([name]) => OWN_HEADERS.test(name))
    return { headers: Object.fromEntries(own), body }
  })
}

async function withServer<Result>(
  directory: string,
  use: (options: Pick<CosEncryptionClientOptions, 'endpoint' | 'credentials' | 'bucket'>) => Promise<Result>,
): Promise<Result> {
  const server = await startServer({ directory })
  try {
    return await use({ endpoint: server.endpoint, credentials: server.credentials, bucket: BUCKET })
  } finally {
    await server.close()
  }
}

/** The one file of a store that holds so many bytes of content. */
export async function dataFile(directory: string, size: number): Promise<string> {
  const folder = join(directory, BUCKET, 'data')
  const paths = (await readdir(folder)).map((name) => join(folder, name))
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size))
  const found = paths.filter((_, at) => sizes[at] === size)
  if (found.length !== 1) throw new Error(`${found.length} data files have ${size} bytes`)
  return found[0]!
}

/** Turns over one bit of a file. */
export async function flip(path: string, position: number): Promise<void> {
  const handle = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await handle.read(byte, 0, 1, position)
  await handle.write(Buffer.from([byte[0]! ^ 1]), 0, 1, position)
  await handle.close()
}

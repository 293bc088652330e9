/** Every format under every kind of master key that writes it, and what each of them must store, by code of its own. */
import { createCipheriv } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { writeFile } from 'node:fs/promises'
import type { CosEncryptionClient, CosEncryptionClientOptions } from '../../lib/client.js'
import type { Format } from '../../lib/crypto/format.js'
import { openEnvelope } from '../../lib/envelope/envelope.js'
import { Keyring } from '../../lib/keys/keyring.js'
import { KmsMasterKey } from '../../lib/keys/kms-master-key.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import type { StoredObject } from '../../lib/transfer/upload-job.js'
import { CobblestoneModel, sealedContextModel } from './cobblestone-model.js'
import { AES_256, RSA_2048 } from './encrypting-masters.js'
import { Seeded } from './seeded.js'
import { PART, type TransferBench } from './transfers.js'

/** A format and a kind of master key that writes it. */
export interface FormatWriter {
  readonly name: string
  readonly format: Format
  /** The same key every time; asks the bench's server where it is a key service. */
  readonly masterKey: (bench: TransferBench) => MasterKey
}

/** A master key in the KMS of the bench's server. */
export function kmsKey(bench: TransferBench, keyId = 'key-1'): KmsMasterKey {
  const { credentials, kmsEndpoint: endpoint } = bench.server
  const options = { keyId, region: 'ap-guangzhou', credentials, endpoint, retry: { attempts: 1 } }
  return bench.closing(new KmsMasterKey(options))
}

const KEYS: Readonly<Record<string, FormatWriter['masterKey']>> = {
  AES: () => AES_256.masterKey(),
  RSA: () => RSA_2048.masterKey(),
  KMS: (bench) => kmsKey(bench),
  'a Keyring of three': (bench) =>
    new Keyring({ write: [AES_256.masterKey(), RSA_2048.masterKey(), kmsKey(bench)] }),
}

const KINDS_OF: Partial<Record<Format, readonly string[]>> = {
  sealed: ['AES', 'RSA', 'KMS', 'a Keyring of three'],
  cos: ['AES', 'RSA', 'KMS'],
  'cos-python': ['AES', 'RSA'],
  'cos-java-gcm': ['RSA', 'KMS'],
}

export const WRITERS: readonly FormatWriter[] = Object.entries(KINDS_OF).flatMap(([format, kinds]) =>
  kinds.map((kind) => ({
    name: `${format} under ${kind}`,
    format: format as Format,
    masterKey: KEYS[kind] as FormatWriter['masterKey'],
  })),
)

/** One for each format: for what does not depend on the key. */
export const ONE_OF_EACH: readonly FormatWriter[] = ['sealed', 'cos', 'cos-python', 'cos-java-gcm'].map(
  (format) => WRITERS.find((writer) => writer.format === format) as FormatWriter,
)

export const [SEALED, COS, PYTHON, GCM] = ONE_OF_EACH as [
  FormatWriter,
  FormatWriter,
  FormatWriter,
  FormatWriter,
]

/** A client that writes so, and reads everything. */
export function writing(
  bench: TransferBench,
  { format, masterKey }: FormatWriter,
  options: Partial<CosEncryptionClientOptions> = {},
): CosEncryptionClient {
  return bench.encrypting({ policy: 'any', ...options, format, masterKey: masterKey(bench) })
}

/** Stored bytes of so much plaintext. */
export function storedSizeOf(format: Format, size: number): number {
  if (format === 'sealed') return 56 + size + 16 * (Math.floor(size / 16_384) + 1)
  return format === 'cos-java-gcm' ? size + 16 : size
}

/** What must be stored, from the data key in the headers and the plaintext. */
export async function expectedBytes(
  masterKey: MasterKey,
  { headers, bytes }: { headers: Readonly<Record<string, string>>; bytes: Buffer },
  plain: Buffer,
): Promise<Buffer> {
  const { dataKey, format } = await openEnvelope(headers, masterKey, { policy: 'any' })
  const found = await dataKey.withBytes((key, iv) => {
    // The salt stands in the object.
    if (format === 'sealed') {
      return new CobblestoneModel(key, bytes.subarray(0, 24), sealedContextModel([])).message(plain)
    }
    if (format !== 'cos-java-gcm') return createCipheriv('aes-256-ctr', key, iv).update(plain)
    const cipher = createCipheriv('aes-256-gcm', key, iv)
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  })
  dataKey.dispose()
  return found
}

/** The object as it is stored. */
export async function rawObject(
  bench: TransferBench,
  Key = 'k',
): Promise<{ headers: Record<string, string>; bytes: Buffer; metadata: Record<string, string> }> {
  const { Body, $metadata, Metadata } = await bench.plain().getObject({ Key })
  const bytes = Buffer.from(await Body.transformToByteArray())
  return { headers: $metadata.headers, bytes, metadata: Metadata }
}

/** What every way of writing tells. */
type Told = Pick<StoredObject, 'ETag' | 'StoredLength' | 'verified'> & { readonly HashCrc64ecma?: string }

/** Ways to store some bytes under the key `k`; those in parts have the smallest ones. */
export const WAYS: Readonly<
  Record<string, (client: CosEncryptionClient, plain: Buffer, path: string) => Promise<Told>>
> = {
  putObject: (client, Body) => client.putObject({ Key: 'k', Body }),
  'upload of bytes': (client, Body) => client.upload({ Key: 'k', Body, PartSize: PART }),
  'upload of a stream': (client, plain) =>
    client.upload({
      Key: 'k',
      Body: Readable.from(new Seeded(1).pieces(plain, 200_000), { objectMode: false }),
      PartSize: PART,
    }),
  'upload of an iterable': (client, plain) =>
    client.upload({ Key: 'k', Body: new Seeded(2).pieces(plain, 300_000), PartSize: PART, Concurrency: 2 }),
  createWriteStream: async (client, plain) => {
    const stream = client.createWriteStream({ Key: 'k', PartSize: PART })
    await pipeline(Readable.from(new Seeded(3).pieces(plain, 100_000)), stream)
    return stream.result
  },
  ...Object.fromEntries(
    [1, 4, 16].map((Concurrency) => [`uploadFile by ${Concurrency}`, byFile(Concurrency)]),
  ),
}

function byFile(Concurrency: number) {
  return async (client: CosEncryptionClient, plain: Buffer, path: string): Promise<Told> => {
    await writeFile(path, plain)
    return client.uploadFile({ Key: 'k', LocalFilePath: path, PartSize: PART, Concurrency })
  }
}

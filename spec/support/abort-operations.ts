/** What battery B16 aborts: every long operation of both clients. */
import { writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { OperationName } from '../../lib/server/index.js'
import type { ProgressListener } from '../../lib/internal/progress.js'
import { bytesOf } from './encrypting-store.js'
import type { AnyClient } from './fault-workloads.js'
import { MIB } from './multipart-requests.js'
import { BUCKET } from './raw-request.js'
import { piecesOf, Seeded } from './seeded.js'

/** What an operation is given. */
export interface Call {
  readonly client: AnyClient
  readonly signal: AbortSignal | undefined
  readonly onProgress: ProgressListener
  /** A path in the folder of the case. */
  readonly path: (name: string) => string
}

/** An operation that can be aborted. */
export interface Abortable {
  readonly name: string
  /** Objects that are there before. */
  readonly needs: readonly string[]
  /** The object that it writes. */
  readonly writes?: string
  /** The file that it writes, or the one it reads. */
  readonly file?: 'source' | 'target'
  readonly hasCheckpoint?: true
  /** The request to wait for another attempt of, and to be left without an answer to. */
  readonly struck: OperationName
  /** A body that is a stream is gone once it was sent: nothing is waited for, nothing repeated. */
  readonly isNeverRepeated?: true
  readonly run: (call: Call) => Promise<unknown>
}

/** Three parts and a bit. */
export const OBJECT = Buffer.alloc(3 * MIB + 1000, new Seeded(3).bytes(4099))
const PARTS = { PartSize: MIB, Concurrency: 2 }

const expectSame = (found: Buffer, expected: Buffer): void => {
  if (!found.equals(expected)) throw new Error(`${found.length} other bytes came as success`)
}

export const ABORTABLES: readonly Abortable[] = [
  {
    name: 'upload of a stream',
    needs: [],
    writes: 'written',
    struck: 'uploadPart',
    run: ({ client, path: _, ...rest }) =>
      client.upload({ Key: 'written', Body: Readable.from(piecesOf(OBJECT, 100_000)), ...PARTS, ...rest }),
  },
  {
    name: 'upload of bytes',
    needs: [],
    writes: 'written',
    struck: 'completeMultipartUpload',
    run: ({ client, path: _, ...rest }) => client.upload({ Key: 'written', Body: OBJECT, ...PARTS, ...rest }),
  },
  {
    name: 'uploadFile',
    needs: [],
    writes: 'written',
    file: 'source',
    struck: 'createMultipartUpload',
    run: ({ client, path, ...rest }) =>
      client.uploadFile({ Key: 'written', LocalFilePath: path('file'), ...PARTS, ...rest }),
  },
  {
    name: 'uploadFile with a checkpoint',
    needs: [],
    writes: 'written',
    file: 'source',
    hasCheckpoint: true,
    struck: 'uploadPart',
    run: ({ client, path, ...rest }) =>
      client.uploadFile({
        Key: 'written',
        LocalFilePath: path('file'),
        checkpoint: path('checkpoint'),
        ...PARTS,
        ...rest,
      }),
  },
  {
    name: 'downloadFile',
    needs: ['there'],
    file: 'target',
    struck: 'getObject',
    run: ({ client, path, ...rest }) =>
      client.downloadFile({ Key: 'there', DestFilePath: path('file'), ...PARTS, ...rest }),
  },
  {
    name: 'downloadFile with a checkpoint',
    needs: ['there'],
    file: 'target',
    hasCheckpoint: true,
    struck: 'getObject',
    run: ({ client, path, ...rest }) =>
      client.downloadFile({
        Key: 'there',
        DestFilePath: path('file'),
        checkpoint: path('checkpoint'),
        ...PARTS,
        ...rest,
      }),
  },
  {
    name: 'putObject',
    needs: [],
    writes: 'written',
    struck: 'putObject',
    run: ({ client, path: _, ...rest }) => client.putObject({ Key: 'written', Body: OBJECT, ...rest }),
  },
  {
    name: 'putObject of a stream',
    needs: [],
    writes: 'written',
    struck: 'putObject',
    isNeverRepeated: true,
    run: ({ client, path: _, ...rest }) => {
      const Body = Readable.from(piecesOf(OBJECT, 100_000))
      return client.putObject({ Key: 'written', Body, ContentLength: OBJECT.length, ...rest })
    },
  },
  {
    name: 'the body of getObject',
    needs: ['there'],
    struck: 'getObject',
    run: async ({ client, path: _, ...rest }) => {
      const { Body } = await client.getObject({ Key: 'there', ...rest })
      expectSame(await bytesOf(Body), OBJECT)
    },
  },
  {
    name: 'the body of a range',
    needs: ['there'],
    struck: 'headObject',
    run: async ({ client, path: _, ...rest }) => {
      const { Body } = await client.getObject({ Key: 'there', Range: 'bytes=17-3000000', ...rest })
      expectSame(await bytesOf(Body), OBJECT.subarray(17, 3_000_001))
    },
  },
  {
    name: 'createReadStream',
    needs: ['there'],
    struck: 'getObject',
    run: async ({ client, signal }) => {
      expectSame(
        await bytesOf(client.createReadStream({ Key: 'there', ...(signal === undefined ? {} : { signal }) })),
        OBJECT,
      )
    },
  },
  {
    name: 'copy in parts',
    needs: ['there'],
    writes: 'written',
    struck: 'uploadPartCopy',
    run: ({ client, path: _, ...rest }) =>
      client.copy({
        Key: 'written',
        CopySource: { Bucket: BUCKET, Key: 'there' },
        MultipartThreshold: 0,
        ...PARTS,
        ...rest,
      }),
  },
  {
    name: 'copy in parts, while it starts',
    needs: ['there'],
    writes: 'written',
    struck: 'createMultipartUpload',
    run: ({ client, path: _, ...rest }) =>
      client.copy({
        Key: 'written',
        CopySource: { Bucket: BUCKET, Key: 'there' },
        MultipartThreshold: 0,
        ...PARTS,
        ...rest,
      }),
  },
  {
    name: 'createWriteStream',
    needs: [],
    writes: 'written',
    struck: 'uploadPart',
    run: async ({ client, path: _, ...rest }) => {
      const stream = client.createWriteStream({ Key: 'written', ...PARTS, ...rest })
      await pipeline(Readable.from(piecesOf(OBJECT, 100_000)), stream)
    },
  },
  {
    name: 'listObjects',
    needs: ['there'],
    struck: 'listObjects',
    run: ({ client, signal }) => client.listObjects({ signal }),
  },
]

/** The file that an operation reads. */
export async function prepare({ file }: Abortable, path: Call['path']): Promise<void> {
  if (file === 'source') await writeFile(path('file'), OBJECT)
}

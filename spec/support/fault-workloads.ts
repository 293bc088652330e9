/** What runs while a fault strikes: three calls of one operation, one after another, and what must have come of them. */
import { readFile, writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { CosEncryptionClient } from '../../lib/client.js'
import { CosClient } from '../../lib/cos-client.js'
import { bytesOf } from './encrypting-store.js'
import { POSITIONS, type Position, type Target } from './fault-cases.js'
import { MIB } from './multipart-requests.js'
import { piecesOf, Seeded } from './seeded.js'

/** Either client: what they share is called in the same way. */
export type AnyClient = CosClient | CosEncryptionClient

/** One call, or one transfer, of a workload. */
export interface Step {
  readonly name: string
  /** Runs it; throws where it did not do what it says, or gave other bytes. */
  readonly run: (client: AnyClient) => Promise<unknown>
  /** The object that it writes. */
  readonly writes?: { readonly Key: string; readonly bytes: Buffer }
}

/** What is there before the fault strikes, and what then happens. */
export interface Workload {
  readonly seed: readonly { readonly Key: string; readonly bytes: Buffer }[]
  readonly steps: readonly Step[]
  /** The step in which the fault strikes. */
  readonly struck: number
  /** Which call of the operation is struck, or which part. */
  readonly where: { call?: number; partNumber?: number }
}

/** Wrong bytes that came as success: the worst that can happen, and never an error of the package. */
export class WrongBytes extends Error {}

function same(found: Buffer, expected: Buffer, what: string): void {
  if (!found.equals(expected)) throw new WrongBytes(`${what}: ${found.length} other bytes came as success`)
}

const SMALL = new Seeded(1).bytes(50_000)
const LARGE = Buffer.alloc(2 * MIB + 1000, new Seeded(2).bytes(4099))

/** 2 MiB + 1000 bytes in three parts. */
const THREE_PARTS = LARGE
/** Just over a part: two parts. */
const TWO_PARTS = LARGE.subarray(0, MIB + 100)

/** Makes the workload of a case; all its keys begin with `prefix`, all its files with `path`. */
export function workload(target: Target, position: Position, prefix: string, path: string): Workload {
  const index = POSITIONS.indexOf(position)
  const counted = { struck: index, where: { call: index + 1 } }
  const keys = POSITIONS.map((name) => `${prefix}-${name}`)
  const seed = keys.map((Key) => ({ Key, bytes: SMALL }))
  switch (target) {
    case 'put':
      return { seed: [], steps: keys.map((Key) => putStep(Key)), ...counted }
    case 'part': {
      const [step] = uploadSteps(keys.slice(index, index + 1), THREE_PARTS, path, index)
      return { seed: [], steps: [step!], struck: 0, where: { partNumber: index + 1 } }
    }
    case 'complete':
    case 'initiate':
      // Megabytes each, so none after the one that is struck.
      return { seed: [], steps: uploadSteps(keys, TWO_PARTS, path).slice(0, index + 1), ...counted }
    case 'get':
      return { seed, steps: keys.map((Key) => getStep(Key)), ...counted }
    case 'range':
      return { seed, steps: keys.map((Key) => rangeStep(Key)), ...counted }
    case 'head':
      return { seed, steps: keys.map((Key) => headStep(Key)), ...counted }
    case 'list':
      return { seed, steps: listSteps(keys), ...counted }
    case 'listParts':
      return { seed: [], steps: [listPartsStep(keys[0]!)], struck: 0, where: { call: index + 1 } }
    case 'download': {
      const object = { Key: keys[0]!, bytes: LARGE }
      return { seed: [object], steps: [downloadStep(object, path)], struck: 0, where: { call: index + 1 } }
    }
  }
}

function putStep(Key: string): Step {
  return {
    name: `putObject ${Key}`,
    run: (client) => client.putObject({ Key, Body: SMALL }),
    writes: { Key, bytes: SMALL },
  }
}

/** Each upload through another door: from memory or a file by workers, as a stream, by hand. */
function uploadSteps(keys: readonly string[], bytes: Buffer, path: string, first = 0): Step[] {
  const doors = [
    async (client: AnyClient, Key: string) => {
      await writeFile(path, bytes)
      await client.uploadFile({ Key, LocalFilePath: path, PartSize: MIB, Concurrency: 2 })
    },
    async (client: AnyClient, Key: string) => {
      const stream = client.createWriteStream({ Key, PartSize: MIB, Concurrency: 2 })
      await pipeline(Readable.from(piecesOf(bytes, 100_000)), stream)
    },
    (client: AnyClient, Key: string) => byHand(client, Key, piecesOf(bytes, MIB)),
  ]
  return keys.map((Key, i) => ({
    name: `upload ${Key}`,
    run: (client) => doors[first + i]!(client, Key),
    writes: { Key, bytes },
  }))
}

/** As a careful caller does it: what fails is dropped. */
async function byHand(client: AnyClient, Key: string, parts: readonly Buffer[]): Promise<void> {
  const partSize = client instanceof CosClient ? {} : { PartSize: MIB }
  const { UploadId } = await client.createMultipartUpload({ Key, ...partSize })
  try {
    for (const [i, Body] of parts.entries()) {
      await client.uploadPart({ Key, UploadId, PartNumber: i + 1, Body })
    }
    const MultipartUpload = await client.listParts({ Key, UploadId })
    await client.completeMultipartUpload({ Key, UploadId, MultipartUpload })
  } catch (error) {
    await client.abortMultipartUpload({ Key, UploadId }).catch(() => undefined)
    throw error
  }
}

function getStep(Key: string): Step {
  return {
    name: `getObject ${Key}`,
    run: async (client) => {
      const { Body, ContentLength } = await client.getObject({ Key })
      const found = await bytesOf(Body)
      same(found, SMALL, Key)
      if (ContentLength !== SMALL.length) throw new WrongBytes(`ContentLength ${ContentLength}`)
    },
  }
}

function rangeStep(Key: string): Step {
  return {
    name: `getObject ${Key} 1001-40000`,
    run: async (client) => {
      const { Body } = await client.getObject({ Key, Range: 'bytes=1001-40000' })
      same(await bytesOf(Body), SMALL.subarray(1001, 40_001), Key)
    },
  }
}

function headStep(Key: string): Step {
  return {
    name: `headObject ${Key}`,
    run: async (client) => {
      const { ContentLength } = await client.headObject({ Key })
      if (ContentLength !== SMALL.length) throw new WrongBytes(`ContentLength ${ContentLength}`)
    },
  }
}

function listSteps(keys: readonly string[]): Step[] {
  const sorted = [...keys].sort()
  return sorted.map((Key, i) => ({
    name: `listObjects page ${i + 1}`,
    run: async (client) => {
      const Marker = sorted[i - 1]
      const page = await client.listObjects({ MaxKeys: 1, ...(Marker === undefined ? {} : { Marker }) })
      const found = page.Contents.map((entry) => `${entry.Key} ${entry.Size}`).join()
      const isRight = found === `${Key} ${SMALL.length}` && page.IsTruncated === i < sorted.length - 1
      if (!isRight) throw new WrongBytes(`page ${i + 1} lists ${found}`)
    },
  }))
}

/** Three pages of three parts. The upload is dropped by the caller. */
function listPartsStep(Key: string): Step {
  return {
    name: `listParts ${Key}`,
    run: async (client) => {
      const { UploadId } = await client.createMultipartUpload({ Key })
      try {
        // Only complete would refuse parts so small.
        const parts = piecesOf(SMALL.subarray(0, 4000), 1600)
        for (const [i, Body] of parts.entries()) {
          await client.uploadPart({ Key, UploadId, PartNumber: i + 1, Body })
        }
        const sizes: string[] = []
        for (let at = 0; at < parts.length; at++) {
          const page = await client.listParts({ Key, UploadId, MaxParts: 1, PartNumberMarker: at })
          sizes.push(...page.Part.map(({ PartNumber, Size }) => `${PartNumber}: ${Size}`))
          if (page.IsTruncated !== at < parts.length - 1)
            throw new WrongBytes(`page ${at + 1} is not the last`)
        }
        const expected = parts.map((part, i) => `${i + 1}: ${part.length}`)
        if (sizes.join() !== expected.join()) throw new WrongBytes(`listed ${sizes.join()}`)
      } finally {
        await client.abortMultipartUpload({ Key, UploadId })
      }
    },
  }
}

function downloadStep({ Key, bytes }: { Key: string; bytes: Buffer }, path: string): Step {
  return {
    name: `downloadFile ${Key}`,
    run: async (client) => {
      await client.downloadFile({ Key, DestFilePath: path, PartSize: MIB, Concurrency: 1 })
      same(await readFile(path), bytes, path)
    },
  }
}

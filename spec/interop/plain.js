// No encryption: the official Python SDK's plain client and ours on the same objects, keys that need escaping included.
import { readFile, rm } from 'node:fs/promises'
import { Bucket, equal, load, MIB, refusal, sameBody, sameBytes } from './workshop.js'
import { fetcher, KEY_ATTEMPTS, KEYS } from './plain-keys.js'

const SDK = 'Python SDK'
const US = 'sealstream'

export async function plain({ shop, peer, server, results }) {
  const { CosClient } = await load('index.js')
  const { endpoint, credentials } = server
  const bucket = 'plainbucket-1250000000'
  const ours = new CosClient({ endpoint, credentials, bucket })
  const call = await peer.client('plain', { server })
  const sdk = (method, args) => call(method, { Bucket: bucket, ...args })
  sdk.uploadParts = (args, parts) => call.uploadParts({ Bucket: bucket, ...args }, parts)
  const signer = await peer.client('signer', { server, byName: true })
  const signed = (Key, Method) => signer('get_presigned_url', { Bucket: bucket, Key, Method })
  const cell = { shop, ours, sdk, bucket, signed, fetched: fetcher(server.port) }

  for (const key of KEYS) {
    for (const { wrote, read, what, attempt } of KEY_ATTEMPTS) {
      await results.check({ wrote, read, what, note: JSON.stringify(key) }, () =>
        attempt({ ...cell, Key: key }),
      )
    }
  }
  for (const size of shop.sizes) {
    for (const { wrote, read, what, attempt } of SIZE_ATTEMPTS) {
      await results.check({ wrote, read, what, size }, () =>
        attempt({ ...cell, Key: shop.name(what), bytes: shop.content(size) }),
      )
    }
  }
  for (const { wrote, read, what, attempt } of ONCE) {
    await results.check({ wrote, read, what }, () => attempt({ ...cell, Key: shop.name(what) }))
  }
  ours.close()
}

const SIZE_ATTEMPTS = [
  {
    wrote: SDK,
    read: US,
    what: 'plain, put_object; getObject',
    attempt: async ({ shop, ours, sdk, Key, bytes }) => {
      const EnableMD5 = bytes.length % 2 === 1
      await shop.withFile(bytes, (path) => sdk('put_object', { Key, Body: { $bytes: path }, EnableMD5 }))
      sameBytes(await (await ours.getObject({ Key })).Body.transformToByteArray(), bytes)
      await ours.deleteObject({ Key })
    },
  },
  {
    wrote: US,
    read: SDK,
    what: 'plain, putObject; get_object',
    attempt: async ({ ours, sdk, Key, bytes }) => {
      await ours.putObject({ Key, Body: bytes, EnableMD5: bytes.length % 2 === 1 })
      sameBody(await sdk('get_object', { Key }), bytes)
      await ours.deleteObject({ Key })
    },
  },
  {
    wrote: SDK,
    read: US,
    what: 'plain, upload_file, MAXThread 5; downloadFile',
    attempt: async ({ shop, ours, sdk, Key, bytes }) => {
      await shop.withFile(bytes, (LocalFilePath) =>
        sdk('upload_file', { Key, LocalFilePath, PartSize: 1, MAXThread: 5, EnableMD5: true }),
      )
      const DestFilePath = shop.path('download')
      await ours.downloadFile({ Key, DestFilePath, PartSize: MIB, Concurrency: 4 })
      sameBytes(await readFile(DestFilePath), bytes)
      await rm(DestFilePath)
      await ours.deleteObject({ Key })
    },
  },
  {
    wrote: US,
    read: SDK,
    what: 'plain, uploadFile, Concurrency 4; download_file with CRC',
    attempt: async ({ shop, ours, sdk, Key, bytes }) => {
      await shop.withFile(bytes, (LocalFilePath) =>
        ours.uploadFile({ Key, LocalFilePath, PartSize: MIB, Concurrency: 4 }),
      )
      const DestFilePath = shop.path('download')
      await sdk('download_file', { Key, DestFilePath, PartSize: 1, MAXThread: 4, EnableCRC: true })
      sameBytes(await readFile(DestFilePath), bytes)
      await rm(DestFilePath)
      await ours.deleteObject({ Key })
    },
  },
  {
    wrote: SDK,
    read: US,
    what: 'plain, copy_object of ours; getObject',
    attempt: async ({ ours, sdk, bucket, Key, bytes }) => {
      await ours.putObject({ Key, Body: bytes, Metadata: { note: 'kept' } })
      const CopySource = { Bucket: bucket, Key, Region: 'ap-guangzhou' }
      await sdk('copy_object', { Key: `${Key}-copy`, CopySource })
      const { Body, Metadata } = await ours.getObject({ Key: `${Key}-copy` })
      sameBytes(await Body.transformToByteArray(), bytes)
      equal(Metadata.note, 'kept', 'Metadata')
      await ours.deleteMultipleObjects({ Objects: [{ Key }, { Key: `${Key}-copy` }] })
    },
  },
]

const ONCE = [
  {
    wrote: SDK,
    read: US,
    what: 'plain, half an upload; listMultipartUploads, listParts, complete',
    attempt: async ({ shop, ours, sdk, Key }) => {
      const bytes = shop.content(2 * MIB + 5)
      const { UploadId } = await sdk('create_multipart_upload', { Key })
      await shop.withFile(bytes.subarray(0, MIB), (path) =>
        sdk('upload_part', { Key, UploadId, PartNumber: 1, Body: { $bytes: path } }),
      )
      equal((await ours.listMultipartUploads({ Prefix: Key })).Upload[0]?.UploadId, UploadId, 'UploadId')
      await ours.uploadPart({ Key, UploadId, PartNumber: 2, Body: bytes.subarray(MIB) })
      const { Part } = await ours.listParts({ Key, UploadId })
      await ours.completeMultipartUpload({ Key, UploadId, MultipartUpload: { Part } })
      sameBody(await sdk('get_object', { Key }), bytes)
    },
  },
  {
    wrote: US,
    read: SDK,
    what: 'plain, half an upload; list_multipart_uploads, list_parts, complete',
    attempt: async ({ shop, ours, sdk, Key }) => {
      const bytes = shop.content(2 * MIB + 5)
      const { UploadId } = await ours.createMultipartUpload({ Key })
      await ours.uploadPart({ Key, UploadId, PartNumber: 1, Body: bytes.subarray(0, MIB) })
      equal((await sdk('list_multipart_uploads', { Prefix: Key })).Upload[0].UploadId, UploadId, 'UploadId')
      await shop.withFile(bytes.subarray(MIB), (path) =>
        sdk('upload_part', { Key, UploadId, PartNumber: 2, Body: { $bytes: path } }),
      )
      const { Part } = await sdk('list_parts', { Key, UploadId })
      await sdk('complete_multipart_upload', { Key, UploadId, MultipartUpload: { Part } })
      sameBytes(await (await ours.getObject({ Key })).Body.transformToByteArray(), bytes)
    },
  },
  {
    wrote: US,
    read: SDK,
    what: 'plain, createMultipartUpload; abort_multipart_upload',
    attempt: async ({ ours, sdk, Key }) => {
      const { UploadId } = await ours.createMultipartUpload({ Key })
      await sdk('abort_multipart_upload', { Key, UploadId })
      equal(
        (await refusal(ours.listParts({ Key, UploadId }), 'listParts')).serviceCode,
        'NoSuchUpload',
        'code',
      )
    },
  },
  {
    wrote: SDK,
    read: US,
    what: 'plain, create_multipart_upload; abortMultipartUpload',
    attempt: async ({ ours, sdk, Key }) => {
      const { UploadId } = await sdk('create_multipart_upload', { Key })
      await ours.abortMultipartUpload({ Key, UploadId })
      equal((await refusal(sdk('list_parts', { Key, UploadId }), 'list_parts')).code, 'NoSuchUpload', 'code')
    },
  },
  {
    wrote: US,
    read: SDK,
    what: 'plain, 30 objects; list_objects in pages of 7 and by Delimiter; delete_objects',
    attempt: async ({ ours, sdk, Key }) => {
      const keys = Array.from({ length: 30 }, (_, index) => `${Key}/${index % 3}/k ${index}+%`)
      for (const key of keys) await ours.putObject({ Key: key, Body: 'x' })
      const found = []
      for (let Marker = ''; ;) {
        const page = await sdk('list_objects', { Prefix: `${Key}/`, MaxKeys: 7, Marker })
        found.push(...page.Contents.map((entry) => entry.Key))
        if (page.IsTruncated !== 'true') break
        Marker = page.NextMarker
      }
      equal(found.join(), [...keys].sort().join(), 'listed')
      const folders = await sdk('list_objects', { Prefix: `${Key}/`, Delimiter: '/' })
      equal(folders.CommonPrefixes.length, 3, 'CommonPrefixes')
      await sdk('delete_objects', { Delete: { Quiet: 'false', Object: keys.map((key) => ({ Key: key })) } })
      equal((await ours.listObjects({ Prefix: `${Key}/` })).Contents.length, 0, 'left')
    },
  },
  {
    wrote: SDK,
    read: US,
    what: 'plain, 30 objects; listObjects in pages of 7 and by Delimiter; deleteMultipleObjects',
    attempt: async ({ ours, sdk, Key }) => {
      const keys = Array.from({ length: 30 }, (_, index) => `${Key}/${index % 3}/k ${index}+%`)
      for (const key of keys) await sdk('put_object', { Key: key, Body: 'x' })
      const found = []
      for (let Marker; ;) {
        const marker = Marker === undefined ? {} : { Marker }
        const page = await ours.listObjects({ Prefix: `${Key}/`, MaxKeys: 7, ...marker })
        found.push(...page.Contents.map((entry) => entry.Key))
        if (!page.IsTruncated) break
        Marker = page.NextMarker
      }
      equal(found.join(), [...keys].sort().join(), 'listed')
      equal(
        (await ours.listObjects({ Prefix: `${Key}/`, Delimiter: '/' })).CommonPrefixes.length,
        3,
        'folders',
      )
      await ours.deleteMultipleObjects({ Objects: keys.map((key) => ({ Key: key })) })
      equal((await sdk('list_objects', { Prefix: `${Key}/` })).Contents, undefined, 'left')
    },
  },
]

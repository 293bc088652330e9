// Server-side encryption: the official Python SDK's plain client and ours on the same objects, with the same keys, over HTTPS.
import { createHash, randomBytes } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { Bucket, equal, load, MIB, refusal, sameBody, sameBytes } from './workshop.js'

const SIZES = [1, 17, MIB, 5 * MIB + 3]
const Region = 'ap-guangzhou'
const HEADER = 'x-cos-server-side-encryption'

const customerKey = (prefix) => {
  const key = randomBytes(32)
  return {
    [`${prefix}Algorithm`]: 'AES256',
    [`${prefix}Key`]: key.toString('base64'),
    [`${prefix}KeyMD5`]: createHash('md5').update(key).digest('base64'),
  }
}

/** Fields of a write; fields that every later request takes; what answers say. Both libraries have the same names. */
function modes() {
  const key = customerKey('SSECustomer')
  const context = Buffer.from('{"test":"test"}').toString('base64')
  return [
    { name: 'SSE-COS', write: { ServerSideEncryption: 'AES256' }, own: {}, says: [HEADER, 'AES256'] },
    {
      name: 'SSE-KMS',
      write: { ServerSideEncryption: 'cos/kms', SSEKMSKeyId: 'kms-key-id', SSEKMSContext: context },
      own: {},
      says: [HEADER, 'cos/kms'],
    },
    { name: 'SSE-C', write: key, own: key, says: [`${HEADER}-customer-algorithm`, 'AES256'] },
  ]
}

export async function serverSide({ shop, peer, results }) {
  const { CosClient } = await load('index.js')
  const { startServer } = await load('server/index.js')
  const server = await startServer({ https: true })
  const ca = shop.path('ca')
  await writeFile(ca, server.certificate)
  const { endpoint, credentials } = server
  const ours = new CosClient({ endpoint, credentials, bucket: Bucket, tls: { ca: server.certificate } })
  const sdk = await peer.client('https', { scheme: 'https', server, ca, copyPartThreshold: 1 })
  try {
    for (const mode of modes()) {
      for (const size of SIZES) {
        const cell = { shop, ours, sdk, mode, bytes: shop.content(size), Key: '' }
        for (const { wrote, read, what, attempt } of [...theirs, ...mine]) {
          await results.check({ wrote, read, what: `${mode.name}, ${what}`, size }, () =>
            attempt({ ...cell, Key: shop.name(`${mode.name} ${what}`) }),
          )
        }
      }
    }
  } finally {
    ours.close()
    await server.close()
  }
}

const SDK = 'Python SDK'
const US = 'sealstream'
const theirs = [
  ['put_object; getObject, headObject', putAndRead],
  ['put_object with a string; getObject', putText],
  ['upload_file, MAXThread 5; downloadFile', uploadAndDownload],
  ['copy_object; getObject', copied('copy_object', {})],
  ['copy in parts, MAXThread 2; getObject', copied('copy', { PartSize: 1, MAXThread: 2 })],
  ['restore_object; headObject', restored],
].map(([what, attempt]) => ({ wrote: SDK, read: US, what, attempt }))

const mine = [
  ['putObject; get_object, head_object', ourPut],
  ['uploadFile, Concurrency 4; download_file', weUpload],
  ['copyObject; get_object', weCopy('copyObject', {})],
  ['copy in parts; get_object', weCopy('copy', { MultipartThreshold: MIB, PartSize: MIB })],
  ['restoreObject; head_object', weRestore],
].map(([what, attempt]) => ({ wrote: US, read: SDK, what, attempt }))

/** What our results say, by the name of the header they say it in. */
const saidBy = ({ ServerSideEncryption, SSECustomerAlgorithm }) => ({
  [HEADER]: ServerSideEncryption,
  [`${HEADER}-customer-algorithm`]: SSECustomerAlgorithm,
})

const checkOurs = (result, { says: [header, value] }) => equal(saidBy(result)[header], value, header)
const checkTheirs = (headers, { says: [header, value] }) => {
  const found = Object.entries(headers).find(([name]) => name.toLowerCase() === header)?.[1]
  equal(found, value, header)
}

async function theyPut({ shop, sdk, mode, bytes, Key }, more = {}) {
  const Body = shop.path('body')
  await writeFile(Body, bytes)
  const put = await sdk('put_object', { Bucket, Key, Body: { $bytes: Body }, ...mode.write, ...more })
  await rm(Body)
  checkTheirs(put, mode)
}

async function wePut({ ours, mode, bytes, Key }, more = {}) {
  checkOurs(await ours.putObject({ Key, Body: bytes, ...mode.write, ...more }), mode)
}

/** Reads with our client; where a key is needed, without it and with another it must be refused. */
async function weRead({ ours, mode, bytes, Key }, own = mode.own) {
  const got = await ours.getObject({ Key, ...own })
  sameBytes(await got.Body.transformToByteArray(), bytes)
  checkOurs(got, mode)
  const head = await ours.headObject({ Key, ...own })
  equal(head.ContentLength, bytes.length, 'ContentLength')
  checkOurs(head, mode)
  if (Object.keys(own).length === 0) return
  for (const other of [{}, customerKey('SSECustomer')]) {
    const { code } = await refusal(ours.getObject({ Key, ...other }), 'another key')
    equal(code, 'SEALSTREAM_SERVICE', 'code')
  }
}

async function theyRead({ sdk, mode, bytes, Key }, own = mode.own) {
  const got = await sdk('get_object', { Bucket, Key, ...own })
  sameBody(got, bytes)
  checkTheirs(got, mode)
  checkTheirs(await sdk('head_object', { Bucket, Key, ...own }), mode)
  if (Object.keys(own).length === 0) return
  for (const other of [{}, customerKey('SSECustomer')]) {
    const { type } = await refusal(sdk('get_object', { Bucket, Key, ...other }), 'another key')
    equal(type, 'CosServiceError', 'error')
  }
}

async function putAndRead(cell) {
  await theyPut(cell)
  await weRead(cell)
}

async function putText(cell) {
  const { sdk, mode, Key } = cell
  await sdk('put_object', { Bucket, Key, Body: '123', ...mode.write })
  await weRead({ ...cell, bytes: Buffer.from('123') })
}

async function uploadAndDownload(cell) {
  const { shop, ours, sdk, mode, bytes, Key } = cell
  const more = { PartSize: 1, MAXThread: 5 }
  await shop.withFile(bytes, (LocalFilePath) =>
    sdk('upload_file', { Bucket, Key, LocalFilePath, ...more, ...mode.write }),
  )
  const DestFilePath = shop.path('download')
  const got = await ours.downloadFile({ Key, DestFilePath, PartSize: MIB, ...mode.own })
  sameBytes(await readFile(DestFilePath), bytes)
  await rm(DestFilePath)
  checkOurs(got, mode)
}

/** From the key of the mode to another, as in the documentation; the other modes just say what the copy is to have. */
function copyFields({ mode }) {
  if (mode.name !== 'SSE-C') return { source: {}, target: mode.write, own: {} }
  const source = Object.fromEntries(
    Object.entries(mode.own).map(([name, value]) => [`CopySource${name}`, value]),
  )
  const target = customerKey('SSECustomer')
  return { source, target, own: target }
}

function copied(method, more) {
  return async (cell) => {
    const { sdk, Key } = cell
    await theyPut(cell)
    const { source, target, own } = copyFields(cell)
    const CopySource = { Bucket, Key, Region }
    const to = `${Key}-copy`
    // Only to another storage class does the SDK copy in parts within one region.
    const asParts = method === 'copy' ? { StorageClass: 'STANDARD_IA' } : {}
    await sdk(method, { Bucket, Key: to, CopySource, ...source, ...target, ...more, ...asParts })
    await weRead({ ...cell, Key: to }, own)
  }
}

async function restored(cell) {
  const { ours, sdk, mode, Key } = cell
  await theyPut(cell, { StorageClass: 'ARCHIVE' })
  const RestoreRequest = { Days: 1, CASJobParameters: { Tier: 'Expedited' } }
  await sdk('restore_object', { Bucket, Key, RestoreRequest, ...mode.own })
  const { Restore } = await ours.headObject({ Key, ...mode.own })
  if (!/ongoing-request/.test(Restore ?? '')) throw new Error(`Restore: ${Restore}`)
  await weRead(cell)
}

async function ourPut(cell) {
  await wePut(cell)
  await theyRead(cell)
}

async function weUpload(cell) {
  const { shop, ours, sdk, mode, bytes, Key } = cell
  await shop.withFile(bytes, (LocalFilePath) =>
    ours.uploadFile({ Key, LocalFilePath, PartSize: MIB, Concurrency: 4, ...mode.write }),
  )
  const DestFilePath = shop.path('download')
  await sdk('download_file', {
    Bucket,
    Key,
    DestFilePath,
    PartSize: 1,
    MAXThread: 4,
    EnableCRC: true,
    ...mode.own,
  })
  sameBytes(await readFile(DestFilePath), bytes)
  await rm(DestFilePath)
  await theyRead(cell)
}

function weCopy(method, more) {
  return async (cell) => {
    const { ours, Key } = cell
    await wePut(cell)
    const { source, target, own } = copyFields(cell)
    const to = `${Key}-copy`
    await ours[method]({ Key: to, CopySource: { Bucket, Key, Region }, ...source, ...target, ...more })
    await theyRead({ ...cell, Key: to }, own)
  }
}

async function weRestore(cell) {
  const { ours, sdk, mode, Key } = cell
  await wePut(cell, { StorageClass: 'ARCHIVE' })
  const RestoreRequest = { Days: 1, CASJobParameters: { Tier: 'Expedited' } }
  await ours.restoreObject({ Key, RestoreRequest, ...mode.own })
  const head = await sdk('head_object', { Bucket, Key, ...mode.own })
  if (!/ongoing-request/.test(head['x-cos-restore'] ?? ''))
    throw new Error(`x-cos-restore: ${head['x-cos-restore']}`)
  await theyRead(cell)
}

// We write encrypted objects in every way we have; the official Python SDK reads them.
import { Readable } from 'node:stream'
import { Bucket, equal, load, MIB, sameBody } from './workshop.js'

const CONCURRENCIES = [1, 4, 16]
const WORKERS = [1, 2, 4, 8, 16]
const PartSize = MIB

export async function ourWrites({ shop, peer, server, results }) {
  const { AesMasterKey, CosEncryptionClient, RsaMasterKey } = await load('index.js')
  const { keys } = shop
  const readers = {
    aes_key: await peer.client('aes', { server, provider: { aes: { aes_key: keys.aes } } }),
    aes_key_path: await peer.client('aes-path', {
      server,
      provider: { aes: { aes_key_path: keys.paths.aes } },
    }),
    'RSA by path': await peer.client('rsa-path', {
      server,
      provider: { rsa_path: [keys.paths.publicKey, keys.paths.privateKey] },
    }),
  }
  const rsa = await RsaMasterKey.fromFiles({
    publicKey: keys.paths.publicKey,
    privateKey: keys.paths.privateKey,
  })
  const writers = [
    { format: 'cos', kind: 'RSA', masterKey: rsa, by: ['RSA by path'] },
    { format: 'cos-python', kind: 'RSA', masterKey: rsa, by: ['RSA by path'] },
    {
      format: 'cos-python',
      kind: 'AES',
      masterKey: await AesMasterKey.fromFile(keys.paths.aes),
      by: ['aes_key', 'aes_key_path'],
    },
  ]
  for (const { format, kind, masterKey, by } of writers) {
    const { endpoint, credentials } = server
    const client = new CosEncryptionClient({ endpoint, credentials, bucket: Bucket, masterKey, format })
    for (const size of shop.sizes) {
      for (const { mode, count, write } of modes(shop)) {
        const Key = shop.name(`${format} ${kind} ${mode}`)
        const bytes = shop.content(size)
        let failure
        await write(client, Key, bytes).catch((error) => (failure = error))
        for (const reader of by) {
          const row = { wrote: 'sealstream', read: `Python SDK, ${reader}`, size, note: `with ${count}` }
          const what = `${format} ${kind}, ${mode}`
          await results.check({ ...row, what }, async () => {
            if (failure !== undefined) throw failure
            sameBody(await readers[reader]('get_object', { Bucket, Key }), bytes)
          })
          if (size === 0) continue
          await results.check({ ...row, what: `${format} ${kind}, a range of any` }, async () => {
            if (failure !== undefined) throw failure
            const start = shop.integer(0, size - 1)
            const end = shop.integer(start, size - 1)
            const Range = `bytes=${start}-${end}`
            sameBody(
              await readers[reader]('get_object', { Bucket, Key, Range }),
              bytes.subarray(start, end + 1),
            )
          })
        }
        await client.deleteObject({ Key })
      }
    }
    await client.close()
  }
}

function modes(shop) {
  const put = (client, Key, Body) => client.putObject({ Key, Body })
  const upload = (Concurrency) => async (client, Key, Body) =>
    inParts(await client.upload({ Key, Body, PartSize, Concurrency }))
  const uploadStream = (Concurrency) => async (client, Key, bytes) =>
    inParts(await client.upload({ Key, Body: Readable.from(uneven(shop, bytes)), PartSize, Concurrency }))
  const uploadFile = (Concurrency) => async (client, Key, bytes) =>
    shop.withFile(bytes, async (LocalFilePath) =>
      inParts(await client.uploadFile({ Key, LocalFilePath, PartSize, Concurrency })),
    )
  const byHand = (workers) => (client, Key, bytes) => partsByHand(shop, client, Key, bytes, workers)
  const many = (name, make, counts, unit) =>
    counts.map((count) => ({ mode: `${name}, ${unit} ${counts.join(' ')}`, count, write: make(count) }))
  return [
    { mode: 'putObject', count: 1, write: put },
    ...many('upload of bytes', upload, CONCURRENCIES, 'Concurrency'),
    ...many('upload of a stream', uploadStream, CONCURRENCIES, 'Concurrency'),
    ...many('uploadFile', uploadFile, CONCURRENCIES, 'Concurrency'),
    ...many('parts by hand, any order', byHand, WORKERS, 'workers'),
  ]
}

/** @throws unless it went as it should: in parts where it does not fit one. */
function inParts({ PartCount, ContentLength }) {
  equal(PartCount, ContentLength > PartSize ? Math.ceil(ContentLength / PartSize) : 0, 'PartCount')
}

/** The bytes in chunks of lengths that have nothing to do with blocks or parts. */
function* uneven(shop, bytes) {
  for (let at = 0; at < bytes.length;) {
    const length = shop.integer(1, 300_001)
    yield bytes.subarray(at, at + length)
    at += length
  }
}

async function partsByHand(shop, client, Key, bytes, workers) {
  const { UploadId } = await client.createMultipartUpload({ Key, PartSize })
  const count = Math.max(1, Math.ceil(bytes.length / PartSize))
  const waiting = shop.shuffled(Array.from({ length: count }, (_, index) => index + 1))
  const work = async () => {
    for (let PartNumber = waiting.pop(); PartNumber !== undefined; PartNumber = waiting.pop()) {
      const Body = bytes.subarray((PartNumber - 1) * PartSize, PartNumber * PartSize)
      await client.uploadPart({ Key, UploadId, PartNumber, Body })
    }
  }
  await Promise.all(Array.from({ length: workers }, work))
  const { Part } = await client.listParts({ Key, UploadId })
  await client.completeMultipartUpload({ Key, UploadId, MultipartUpload: { Part } })
}

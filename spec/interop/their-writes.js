// The official Python SDK writes encrypted objects in every way that works in it; we read them in every way we have.
import { readFile, rm } from 'node:fs/promises'
import { Bucket, equal, load, MIB, refusal, sameBytes } from './workshop.js'

export async function theirWrites({ shop, peer, server, results }) {
  const { AesMasterKey, CosEncryptionClient, RsaMasterKey } = await load('index.js')
  const { keys } = shop
  const aes = AesMasterKey.from(keys.aes)
  const rsa = RsaMasterKey.from({ publicKey: keys.publicKey, privateKey: keys.privateKey })
  const rsaPaths = [keys.paths.publicKey, keys.paths.privateKey]
  const writers = [
    { kind: 'aes_key', provider: { aes: { aes_key: keys.aes } }, masterKey: aes },
    { kind: 'aes_key_path', provider: { aes: { aes_key_path: keys.paths.aes } }, masterKey: aes },
    { kind: 'RSA by path', provider: { rsa_path: rsaPaths }, masterKey: rsa },
  ]
  const { endpoint, credentials } = server
  const open = (masterKey) =>
    new CosEncryptionClient({ endpoint, credentials, bucket: Bucket, masterKey, format: 'cos-python' })

  for (const { kind, provider, masterKey } of writers) {
    const sdk = await peer.client(`writer ${kind}`, { server, provider })
    const client = open(masterKey)
    // Its own put of no bytes fails before the request.
    for (const size of shop.sizes.filter((length) => length > 0)) {
      for (const { mode, write } of MODES) {
        const Key = shop.name(`${kind} ${mode}`)
        const bytes = shop.content(size)
        let failure
        await shop.withFile(bytes, (path) => write(sdk, Key, path, size)).catch((error) => (failure = error))
        for (const { way, read } of WAYS) {
          const row = { wrote: `Python SDK, ${kind}`, read: 'sealstream', what: `${mode}; ${way}`, size }
          await results.check(row, async () => {
            if (failure !== undefined) throw failure
            await read(client, Key, bytes, shop)
          })
        }
        await client.deleteObject({ Key })
      }
    }
    await client.close()
  }

  const byValue = await peer.client('writer by value', {
    server,
    provider: { rsa: [keys.publicKey, keys.privateKey] },
  })
  const client = open(rsa)
  const what = 'put_object; refused with a hint (PKCS#1 v1.5)'
  for (const size of [1, 17, MIB + 1]) {
    await results.check({ wrote: 'Python SDK, RSA by value', read: 'sealstream', what, size }, async () => {
      const Key = shop.name('by value')
      await shop.withFile(shop.content(size), (path) =>
        byValue('put_object', { Bucket, Key, Body: { $bytes: path } }),
      )
      const error = await refusal(client.getObject({ Key }), 'the object')
      equal(error.code, 'SEALSTREAM_UNWRAP', 'code')
      if (!/PKCS#1 v1\.5/.test(error.hint ?? '')) throw new Error(`the hint does not say why: ${error.hint}`)
    })
  }
  await client.close()
}

const MODES = [
  {
    mode: 'put_object of bytes',
    write: (sdk, Key, path) => sdk('put_object', { Bucket, Key, Body: { $bytes: path } }),
  },
  {
    mode: 'put_object of a file',
    write: (sdk, Key, path) => sdk('put_object', { Bucket, Key, Body: { $open: path } }),
  },
  { mode: 'upload_part, 1 MiB', write: (sdk, Key, path, size) => parts(sdk, Key, path, size, MIB) },
  { mode: 'upload_part, 1 MiB + 48', write: (sdk, Key, path, size) => parts(sdk, Key, path, size, MIB + 48) },
  {
    mode: 'upload_file, MAXThread 1',
    write: (sdk, Key, LocalFilePath) =>
      sdk('upload_file', { Bucket, Key, LocalFilePath, PartSize: 1, MAXThread: 1 }),
  },
]

function parts(sdk, Key, path, size, partSize) {
  const lengths = []
  for (let left = size; left > 0; left -= partSize) lengths.push(Math.min(left, partSize))
  return sdk.uploadParts({ Bucket, Key }, { path, lengths })
}

const WAYS = [
  {
    way: 'getObject',
    read: async (client, Key, bytes) => {
      const { Body, ContentLength, format } = await client.getObject({ Key })
      sameBytes(await Body.transformToByteArray(), bytes)
      equal(ContentLength, bytes.length, 'ContentLength')
      equal(format, 'cos-python', 'format')
    },
  },
  {
    way: '8 ranges',
    read: async (client, Key, bytes, shop) => {
      const last = bytes.length - 1
      const ranges = [
        [0, 0],
        [last, last],
        [0, last],
      ]
      while (ranges.length < 6) {
        const start = shop.integer(0, last)
        ranges.push([start, shop.integer(start, last)])
      }
      for (const [start, end] of ranges) {
        const { Body } = await client.getObject({ Key, Range: `bytes=${start}-${end}` })
        sameBytes(await Body.transformToByteArray(), bytes.subarray(start, end + 1))
      }
      const length = shop.integer(1, bytes.length)
      const tail = await client.getObject({ Key, Range: `bytes=-${length}` })
      sameBytes(await tail.Body.transformToByteArray(), bytes.subarray(bytes.length - length))
      const start = shop.integer(0, last)
      const rest = await client.getObject({ Key, Range: `bytes=${start}-` })
      sameBytes(await rest.Body.transformToByteArray(), bytes.subarray(start))
    },
  },
  {
    way: 'createReadStream',
    read: async (client, Key, bytes, shop) => {
      const start = shop.integer(0, bytes.length - 1)
      const chunks = []
      for await (const chunk of client.createReadStream({ Key, start })) chunks.push(chunk)
      sameBytes(Buffer.concat(chunks), bytes.subarray(start))
    },
  },
  {
    way: 'downloadFile',
    read: async (client, Key, bytes, shop) => {
      const DestFilePath = shop.path('download')
      try {
        await client.downloadFile({ Key, DestFilePath, PartSize: MIB, Concurrency: 4 })
        sameBytes(await readFile(DestFilePath), bytes)
      } finally {
        await rm(DestFilePath, { force: true })
      }
    },
  },
]

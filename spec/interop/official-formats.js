// The formats of the official Java and Go SDKs: each writes and we read, we write and each reads.
import { randomBytes } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { startGo } from './go-peer.js'
import { startJava } from './java-peer.js'
import { KMS_KEY_ID, REGION } from './line-peer.js'
import { Bucket, equal, load, MIB, sameBody, sameBytes } from './workshop.js'

const SIZES = [0, 1, 15, 16, 17, MIB - 1, MIB + 1, 5 * MIB + 3]
const PartSize = MIB
const US = 'sealstream'

const CTR = 'AesCtrEncryption'
const GCM = 'AuthenticatedEncryption'
const CBC = 'AesCbcEncryption'
const description = { tenant: 'a', 'kms-region': 'guangzhou' }
const inFile = { storage: 'InstructionFile' }
/** Without it Java's client does not read what it wrote under KMS: it looks for it there. */
const keyIdToo = { description: { kms_cmk_id: KMS_KEY_ID } }

/** In parts the Java SDK stores CBC without its last block, and then reads it short. */
const CUT = { kind: 'AES-256', format: 'cos-java-cbc', java: { mode: CBC }, theirsOnly: true }

/**
 * What is written and read. `java` and `go` are options of their clients; absent where the SDK does not have it.
 *
 * - `description`: their material description, our encryption context.
 * - `theirsOnly`: read by us, but not written.
 * - `ways`: how they write, where they cannot write in every way.
 */
const CASES = [
  ...[128, 192, 256].map((bits) => ({ kind: `AES-${bits}`, format: 'cos', java: { mode: CTR }, go: {} })),
  { kind: 'AES-256', format: 'cos', note: 'described', description, java: { mode: CTR }, go: {} },
  { kind: 'RSA', format: 'cos', java: { mode: CTR }, go: {} },
  { kind: 'RSA', format: 'cos', note: 'Bouncy Castle', java: { mode: CTR, provider: 'BC' } },
  { kind: 'KMS', format: 'cos', java: { mode: CTR }, go: {} },
  { kind: 'KMS', format: 'cos', note: 'described', description, java: { mode: CTR }, go: {} },
  { kind: 'RSA', format: 'cos-java-gcm', java: { mode: GCM } },
  { kind: 'KMS', format: 'cos-java-gcm', java: { mode: GCM } },
  { kind: 'KMS', format: 'cos-java-gcm', note: 'described', description, java: { mode: GCM } },
  ...['AES-256', 'RSA', 'KMS'].map((kind) => ({ ...CUT, kind, ways: ['put'] })),
  ...[
    { kind: 'AES-256', format: 'cos', java: { mode: CTR, ...inFile } },
    { kind: 'RSA', format: 'cos', java: { mode: CTR, ...inFile } },
    { kind: 'KMS', format: 'cos', java: { mode: CTR, ...inFile, ...keyIdToo } },
    { kind: 'RSA', format: 'cos-java-gcm', java: { mode: GCM, ...inFile } },
    { kind: 'KMS', format: 'cos-java-gcm', java: { mode: GCM, ...inFile, ...keyIdToo } },
    { kind: 'AES-256', format: 'cos-java-cbc', java: { mode: CBC, ...inFile }, ways: ['put'] },
  ].map((given) => ({ ...given, note: 'instruction file', theirsOnly: true })),
]

/** What our reads take besides the key. */
const paramsOf = ({ note }) => (note === 'instruction file' ? { InstructionFile: true } : {})
const rangeParamsOf = ({ format }) => (format === 'cos-java-gcm' ? { releaseUnverified: true } : {})

const WAYS = {
  put: (sdk, key, bytes) => sdk.put(key, bytes),
  parts: (sdk, key, bytes) => sdk.parts(key, bytes, PartSize),
  TransferManager: (sdk, key, bytes) => sdk.transfer(key, bytes, PartSize),
}
const WAYS_OF = { java: Object.keys(WAYS), go: ['put', 'parts'] }

/** Java's client gives ranges of GCM alone, and raises UnsupportedOperationException for the others. Go's has no `0-0`. */
const RANGES = {
  java: ({ format }, start, end) => (format === 'cos-java-gcm' ? [start, end] : undefined),
  go: (_, start, end) => `bytes=${start}-${end}`,
}

export async function formats({ shop, server, results }) {
  const peers = {}
  const bench = new Bench({ shop, server, results, lib: await load('index.js') })
  try {
    peers.java = await startJava(shop.folder)
    peers.go = await startGo(shop.folder)
    if (peers.java === undefined) console.log('Java SDK: skipped, SEALSTREAM_JAVA_CLASSPATH is not set')
    if (peers.go === undefined) console.log('Go SDK: skipped, SEALSTREAM_GO_PEER is not set')
    const there = Object.entries(peers).filter(([, peer]) => peer !== undefined)
    for (const [, { version }] of there) console.log(version)
    for (const given of CASES) {
      for (const [name, peer] of there.filter(([sdk]) => sdk in given)) await bench.run(given, name, peer)
    }
    if (peers.java !== undefined) await bench.cutCbc(peers.java)
  } finally {
    bench.close()
    for (const peer of Object.values(peers)) await peer?.close()
  }
}

class Bench {
  #shop
  #server
  #results
  #lib
  #aes = new Map([128, 192, 256].map((bits) => [`AES-${bits}`, randomBytes(bits / 8).toString('base64')]))
  #masterKeys = []

  constructor({ shop, server, results, lib }) {
    this.#shop = shop
    this.#server = server
    this.#results = results
    this.#lib = lib
  }

  /** One case with one SDK, both ways, in every size. */
  async run(given, name, peer) {
    const sdk = await this.#theirs(given, name, peer)
    const ours = this.#ours(given)
    const cell = { given, name, peer, sdk, ours }
    for (const size of SIZES) {
      for (const way of given.ways ?? WAYS_OF[name]) await this.#theyWrite(cell, way, size)
      if (given.theirsOnly) continue
      await this.#weWrite(cell, 'putObject', size, (Key, Body) => ours.putObject({ Key, Body }))
      await this.#weWrite(cell, 'uploadFile, Concurrency 4', size, (Key, bytes) =>
        this.#shop.withFile(bytes, (LocalFilePath) =>
          ours.uploadFile({ Key, LocalFilePath, PartSize, Concurrency: 4 }),
        ),
      )
    }
    await ours.close()
  }

  /** Those under KMS have connections. */
  close() {
    for (const masterKey of this.#masterKeys) masterKey.close?.()
  }

  /** What is cut must not be read as if it were whole. */
  async cutCbc(java) {
    const sdk = await this.#theirs(CUT, 'java', java)
    const ours = this.#ours(CUT)
    const what = `${titleOf(CUT)}, parts: not read short`
    for (const size of [1, 16, 17, MIB, MIB + 1]) {
      await this.#results.check({ wrote: java.sdk, read: US, what, size }, async () => {
        const Key = this.#shop.name('cut')
        const bytes = Buffer.from(this.#shop.content(size))
        // In whole blocks nothing else tells that this is not padding.
        bytes[size - 1] = 1
        await sdk.parts(Key, bytes, PartSize)
        const read = async () => (await ours.getObject({ Key })).Body.transformToByteArray()
        const found = await read().catch(({ code, message }) => {
          if (!/^SEALSTREAM_(?!UNKNOWN)/.test(code)) throw new Error(`refused with ${code}: ${message}`)
        })
        if (found !== undefined) sameBytes(found, bytes)
      })
    }
    await ours.close()
  }

  async #theyWrite({ given, name, peer, sdk, ours }, way, size) {
    const Key = this.#shop.name(`${name} ${way}`)
    const bytes = this.#shop.content(size)
    const row = { wrote: peer.sdk, read: US, what: `${titleOf(given)}, ${way}`, size }
    let failure
    await WAYS[way](sdk, Key, bytes).catch((error) => (failure = error))
    await this.#results.check({ ...row, note: 'whole' }, async () => {
      if (failure !== undefined) throw failure
      const { Body, ContentLength, format } = await ours.getObject({ Key, ...paramsOf(given) })
      sameBytes(await Body.transformToByteArray(), bytes)
      equal(ContentLength, size, 'ContentLength')
      equal(format, given.format, 'format')
    })
    await this.#results.check({ ...row, note: 'downloadFile' }, async () => {
      if (failure !== undefined) throw failure
      const DestFilePath = this.#shop.path('download')
      try {
        await ours.downloadFile({ Key, DestFilePath, PartSize, Concurrency: 4, ...paramsOf(given) })
        sameBytes(await readFile(DestFilePath), bytes)
      } finally {
        await rm(DestFilePath, { force: true })
      }
    })
    if (size === 0) return
    await this.#results.check({ ...row, note: 'a range' }, async () => {
      if (failure !== undefined) throw failure
      const { start, end } = this.#range(size)
      const Range = `bytes=${start}-${end}`
      const { Body } = await ours.getObject({ Key, Range, ...paramsOf(given), ...rangeParamsOf(given) })
      sameBytes(await Body.transformToByteArray(), bytes.subarray(start, end + 1))
    })
  }

  async #weWrite({ given, name, peer, sdk }, way, size, write) {
    const Key = this.#shop.name(`our ${way}`)
    const bytes = this.#shop.content(size)
    const row = { wrote: US, read: peer.sdk, what: `${titleOf(given)}, ${way}`, size }
    let failure
    await write(Key, bytes).catch((error) => (failure = error))
    await this.#results.check({ ...row, note: 'whole' }, async () => {
      if (failure !== undefined) throw failure
      sameBody(await sdk.get(Key), bytes)
    })
    if (size < 2) return
    const { start, end: last } = this.#range(size)
    const end = Math.max(last, 1)
    const range = RANGES[name](given, start, end)
    if (range === undefined) return
    await this.#results.check({ ...row, note: 'a range' }, async () => {
      if (failure !== undefined) throw failure
      sameBody(await sdk.get(Key, range), bytes.subarray(start, end + 1))
    })
  }

  #range(size) {
    const start = this.#shop.integer(0, size - 1)
    return { start, end: this.#shop.integer(start, size - 1) }
  }

  #theirs({ kind, description: pairs, ...given }, name, peer) {
    const masterKeys = { KMS: { kms: true }, RSA: { rsa: this.#shop.keys } }
    const masterKey = masterKeys[kind] ?? { aes: this.#aes.get(kind) }
    return peer.client({ server: this.#server, masterKey, description: pairs, ...given[name] })
  }

  #ours({ kind, format, description: context, theirsOnly }) {
    const { endpoint, credentials } = this.#server
    const { AesMasterKey, CosEncryptionClient, KmsMasterKey, RsaMasterKey } = this.#lib
    const { publicKey, privateKey } = this.#shop.keys
    const makers = {
      RSA: () => RsaMasterKey.from({ publicKey, privateKey }),
      KMS: () => new KmsMasterKey({ keyId: KMS_KEY_ID, region: REGION, credentials, endpoint }),
    }
    const masterKey = (makers[kind] ?? (() => AesMasterKey.from(this.#aes.get(kind))))()
    this.#masterKeys.push(masterKey)
    const place = { endpoint, credentials, bucket: Bucket }
    const written = theirsOnly ? 'cos' : format
    return new CosEncryptionClient({ ...place, masterKey, format: written, policy: 'any', context })
  }
}

const titleOf = ({ format, kind, note }) => [`${format} ${kind}`, note].filter(Boolean).join(', ')

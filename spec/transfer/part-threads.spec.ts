/** Threads of the process that runs these specs. What takes many of them is in upload-threads.spec.ts. */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import { expect } from 'chai'
import { crc64 } from '../../lib/checksum/crc64.js'
import { makeService } from '../../lib/cos-client.js'
import { DataKey, lendStretch } from '../../lib/crypto/data-key.js'
import { SealstreamError } from '../../lib/errors.js'
import type { Sealer } from '../../lib/transfer/seal.js'
import { prepareThreads } from '../../lib/transfer/kept-threads.js'
import { startThreads } from '../../lib/transfer/part-threads.js'
import { HeldMemory } from '../../lib/internal/transfer-memory.js'
import { openFileSource } from '../../lib/transfer/seekable-source.js'
import { uploadJob } from '../../lib/transfer/upload-job.js'
import { uploadSeekable } from '../../lib/transfer/upload-seekable.js'
import { ctrModel } from '../support/ctr-model.js'
import { eventually } from '../support/eventually.js'
import { rawObject } from '../support/format-writers.js'
import { BUCKET } from '../support/raw-request.js'
import { refused } from '../support/refused.js'
import { content, PART, transferBench } from '../support/transfers.js'

const CHANGED = 'SEALSTREAM_SOURCE_CHANGED'
const SIZE = 3 * PART + 7

describe('parts that threads of this process make', () => {
  const bench = transferBench()
  const PLAIN = content(SIZE, 61)
  const KEY = content(32, 65)
  const IV = content(16, 66)

  it('are never encrypted again under their data key: a second upload with it is refused, and sends nothing', async () => {
    await writeFile(bench.path('source'), PLAIN)
    const { endpoint, credentials } = bench.server
    const service = makeService({ endpoint, credentials, bucket: BUCKET, retry: { attempts: 1 } })
    const dataKey = DataKey.from({ format: 'cos', key: KEY, iv: IV })
    // It forgets nothing when an upload is over: uploads dispose what they were given.
    dataKey.dispose = () => undefined
    const sealer: Sealer = {
      identity: 'one and the same',
      canReopen: false,
      storedSize: (size) => size,
      seal: async () => ({ dataKey, envelope: {}, saved: { Envelope: {} } }),
      reopen: async () => dataKey,
    }
    const upload = async (Key: string, threads: number): Promise<void> => {
      const params = { Key, PartSize: PART, Concurrency: 3, threads }
      const source = await openFileSource(bench.path('source'), 'LocalFilePath')
      try {
        await uploadSeekable(uploadJob(service, params, [], sealer), source)
      } finally {
        await source.close()
      }
    }
    try {
      await upload('a', 2)
      const { bytes } = await rawObject(bench, 'a')
      expect(bytes.equals(ctrModel(KEY, IV, PLAIN))).to.equal(true)
      const sent = bench.count('uploadPart')
      for (const threads of [2, 1]) {
        await refused('SEALSTREAM_DATA_KEY_REUSED', () => upload('b', threads))
      }
      expect(bench.count('uploadPart')).to.equal(sent)
      await refused('SEALSTREAM_DATA_KEY_REUSED', () => dataKey.encryptor({ start: 3 * PART }))
    } finally {
      await service.http.close()
    }
  })

  it('fail with the code of what a thread fails with: a source that changed', async () => {
    await writeFile(bench.path('source'), PLAIN)
    let isChanged = false
    const params = {
      Key: 'k',
      LocalFilePath: bench.path('source'),
      PartSize: PART,
      Concurrency: 2,
      threads: 2,
      onProgress: ({ bytes }: { bytes: number }) => {
        if (bytes === 0 || isChanged) return
        isChanged = true
        writeFileSync(bench.path('source'), content(SIZE, 67))
      },
    }
    await refused(CHANGED, () => bench.encrypting().uploadFile(params))
    expect(await bench.uploads()).to.deep.equal([])
  })

  it('have the digests of their bytes, MD5 among them where it is asked for, and none after the end', async () => {
    await writeFile(bench.path('source'), PLAIN)
    const source = await openFileSource(bench.path('source'), 'LocalFilePath')
    const options = { dataKey: undefined, sameBytes: false, md5: true, peers: 2, signal: undefined }
    const threaded = (await startThreads(source.shared!, 1, options))!
    const memory = new HeldMemory().take(PART + 16)
    const part = { number: 2, offset: PART, length: PART }
    try {
      const bytes = PLAIN.subarray(PART, 2 * PART)
      const md5 = createHash('md5').update(bytes).digest('hex')
      const made = await threaded.make(part, memory)
      expect(made.digest).to.deep.equal({ length: PART, crc64: crc64(bytes), md5 })
      expect(made.bytes.equals(bytes)).to.equal(true)
      expect(made.bytes.buffer, 'shared, not copied').to.equal(memory.buffer)
    } finally {
      await threaded.crew.close()
      await source.close()
    }
    const late: unknown = await threaded
      .make(part, new HeldMemory().take(PART))
      .catch((error: unknown) => error)
    expect(late).to.be.instanceOf(Error)
  })

  it('fail with all that the error says: its code, and the cause with what the operating system said', async () => {
    const file = { descriptor: 2 ** 20, size: PART, fingerprint: '1-2-3', option: 'LocalFilePath' }
    const options = { dataKey: undefined, sameBytes: false, md5: false, peers: 1, signal: undefined }
    const threaded = (await startThreads(file, 1, options))!
    try {
      const part = { number: 1, offset: 0, length: PART }
      const error = await threaded
        .make(part, new HeldMemory().take(PART))
        .catch((reason: unknown) => reason as SealstreamError)
      expect(error).to.be.instanceOf(SealstreamError)
      expect(error).to.include({ code: 'SEALSTREAM_FILE' })
      expect((error as SealstreamError).cause).to.include({ code: 'EBADF', syscall: 'fstat' })
    } finally {
      await threaded.crew.close()
    }
  })

  it('fail as what it is where a thread ends: with a checkpoint, the upload goes on later', async () => {
    await writeFile(bench.path('source'), PLAIN)
    const params = {
      Key: 'k',
      LocalFilePath: bench.path('source'),
      checkpoint: bench.path('checkpoint'),
      PartSize: PART,
      Concurrency: 2,
      threads: 2,
    }
    const post: unknown = Reflect.get(Worker.prototype, 'postMessage')
    let fills = 0
    Reflect.set(Worker.prototype, 'postMessage', function (this: Worker, message: { type: string }) {
      if (message.type === 'fill' && ++fills === 3) void this.terminate()
      Reflect.apply(post as () => void, this, [message])
    })
    try {
      const error = await refused('SEALSTREAM_THREAD', () => bench.encrypting().uploadFile(params))
      expect(error.hint).to.contain('threads: 1')
      expect(error.cause).to.be.instanceOf(Error)
    } finally {
      Reflect.set(Worker.prototype, 'postMessage', post)
    }
    expect(await bench.uploads()).to.have.length(1)
    await bench.encrypting().uploadFile(params)
    expect(await bench.uploads()).to.deep.equal([])
    await bench.encrypting().downloadFile({ Key: 'k', DestFilePath: bench.path('back') })
    expect((await readFile(bench.path('back'))).equals(PLAIN)).to.equal(true)
  })

  it('are not waited for by the process while nobody has borrowed the threads', async () => {
    const ports = (): number =>
      process.getActiveResourcesInfo().filter((resource) => resource === 'MessagePort').length
    const before = ports()
    prepareThreads(12)
    // Threads are there, of whomever.
    await eventually(() => expect(ports()).to.equal(before))
    const file = { descriptor: 0, size: PART, fingerprint: '1-2-3', option: 'LocalFilePath' }
    const options = { dataKey: undefined, sameBytes: false, md5: false, peers: 1, signal: undefined }
    const threaded = (await startThreads(file, 1, options))!
    expect(ports()).to.equal(before + 1)
    threaded.crew.release()
    await eventually(() => expect(ports()).to.equal(before))
  })

  it('are not waited for when the upload is aborted while threads start', async () => {
    const file = { descriptor: 0, size: PART, fingerprint: '1-2-3', option: 'LocalFilePath' }
    const signal = AbortSignal.abort(new Error('enough'))
    const options = { dataKey: undefined, sameBytes: false, md5: false, peers: 1, signal }
    await refused('SEALSTREAM_ABORTED', () => startThreads(file, 2, options))
  })
})

describe('what a data key lends to a thread', () => {
  it('lies in memory that holds nothing else, is a copy, and is claimed', async () => {
    for (const format of ['cos', 'sealed'] as const) {
      const dataKey = DataKey.generate(format)
      const stretch = { offset: 0, length: dataKey.ciphertextSize(100), size: 100 }
      const { iv, context } = lendStretch(dataKey, stretch, { sameBytes: false })
      expect(iv!.buffer.byteLength).to.equal(iv!.length)
      expect(context.buffer.byteLength).to.equal(context.length)
      iv!.fill(0)
      await dataKey.withBytes((_, own) => expect(own.some((byte) => byte !== 0)).to.equal(true))
      await refused('SEALSTREAM_DATA_KEY_REUSED', () => lendStretch(dataKey, stretch, { sameBytes: false }))
    }
  })
})

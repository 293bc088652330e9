import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { AES_256 } from '../support/encrypting-masters.js'
import { eventually } from '../support/eventually.js'
import { CONTENT, expectUploaded, fileUploads, PARTS } from '../support/interrupted-upload.js'
import { failureOf, refused } from '../support/refused.js'
import { expectNoTrace } from '../support/secrecy.js'
import { Seeded } from '../support/seeded.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { CLIENT_KINDS, PART, uploadRigs } from '../support/upload-rig.js'

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('uploadFile with a checkpoint', () => {
  const start = uploadRigs()
  const make = fileUploads()
  const at = temporaryFolder()

  for (const kind of CLIENT_KINDS) {
    for (const parts of kind === 'cos' ? numbers(0, PARTS) : [0, 2, PARTS]) {
      it(`goes on after ${parts} of ${PARTS} parts, in another client, and sends only the others, ${kind}`, async () => {
        const [rig, file] = [await start(), await make()]
        const { UploadId } = await file.interrupted(rig, rig.client(kind), { parts })
        expect(await rig.uploads()).to.deep.equal([UploadId])
        const before = rig.requests.length
        const stored = await rig.client(kind).uploadFile(file.params({ Concurrency: 3 }))
        expect(stored).to.include({ PartCount: PARTS, StoredLength: CONTENT.length, verified: 'crc64' })
        const bytes = Math.min(parts * PART, CONTENT.length)
        expect(file.events).to.deep.equal([{ type: 'resumed', parts, bytes }])
        expect(rig.partsSent(before)).to.deep.equal(numbers(parts + 1, PARTS))
        expect(rig.of('createMultipartUpload').length).to.equal(1)
        await expectUploaded(rig, file)
      })
    }

    it(`goes on after its signal was aborted midway, with 4 parts under way, ${kind}`, async () => {
      const [rig, file] = [await start(), await make()]
      const abort = new AbortController()
      const error = await refused('SEALSTREAM_ABORTED', () =>
        rig.client(kind).uploadFile(
          file.params({
            Concurrency: 4,
            signal: abort.signal,
            onProgress: ({ bytes }) => {
              if (bytes >= 2 * PART) abort.abort(new Error('the reason'))
            },
          }),
        ),
      )
      expect(error.cause).to.have.property('message', 'the reason')
      expect((await rig.uploads()).length).to.equal(1)
      const before = rig.requests.length
      await rig.client(kind).uploadFile(file.params())
      const [event] = file.events
      expect(event).to.include({ type: 'resumed' })
      const { parts } = event as unknown as { parts: number }
      expect(parts).to.be.at.least(2)
      // Those that the abort cut off may end only now.
      const sent = rig.requests
        .slice(before)
        .filter(({ operation, status }) => operation === 'uploadPart' && status === 200)
      expect(sent.length).to.equal(PARTS - parts)
      await expectUploaded(rig, file)
    })

    it(`goes on at a server that was closed midway and started again, ${kind}`, async () => {
      const file = await make()
      const directory = at('store')
      await mkdir(directory)
      const first = await start({ directory })
      let isClosed = false
      const client = first.client(kind, { retry: { attempts: 1 } })
      await failureOf(() =>
        client.uploadFile(
          file.params({
            onProgress: ({ bytes }) => {
              if (bytes < 3 * PART || isClosed) return
              isClosed = true
              void first.server.close()
            },
          }),
        ),
      )
      await first.server.close()
      const second = await start({ directory })
      await second.client(kind).uploadFile(file.params())
      const [event] = file.events
      expect(event).to.include({ type: 'resumed' })
      const { parts } = event as unknown as { parts: number }
      expect(parts).to.be.at.least(3)
      expect(second.partsSent().length).to.equal(PARTS - parts)
      await expectUploaded(second, file)
    })
  }

  it('true keeps it in a hidden file beside the source, and goes on from there', async () => {
    const [rig, file] = [await start(), await make()]
    rig.server.faults.add({ kind: 'conflict', operation: 'uploadPart', partNumber: 3 })
    await refused('SEALSTREAM_SERVICE', () => rig.client().uploadFile(file.params({ checkpoint: true })))
    const [name, ...more] = await file.others()
    expect([name!.startsWith('.'), more]).to.deep.equal([true, []])
    // Another object has another checkpoint.
    await rig.client().uploadFile(file.params({ checkpoint: true, Key: 'b' }))
    expect(await file.others()).to.deep.equal([name])
    const before = rig.requests.length
    await rig.client().uploadFile(file.params({ checkpoint: true }))
    expect(file.events).to.deep.equal([{ type: 'resumed', parts: 2, bytes: 2 * PART }])
    expect(rig.partsSent(before)).to.deep.equal([3, 4, 5, 6])
    await expectUploaded(rig, file)
  })

  for (const kind of CLIENT_KINDS) {
    it(`is a file of mode 0600 with no key in it, ${kind}`, async () => {
      const [rig, file] = [await start(), await make()]
      const SSECustomerKey = new Seeded(6).bytes(32)
      const Metadata = { note: 'a-secret-note' }
      const content = await file.interrupted(rig, rig.client(kind), { SSECustomerKey, Metadata })
      expect((await stat(file.checkpoint)).mode & 0o777).to.equal(0o600)
      const text = await readFile(file.checkpoint, 'utf8')
      expectNoTrace(text, SSECustomerKey, "the customer's key")
      expectNoTrace(text, new Seeded(256).bytes(32), 'the master key')
      expect(text).not.to.contain(Metadata.note)
      expectNoTrace(text, CONTENT, 'the content')
      if (kind === 'plain') {
        expect(content.SavedKey).to.equal(undefined)
        return
      }
      const { key, iv } = AES_256.secrets(content.SavedKey!.Envelope)
      expectNoTrace(text, key, 'the data key')
      if (kind === 'cos') expectNoTrace(text, iv, 'the IV')
    })
  }

  it('writes down a part before its first byte leaves', async () => {
    const file = await make()
    const known: boolean[] = []
    const { readFileSync } = await import('node:fs')
    const rig = await start({
      onBody({ operation, partNumber, offset }) {
        if (operation !== 'uploadPart' || offset > 0) return
        const { Parts } = JSON.parse(readFileSync(file.checkpoint, 'utf8')) as {
          Parts: Record<string, { Length: number }>
        }
        known.push(Parts[String(partNumber)] !== undefined)
      },
    })
    await rig.client().uploadFile(file.params({ Concurrency: 3 }))
    expect(known).to.deep.equal(Array.from({ length: PARTS }, () => true))
    await expectUploaded(rig, file)
  })

  it('is not made where one PUT is enough', async () => {
    const [rig, file] = [await start(), await make(CONTENT.subarray(0, PART))]
    rig.server.faults.add({ kind: 'conflict', operation: 'putObject' })
    await refused('SEALSTREAM_SERVICE', () => rig.client().uploadFile(file.params()))
    expect(await file.others()).to.deep.equal([])
    await rig.client().uploadFile(file.params())
    await expectUploaded(rig, file, CONTENT.subarray(0, PART))
  })

  it('goes on again and again: a run a part', async () => {
    const [rig, file] = [await start(), await make()]
    for (let parts = 1; parts < PARTS; parts++) {
      rig.server.faults.clear()
      rig.server.faults.add({ kind: 'conflict', operation: 'uploadPart', partNumber: parts + 1 })
      await refused('SEALSTREAM_SERVICE', () => rig.client().uploadFile(file.params()))
    }
    await rig.client().uploadFile(file.params())
    expect(file.events).to.deep.equal(
      numbers(1, PARTS - 1).map((parts) => ({ type: 'resumed', parts, bytes: parts * PART })),
    )
    expect(rig.of('uploadPart').filter(({ status }) => status === 200).length).to.equal(PARTS)
    await expectUploaded(rig, file)
  })

  it('reports progress from what is stored already, growing only', async () => {
    const [rig, file] = [await start(), await make()]
    await file.interrupted(rig, rig.client(), { parts: 4 })
    const seen: number[] = []
    await rig.client().uploadFile(file.params({ onProgress: ({ bytes }) => void seen.push(bytes) }))
    expect(seen).to.deep.equal([4 * PART, 5 * PART, CONTENT.length])
  })

  it('goes on with other ways of moving: Concurrency, EnableMD5, TrafficLimit and maxBuffer may differ', async () => {
    const [rig, file] = [await start(), await make()]
    await file.interrupted(rig, rig.client())
    const other = { Concurrency: 8, EnableMD5: true, TrafficLimit: 819_200_000, maxBuffer: 2 * PART }
    await rig.client('cos', { integrity: 'crc64' }).uploadFile(file.params(other))
    expect(file.events).to.deep.equal([{ type: 'resumed', parts: 2, bytes: 2 * PART }])
    await expectUploaded(rig, file)
  })

  for (const SSE of [
    { ServerSideEncryption: 'AES256' },
    { ServerSideEncryption: 'cos/kms' },
    { SSECustomerKey: new Seeded(7).bytes(32) },
  ] as const) {
    it(`goes on under server-side encryption with ${Object.keys(SSE).join()} ${Object.values(SSE)[0] === 'cos/kms' ? 'KMS' : ''}`, async () => {
      const [rig, file] = [await start(), await make()]
      await file.interrupted(rig, rig.client(), SSE)
      await rig.client().uploadFile(file.params(SSE))
      expect(file.events).to.deep.equal([{ type: 'resumed', parts: 2, bytes: 2 * PART }])
      expect(await rig.uploads()).to.deep.equal([])
    })
  }

  it('is kept where the connection fails, and a signal that is aborted already leaves it alone', async () => {
    const [rig, file] = [await start(), await make()]
    const left = await file.interrupted(rig, rig.client())
    await refused('SEALSTREAM_ABORTED', () =>
      rig.client().uploadFile(file.params({ signal: AbortSignal.abort() })),
    )
    rig.server.faults.add({ kind: 'conflict', operation: 'listParts' })
    await refused('SEALSTREAM_SERVICE', () => rig.client().uploadFile(file.params()))
    await eventually(async () => (await rig.uploads()).length === 1)
    expect(await file.read()).to.deep.equal(left)
    file.events.splice(0)
    await rig.client().uploadFile(file.params())
    expect(file.events).to.deep.equal([{ type: 'resumed', parts: 2, bytes: 2 * PART }])
    await expectUploaded(rig, file)
  })

  it('in a folder that is not there is SEALSTREAM_CHECKPOINT, before any request', async () => {
    const [rig, file] = [await start(), await make()]
    await writeFile(at('file'), '')
    for (const checkpoint of [join(file.folder, 'missing', 'checkpoint'), join(at('file'), 'checkpoint')]) {
      const error = await refused('SEALSTREAM_CHECKPOINT', () =>
        rig.client().uploadFile(file.params({ checkpoint })),
      )
      expect(error.message).to.contain(checkpoint)
    }
    const folder = await refused('SEALSTREAM_CHECKPOINT', () =>
      rig.client().uploadFile(file.params({ checkpoint: file.folder })),
    )
    expect(folder.cause).to.have.property('code', 'EISDIR')
    expect(rig.requests).to.deep.equal([])
  })
})

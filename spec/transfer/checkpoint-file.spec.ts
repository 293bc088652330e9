import { mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { OptionError } from '../../lib/errors.js'
import { CheckpointFile, checkpointPath } from '../../lib/transfer/checkpoint-file.js'
import { CONTENT, expectUploaded, fileUploads } from '../support/interrupted-upload.js'
import { ofClass } from '../support/of-class.js'
import { objectPath, rawRequest } from '../support/raw-request.js'
import { refused } from '../support/refused.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { PART, uploadRigs } from '../support/upload-rig.js'

/** Files that are nobody's checkpoint of an upload. */
const FOREIGN: Record<string, string | Buffer> = {
  "somebody else's JSON": '{"name":"package","version":"1.0.0"}',
  'JSON with our name further in': '{"name":"package","sealstream":"upload"}',
  'a download checkpoint': '{"sealstream":"download","Version":1}',
  'a checkpoint of another kind': '{"sealstream":"uploads","Version":1}',
  'ours behind a blank': ' {"sealstream":"upload","Version":1}',
  'an empty object': '{}',
  'an array': '[]',
  null: 'null',
  'a number': '1',
  text: 'the only copy of something',
  'one letter': 'x',
  'a line feed': '\n',
  binary: Buffer.from([0, 255, 1, 254]),
}

describe('a checkpoint file', () => {
  const start = uploadRigs()
  const make = fileUploads()
  // Two parts.
  const short = CONTENT.subarray(0, PART + 7)

  for (const [name, content] of Object.entries(FOREIGN)) {
    it(`that is ${name} is refused by its path, stays as it is, and no request is made`, async () => {
      const [rig, file] = [await start(), await make()]
      for (const kind of ['plain', 'cos'] as const) {
        await writeFile(file.checkpoint, content)
        const error = await refused('SEALSTREAM_CHECKPOINT', () => rig.client(kind).uploadFile(file.params()))
        expect(error.message).to.contain(file.checkpoint)
        expect(await readFile(file.checkpoint)).to.deep.equal(Buffer.from(content))
      }
      expect([rig.requests, file.events]).to.deep.equal([[], []])
      expect(await file.others()).to.deep.equal(['checkpoint'])
    })
  }

  it('torn at every 50th byte, and at each of its first 30, is not followed; the upload stays', async () => {
    const [rig, file] = [await start(), await make(short)]
    await file.interrupted(rig, rig.client(), { parts: 1 })
    const whole = await readFile(file.checkpoint)
    const left = await rig.uploads()
    const lengths = Array.from({ length: Math.ceil(whole.length / 50) }, (_, i) => i * 50)
    for (let length = 1; length < 30; length++) lengths.push(length)
    for (const length of [...lengths, whole.length - 1]) {
      file.events.splice(0)
      await writeFile(file.checkpoint, whole)
      await truncate(file.checkpoint, length)
      await rig.client().uploadFile(file.params())
      expect(file.events, `${length} bytes`).to.deep.equal([
        { type: 'restarted', reason: 'the checkpoint was cut short' },
      ])
      expect((await rig.contentOf())?.equals(short), `${length} bytes`).to.equal(true)
      // Nobody can tell what a torn checkpoint named.
      expect(await rig.uploads()).to.deep.equal(left)
      expect(await file.others()).to.deep.equal([])
    }
  })

  it('of zero length is not followed', async () => {
    const [rig, file] = [await start(), await make(short)]
    await writeFile(file.checkpoint, '')
    await rig.client().uploadFile(file.params())
    expect(file.events).to.deep.equal([{ type: 'restarted', reason: 'the checkpoint was cut short' }])
    await expectUploaded(rig, file, short)
  })

  it('that is the source itself is refused, and the source stays, of 0, 1 and 100 bytes', async () => {
    for (const size of [100, 1, 0]) {
      const [rig, file] = [await start(), await make(CONTENT.subarray(0, size))]
      const error = await refused('SEALSTREAM_OPTION', () =>
        rig.client().uploadFile(file.params({ checkpoint: file.path })),
      )
      expect(ofClass(error, OptionError).option).to.equal('checkpoint')
      expect((await stat(file.path).catch(() => undefined))?.size, `${size} bytes`).to.equal(size)
    }
  })

  it('of a run that ended while it started the upload reports the uploads of that key, and touches none', async () => {
    const [rig, file] = [await start(), await make()]
    const { UploadId, ...content } = await file.interrupted(rig, rig.client())
    await file.write(content)
    await rig.client().uploadFile(file.params())
    expect(file.events).to.deep.equal([
      { type: 'orphans', uploadIds: [UploadId] },
      { type: 'restarted', reason: 'the run before ended while it started the upload' },
    ])
    expect(await rig.uploads()).to.deep.equal([UploadId])
    expect((await rig.contentOf())?.equals(CONTENT)).to.equal(true)
    expect(await file.others()).to.deep.equal([])
  })

  it('of a run that ended before it started the upload reports no uploads where there are none', async () => {
    const [rig, file] = [await start(), await make()]
    const { UploadId: uploadId, ...content } = await file.interrupted(rig, rig.client())
    await rawRequest(rig.server, { method: 'DELETE', path: objectPath('a'), query: { uploadId } })
    await file.write(content)
    await rig.client().uploadFile(file.params())
    expect(file.events).to.deep.equal([
      { type: 'restarted', reason: 'the run before ended while it started the upload' },
    ])
    await expectUploaded(rig, file)
  })
})

describe('CheckpointFile', () => {
  const at = temporaryFolder()

  it('writes JSON that names its kind first, mode 0600, and reads it back', async () => {
    for (const kind of ['upload', 'download'] as const) {
      const file = new CheckpointFile(at(kind), kind)
      expect(await file.load()).to.deep.equal({ type: 'none' })
      await file.save(() => ({ a: 1, nested: { b: [2] } }))
      expect(await readFile(at(kind), 'utf8')).to.match(new RegExp(`^\\{"sealstream":"${kind}","Version":1,`))
      expect((await stat(at(kind))).mode & 0o777).to.equal(0o600)
      expect(await file.load()).to.deep.equal({ type: 'state', state: { a: 1, nested: { b: [2] } } })
    }
  })

  it('merges many calls: each resolves when a state as new as its own is on disk', async () => {
    const file = new CheckpointFile(at('file'), 'upload')
    let state = 0
    let writes = 0
    const saving = Array.from({ length: 200 }, async (_, i) => {
      state = i
      await file.save(
        () => {
          writes += 1
          return { state }
        },
        { durable: i % 50 === 0 },
      )
      const found = await file.load()
      expect(found.type === 'state' ? found.state.state : -1).to.be.at.least(i)
    })
    await Promise.all(saving)
    expect(writes).to.be.lessThan(10)
    expect(await readdir(at('.'))).to.deep.equal(['file'])
  })

  it('is never seen half written', async () => {
    const file = new CheckpointFile(at('file'), 'upload')
    const padding = 'x'.repeat(200_000)
    await file.save(() => ({ state: 0, padding }))
    for (let i = 1; i < 30; i++) {
      const saving = file.save(() => ({ state: i, padding }))
      for (let reads = 0; reads < 3; reads++) {
        const found = await file.load()
        expect(found.type === 'state' ? found.state.padding : found.type).to.equal(padding)
      }
      await saving
    }
  })

  it('removes what is there, and what is being written, and nothing twice', async () => {
    const file = new CheckpointFile(at('file'), 'upload')
    void file.save(() => ({ a: 1 }))
    void file.save(() => ({ a: 2 }))
    await file.remove()
    expect(await readdir(at('.'))).to.deep.equal([])
    await file.remove()
  })

  it('tells every caller that it cannot be written, and writes again once it can', async () => {
    const file = new CheckpointFile(join(at('folder'), 'file'), 'upload')
    const saving = [file.save(() => ({ a: 1 })), file.save(() => ({ a: 2 }))]
    for (const save of saving) {
      const error = await refused('SEALSTREAM_CHECKPOINT', () => save)
      expect(error.cause).to.have.property('code', 'ENOENT')
    }
    await mkdir(at('folder'))
    await file.save(() => ({ a: 3 }))
    expect(await file.load()).to.deep.equal({ type: 'state', state: { a: 3 } })
  })

  it('is beside the local file and told apart by kind, bucket, key and name of the file', async () => {
    const place = { bucket: 'b', key: 'k' }
    const paths = await Promise.all([
      checkpointPath(true, at('file'), 'upload', place),
      checkpointPath(true, at('file'), 'download', place),
      checkpointPath(true, at('file'), 'upload', { ...place, key: 'l' }),
      checkpointPath(true, at('file'), 'upload', { ...place, bucket: 'c' }),
      checkpointPath(true, at('other'), 'upload', place),
    ])
    expect(new Set(paths).size).to.equal(paths.length)
    for (const path of paths) expect(path!.startsWith(at('.sealstream-'))).to.equal(true)
    expect(await checkpointPath(true, at('file'), 'upload', place)).to.equal(paths[0])
    expect(await checkpointPath('given', at('file'), 'upload', place)).to.equal('given')
    for (const none of [undefined, false]) {
      expect(await checkpointPath(none, at('file'), 'upload', place)).to.equal(undefined)
    }
  })

  for (const given of [1, null, '', {}, Buffer.from('path')]) {
    it(`refuses ${JSON.stringify(given)} as checkpoint, naming the option`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () =>
        checkpointPath(given, 'file', 'upload', { bucket: 'b', key: 'k' }),
      )
      expect(ofClass(error, OptionError).option).to.equal('checkpoint')
    })
  }
})

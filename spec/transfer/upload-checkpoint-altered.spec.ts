import { expect } from 'chai'
import {
  type CheckpointContent,
  expectUploaded,
  type FileUpload,
  fileUploads,
  SHORT_CONTENT as CONTENT,
} from '../support/interrupted-upload.js'
import { BUCKET, objectPath, rawRequest, xmlText } from '../support/raw-request.js'
import { PART, type UploadRig, uploadRigs } from '../support/upload-rig.js'

type Path = readonly string[]

/** Every place in a checkpoint where a value stands, and every object around some of them. */
function placesIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path]
  const inside = Object.entries(value).flatMap(([name, field]) => placesIn(field, [...path, name]))
  return path.length === 0 ? inside : [path, ...inside]
}

/** The value at a place replaced by what `change` makes of it; removed where that is undefined. */
function changedAt(content: unknown, [name, ...rest]: Path, change: (value: unknown) => unknown): unknown {
  const old = (content as Record<string, unknown>)[name!]
  const changed = rest.length === 0 ? change(old) : changedAt(old, rest, change)
  // In its old place: the order of the fields is part of what is authenticated.
  return Object.fromEntries(
    Object.entries(content as object)
      .map(([key, field]) => [key, key === name ? changed : (field as unknown)])
      .filter(([, field]) => field !== undefined),
  )
}

/** Another value of the same form. */
function flipped(value: unknown): unknown {
  if (typeof value === 'number') return value + 1
  if (typeof value !== 'string') return { ...(value as object), Extra: 'x' }
  const last = value.at(-1)!
  return value.slice(0, -1) + (last === '1' ? '2' : '1')
}

/** An upload of somebody else's. */
async function foreignUpload(rig: UploadRig, key: string, bucket = BUCKET): Promise<string> {
  const path = objectPath(key, bucket)
  const { text } = await rawRequest(rig.server, { method: 'POST', path, query: { uploads: '' } })
  return xmlText(text, 'UploadId')!
}

/** The fields by which a checkpoint is recognised as one of this upload, before its key is unwrapped. */
const IDENTITY = ['Bucket', 'Key', 'Identity', 'PartSize', 'Size', 'Source', 'Headers']

describe('an altered checkpoint', () => {
  const start = uploadRigs()
  const makeOf = fileUploads()
  const make = (): Promise<FileUpload> => makeOf(CONTENT)

  /** A run over what is there now. */
  async function expectNotFollowed(rig: UploadRig, file: FileUpload, where: string): Promise<void> {
    file.events.splice(0)
    await rig.client().uploadFile(file.params({ Concurrency: 4 }))
    const { body } = await rig.raw()
    expect(body.equals(CONTENT), `${where}: stored in the clear`).to.equal(false)
    expect((await rig.contentOf())?.equals(CONTENT), `${where}: content`).to.equal(true)
    expect(
      file.events.map(({ type }) => type),
      where,
    ).to.include('restarted')
    expect(
      file.events.map(({ type }) => type),
      where,
    ).not.to.include('resumed')
    expect(await file.others(), where).to.deep.equal([])
  }

  const places = [
    ...['Bucket', 'Key', 'Identity', 'PartSize', 'Size', 'Source', 'Headers', 'UploadId', 'Mac'],
    ...['SavedKey', 'Parts'],
    ...['SavedKey.Envelope', 'Parts.1', 'Parts.1.Length', 'Parts.1.Crc64', 'Parts.1.Md5', 'Parts.1.ETag'],
    ...['key', 'start', 'wrap-alg', 'cek-alg'].map(
      (name) => `SavedKey.Envelope.x-cos-meta-client-side-encryption-${name}`,
    ),
  ]

  it('has no field but those of these specs', async () => {
    const [rig, file] = [await start(), await make()]
    const { sealstream: _kind, Version: _version, ...content } = await file.interrupted(rig, rig.client())
    const found = placesIn(content).map((path) => path.join('.'))
    const known = new Set([...places, ...places.map((place) => place.replace('Parts.1', 'Parts.2'))])
    known.add('Parts.3')
    expect(found.filter((place) => !known.has(place) && !place.startsWith('Parts.3'))).to.satisfy(
      (unknown: string[]) =>
        unknown.every((place) => place.startsWith('SavedKey.Envelope.x-cos-meta-client-side-encryption-')),
    )
  })

  for (const place of places) {
    it(`in ${place} is not followed, and the upload it names is left alone`, async () => {
      const [rig, file] = [await start(), await make()]
      const content = await file.interrupted(rig, rig.client())
      await file.write(changedAt(content, place.split('.'), flipped) as object)
      await expectNotFollowed(rig, file, place)
      expect(await rig.uploads()).to.deep.equal([content.UploadId])
    })

    it(`without ${place} is not followed, and nothing leaves unencrypted`, async () => {
      const [rig, file] = [await start(), await make()]
      const content = await file.interrupted(rig, rig.client())
      await file.write(changedAt(content, place.split('.'), () => undefined) as object)
      await expectNotFollowed(rig, file, place)
    })
  }

  it('without its key, its HMAC and its parts never makes plaintext leave', async () => {
    const sent: Buffer[] = []
    const file = await make()
    const rig = await start({ onBody: ({ bytes }) => void sent.push(Buffer.from(bytes)) })
    const { SavedKey: _key, Mac: _mac, ...rest } = await file.interrupted(rig, rig.client())
    await file.write({ ...rest, Parts: {} })
    await rig
      .client()
      .uploadFile(file.params())
      .catch(() => undefined)
    for (const at of [100, PART + 100, 2 * PART + 10]) {
      const marker = CONTENT.subarray(at, at + 32)
      expect(
        sent.some((bytes) => bytes.includes(marker)),
        `${at}`,
      ).to.equal(false)
    }
  })

  for (const [name, change] of Object.entries({
    'another key': () => ({ Key: 'theirs' }),
    'another bucket': () => ({ Bucket: 'theirs-1250000000', Key: 'theirs' }),
    'another part size': () => ({ PartSize: 2 * PART }),
    'another version': () => ({ Version: 2 }),
  } as Record<string, () => Partial<CheckpointContent>>)) {
    it(`that names ${name} and somebody else's upload there does not drop it`, async () => {
      const [rig, file] = [await start(), await make()]
      const content = await file.interrupted(rig, rig.client())
      const { Bucket, Key } = { ...content, ...change() }
      const UploadId = await foreignUpload(rig, String(Key), String(Bucket))
      await file.write({ ...content, ...change(), UploadId })
      await expectNotFollowed(rig, file, name)
      expect(await rig.uploads(String(Bucket))).to.include(UploadId)
    })
  }

  it("that names somebody else's upload of the same key is not followed, and that upload is left alone", async () => {
    const [rig, file] = [await start(), await make()]
    const content = await file.interrupted(rig, rig.client())
    const UploadId = await foreignUpload(rig, 'a')
    await file.write({ ...content, UploadId })
    await expectNotFollowed(rig, file, 'UploadId')
    expect((await rig.uploads()).sort()).to.deep.equal([UploadId, content.UploadId].sort())
  })

  it('of another file, with the identity of this one, is not followed', async () => {
    const [rig, file, other] = [await start(), await make(), await make()]
    const content = await file.interrupted(rig, rig.client())
    const foreign = await other.interrupted(rig, rig.client())
    const identity = Object.fromEntries(IDENTITY.map((name) => [name, content[name]]))
    await file.write({ ...foreign, ...identity })
    await expectNotFollowed(rig, file, 'identity')
  })

  for (const [place, value] of [
    ['UploadId', ''],
    ['UploadId', 5],
    ['UploadId', '../../etc'],
    ['Parts', []],
    ['Parts', { 0: {} }],
    ['Parts', { 10001: { Length: 1, Crc64: '1' } }],
    ['Parts', { 1: { Length: -1, Crc64: '1' } }],
    ['Parts', { 1: { Length: 1, Crc64: 'x' } }],
    ['SavedKey', 'text'],
    ['SavedKey', { Envelope: 'text' }],
    ['SavedKey', { Envelope: null }],
    ['SavedKey', { Envelope: [] }],
    ['Mac', 5],
    ['Mac', null],
    ['Mac', ''],
  ] as const) {
    it(`whose ${place} is ${JSON.stringify(value)} is not followed`, async () => {
      const [rig, file] = [await start(), await make()]
      const content = await file.interrupted(rig, rig.client())
      await file.write({ ...content, [place]: value })
      await expectNotFollowed(rig, file, place)
    })
  }

  it('of the plain client, which has no key to authenticate it, never makes a wrong object a success', async () => {
    for (const place of ['Parts.1.Length', 'Parts.1.Crc64', 'Parts.1.Md5', 'Parts.1.ETag']) {
      const [rig, file] = [await start(), await make()]
      const content = await file.interrupted(rig, rig.client('plain'))
      await file.write(changedAt(content, place.split('.'), flipped) as object)
      const run = async (): Promise<unknown> => rig.client('plain').uploadFile(file.params())
      const isStored = await run().then(
        () => true,
        () => false,
      )
      if (isStored) expect((await rig.contentOf())?.equals(CONTENT), place).to.equal(true)
      else await run()
      await expectUploaded(rig, file, CONTENT)
    }
  })
})

import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type ObjectRecord, ObjectStore } from '../../lib/server/object-store.js'
import type { Segment } from '../../lib/server/segment.js'

const BUCKET = 'spec-1'

async function* bodyOf(...chunks: string[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk)
}

describe('server: ObjectStore', () => {
  let directory: string
  let store: ObjectStore
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sealstream-spec-'))
    store = new ObjectStore(directory)
  })
  afterEach(() => rm(directory, { recursive: true }))

  function recordOf(key: string, segments: readonly Segment[]): ObjectRecord {
    const size = segments.reduce((sum, segment) => sum + segment.size, 0)
    return { key, size, etag: 'e', crc64: '0', lastModified: 0, headers: {}, segments }
  }

  async function storeSegments(count: number): Promise<ObjectRecord> {
    const segments: Segment[] = []
    for (let i = 0; i < count; i++) {
      const { file, size } = await store.write(BUCKET, bodyOf(`${i},`))
      segments.push({ file, size })
    }
    const record = recordOf('a', segments)
    await store.publish(BUCKET, record)
    return record
  }

  it('reads an object of more segments than it opens ahead', async () => {
    const record = await storeSegments(300)
    const reader = await store.read(BUCKET, record, { first: 0, last: record.size - 1 })
    const expected = Array.from({ length: 300 }, (_, i) => `${i},`).join('')
    expect(Buffer.concat((await reader!.toArray()) as Buffer[]).toString()).to.equal(expected)
  })

  it('fails a read that has not opened every segment of an object that is deleted', async () => {
    const record = await storeSegments(300)
    const reader = await store.read(BUCKET, record, { first: 0, last: record.size - 1 })
    await store.remove(BUCKET, 'a')
    const error: unknown = await reader!.toArray().catch((reason: unknown) => reason)
    expect(error).to.include({ code: 'ENOENT' })
  })

  it('opens nothing of an object that is gone', async () => {
    const record = await storeSegments(2)
    await store.remove(BUCKET, 'a')
    expect(await store.read(BUCKET, record, { first: 0, last: 1 })).to.equal(undefined)
  })

  it('removes what it wrote when the body fails', async () => {
    async function* failing(): AsyncGenerator<Buffer> {
      yield* bodyOf('x'.repeat(3_000_000))
      throw new Error('broken')
    }
    const error: unknown = await store.write(BUCKET, failing()).catch((reason: unknown) => reason)
    expect(error).to.include({ message: 'broken' })
    expect(await readdir(join(directory, BUCKET, 'data'))).to.deep.equal([])
  })

  it('passes over what a process that died has left behind', async () => {
    await storeSegments(1)
    for (const path of ['objects/.0123.part', 'objects/x.json', 'data/0123', 'uploads/0123.closing']) {
      await writeFile(join(directory, BUCKET, path), '{')
    }
    expect((await store.list(BUCKET)).map(({ key }) => key)).to.deep.equal(['a'])
    await store.publish(BUCKET, recordOf('b', []))
    expect(await store.list(BUCKET)).to.have.length(2)
  })

  it('keeps the old object when a publication is refused', async () => {
    const old = await storeSegments(1)
    const refuse = (): void => {
      throw new Error('refused')
    }
    const error: unknown = await store
      .publish(BUCKET, recordOf('a', []), refuse)
      .catch((reason: unknown) => reason)
    expect(error).to.include({ message: 'refused' })
    expect(await store.find(BUCKET, 'a')).to.deep.equal(old)
  })
})

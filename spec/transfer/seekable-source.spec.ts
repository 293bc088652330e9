import { appendFile, open, rename, truncate, utimes, writeFile } from 'node:fs/promises'
import { inspect } from 'node:util'
import { expect } from 'chai'
import {
  bytesSource,
  checkLocalPath,
  handleSource,
  openFileSource,
  type SeekableSource,
} from '../../lib/transfer/seekable-source.js'
import { refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const content = new Seeded(81).bytes(100_000)

async function readAt(source: SeekableSource, position: number, length: number): Promise<Buffer> {
  const into = Buffer.alloc(length, 0xee)
  await source.read(into, position)
  return into
}

describe('a seekable source', () => {
  const at = temporaryFolder()
  const opened: SeekableSource[] = []

  beforeEach(() => writeFile(at('file'), content))
  afterEach(async () => {
    for (const source of opened.splice(0)) await source.close()
  })

  async function file(): Promise<SeekableSource> {
    const source = await openFileSource(at('file'), 'LocalFilePath')
    opened.push(source)
    return source
  }

  it('reads any stretch in any order, several at once, from a file and from bytes alike', async () => {
    const random = new Seeded(82)
    for (const source of [await file(), bytesSource(content)]) {
      expect(source.size).to.equal(content.length)
      const reads = Array.from({ length: 100 }, async () => {
        const position = random.integer(content.length)
        const length = random.integer(content.length - position + 1)
        expect(
          (await readAt(source, position, length)).equals(content.subarray(position, position + length)),
        ).to.equal(true)
      })
      await Promise.all(reads)
      await source.check()
    }
  })

  it('of a file gives SEALSTREAM_SOURCE_CHANGED where it ends before the stretch does', async () => {
    const source = await file()
    await truncate(at('file'), 50_000)
    await refused('SEALSTREAM_SOURCE_CHANGED', () => readAt(source, 49_999, 2))
    await refused('SEALSTREAM_SOURCE_CHANGED', () => readAt(source, 60_000, 1))
    expect((await readAt(source, 49_999, 1))[0]).to.equal(content[49_999])
  })

  for (const [name, change] of Object.entries({
    grew: (path: string) => appendFile(path, 'x'),
    shrank: (path: string) => truncate(path, 1),
    'has another time': (path: string) => utimes(path, 1000, 1000),
    'was replaced': async (path: string) => {
      await writeFile(`${path}2`, content)
      await rename(`${path}2`, path)
    },
  })) {
    it(`says that its file ${name}`, async () => {
      const source = await file()
      await source.check()
      await change(at('file'))
      await refused('SEALSTREAM_SOURCE_CHANGED', () => source.check())
    })
  }

  it('of a file tells it from another and from its former self, and bytes tell nothing', async () => {
    const first = await file()
    await writeFile(at('file2'), content)
    const other = await openFileSource(at('file2'), 'LocalFilePath')
    opened.push(other)
    await utimes(at('file'), 1000, 1000)
    const fingerprints = [first.fingerprint, other.fingerprint, (await file()).fingerprint]
    expect(new Set(fingerprints).size).to.equal(3)
    expect((await file()).fingerprint).to.equal(fingerprints[2])
    expect(bytesSource(content).fingerprint).to.equal(undefined)
  })

  it('of a handle leaves it open, that of a path closes it', async () => {
    const handle = await open(at('file'))
    try {
      const source = await handleSource(handle, 'Body')
      await source.close()
      expect((await handle.stat()).size).to.equal(content.length)
    } finally {
      await handle.close()
    }
    const source = await openFileSource(at('file'), 'LocalFilePath')
    await source.close()
    await refused('SEALSTREAM_FILE', () => readAt(source, 0, 1))
  })

  for (const path of ['', 'a\0b', undefined, null, 5, {}, Buffer.from('a')]) {
    it(`has no path like ${inspect(path)}`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => checkLocalPath(path, 'LocalFilePath'))
      expect(error).to.have.property('option', 'LocalFilePath')
    })
  }
})

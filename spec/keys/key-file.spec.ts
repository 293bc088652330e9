import { execFileSync } from 'node:child_process'
import { mkdir, open, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { KeyError } from '../../lib/errors.js'
import { createKeyFile, malformedKeyFile, readKeyFile } from '../../lib/keys/key-file.js'
import { refused } from '../support/refused.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const FILE = 'SEALSTREAM_KEY_FILE'
const EXPECTED = 'one sonnet'

describe('readKeyFile', () => {
  const path = temporaryFolder()
  const read = (name: string): Promise<string> => readKeyFile(path(name), 'keyPath', EXPECTED)

  it('gives the text of the file as it is', async () => {
    await writeFile(path('key'), ' some text\n')
    expect(await read('key')).to.equal(' some text\n')
  })

  for (const size of [1, 4096, 65535, 65536]) {
    it(`reads ${size} bytes`, async () => {
      await writeFile(path('key'), 'k'.repeat(size))
      expect((await read('key')).length).to.equal(size)
    })
  }

  for (const size of [65537, 65538, 200_000, 5_000_000]) {
    it(`refuses ${size} bytes`, async () => {
      await writeFile(path('key'), 'k'.repeat(size))
      await refused(FILE, () => read('key'))
    })
  }

  it('refuses an endless device without reading it to its end', async () => {
    await refused(FILE, () => readKeyFile('/dev/zero', 'keyPath', EXPECTED))
  })

  it('refuses a missing file; the error names path, form and cause', async () => {
    const error = await refused(FILE, () => read('nothing'))
    expect(error)
      .to.be.instanceOf(KeyError)
      .and.to.include({ path: path('nothing') })
    expect(error.message).to.include(path('nothing')).and.to.include(EXPECTED)
    expect(error.cause).to.include({ code: 'ENOENT' })
    expect(error.hint).to.be.a('string')
  })

  it('makes nothing in the place of a missing file', async () => {
    await refused(FILE, () => read('nothing'))
    expect(await readdir(path('.'))).to.deep.equal([])
  })

  it('refuses a directory; the error names path and form', async () => {
    await mkdir(path('folder'))
    const error = await refused(FILE, () => read('folder'))
    expect(error.message).to.include(path('folder')).and.to.include(EXPECTED)
  })

  it('refuses a path through a file', async () => {
    await writeFile(path('file'), 'text')
    await refused(FILE, () => read('file/key'))
  })

  it('refuses a path with a zero byte', async () => {
    await refused(FILE, () => read('key\0'))
  })

  it('refuses a link to nothing', async () => {
    await symlink(path('nothing'), path('link'))
    await refused(FILE, () => read('link'))
  })

  for (const [title, content] of [
    ['an empty file', ''],
    ['a file of blanks', ' \t\r\n \n'],
  ] as const) {
    it(`refuses ${title}; the error names path and form`, async () => {
      await writeFile(path('key'), content)
      const error = await refused(FILE, () => read('key'))
      expect(error).to.include({ path: path('key') })
      expect(error.message).to.include(path('key')).and.to.include(EXPECTED)
    })
  }

  it('reads a pipe whose text comes in three writes', async () => {
    execFileSync('mkfifo', [path('pipe')])
    const [text] = await Promise.all([read('pipe'), dribble(path('pipe'), ['first ', 'second ', 'third'])])
    expect(text).to.equal('first second third')
  })

  it('refuses a pipe that closes without text', async () => {
    execFileSync('mkfifo', [path('pipe')])
    await Promise.all([refused(FILE, () => read('pipe')), dribble(path('pipe'), [])])
  })

  for (const value of ['', undefined, null, 7, Buffer.from('key')]) {
    it(`refuses ${inspect(value)} as a path, by the option's name`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => readKeyFile(value as never, 'keyPath', EXPECTED))
      expect(error).to.include({ option: 'keyPath' })
    })
  }
})

describe('malformedKeyFile', () => {
  it('names the path, the form and the message of a KeyError that caused it', () => {
    const cause = new KeyError('SEALSTREAM_KEY_FORMAT', 'it is too short')
    const error = malformedKeyFile('some/path', EXPECTED, cause)
    expect(error).to.include({ code: FILE, path: 'some/path', cause })
    expect(error.message).to.include('some/path').and.to.include(EXPECTED).and.to.include('it is too short')
  })

  it('does not repeat the message of another cause', () => {
    expect(malformedKeyFile('some/path', EXPECTED, new Error('key bytes')).message).to.not.include(
      'key bytes',
    )
  })
})

describe('createKeyFile', () => {
  const path = temporaryFolder()
  const create = (name: string): Promise<void> => createKeyFile(path(name), 'keyPath', 'content')

  for (const umask of [0o000, 0o022, 0o077]) {
    it(`writes the content, mode 0600, under umask 0${umask.toString(8).padStart(3, '0')}`, async () => {
      const before = process.umask(umask)
      try {
        await create('key')
      } finally {
        process.umask(before)
      }
      expect(await readFile(path('key'), 'utf8')).to.equal('content')
      expect((await stat(path('key'))).mode & 0o777).to.equal(0o600)
    })
  }

  it('leaves an existing file and its mode untouched', async () => {
    await writeFile(path('key'), 'precious', { mode: 0o640 })
    const before = await stat(path('key'))
    const error = await refused(FILE, () => create('key'))
    expect(error)
      .to.be.instanceOf(KeyError)
      .and.to.include({ path: path('key') })
    expect(error.message).to.include(path('key'))
    const after = await stat(path('key'))
    expect(await readFile(path('key'), 'utf8')).to.equal('precious')
    expect([after.mode, after.mtimeMs, after.ino]).to.deep.equal([before.mode, before.mtimeMs, before.ino])
  })

  it('refuses an existing empty file', async () => {
    await writeFile(path('key'), '')
    await refused(FILE, () => create('key'))
    expect((await stat(path('key'))).size).to.equal(0)
  })

  it('refuses a directory', async () => {
    await mkdir(path('folder'))
    await refused(FILE, () => create('folder'))
  })

  it('does not follow a link to a file that is not there', async () => {
    await symlink(path('target'), path('link'))
    await refused(FILE, () => create('link'))
    expect(await readdir(path('.'))).to.deep.equal(['link'])
  })

  it('refuses a missing directory and says that it cannot create the file', async () => {
    const error = await refused(FILE, () => create('missing/key'))
    expect(error.message).to.include('cannot be created')
    expect(error.cause).to.include({ code: 'ENOENT' })
  })

  it('shows none of the content in an error', async () => {
    await writeFile(path('key'), 'precious')
    const error = await refused(FILE, () => create('key'))
    expect(inspect(error, { depth: 10 })).to.not.match(/content|precious/)
  })

  it('lets exactly one of 8 simultaneous calls win', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, n) => createKeyFile(path('key'), 'keyPath', `key ${n}`)),
    )
    const winners = outcomes.flatMap(({ status }, n) => (status === 'fulfilled' ? [n] : []))
    expect(winners.length).to.equal(1)
    expect(await readFile(path('key'), 'utf8')).to.equal(`key ${winners[0]!}`)
  })
})

/** Writes to a FIFO with a pause between the texts. */
async function dribble(path: string, texts: string[]): Promise<void> {
  const handle = await open(path, 'w')
  for (const text of texts) {
    await handle.write(text)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await handle.close()
}

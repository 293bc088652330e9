import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { expect } from 'chai'
import { openPending } from '../../lib/internal/atomic-file.js'
import { temporaryFolder } from '../support/temporary-folder.js'

describe('openPending', () => {
  const path = temporaryFolder()

  it('shows nothing under the target name before commit', async () => {
    const pending = await openPending(path('target'))
    await pending.write(Buffer.from('content'))
    expect(await readdir(path('.'))).to.not.include('target')
    await pending.discard()
  })

  it('puts the content under the target name on commit, and leaves no other file', async () => {
    const pending = await openPending(path('target'))
    await pending.write(Buffer.from('content'))
    await pending.commit()
    expect(await readFile(path('target'), 'utf8')).to.equal('content')
    expect(await readdir(path('.'))).to.deep.equal(['target'])
  })

  it('replaces an existing file on commit', async () => {
    await writeFile(path('target'), 'old and longer')
    const pending = await openPending(path('target'))
    await pending.write(Buffer.from('new'))
    await pending.commit()
    expect(await readFile(path('target'), 'utf8')).to.equal('new')
  })

  it('leaves an existing file alone on discard', async () => {
    await writeFile(path('target'), 'old')
    const pending = await openPending(path('target'))
    await pending.write(Buffer.from('new'))
    await pending.discard()
    expect(await readFile(path('target'), 'utf8')).to.equal('old')
    expect(await readdir(path('.'))).to.deep.equal(['target'])
  })

  for (const umask of [0o000, 0o022]) {
    it(`makes files of mode 0600 under umask 0${umask.toString(8).padStart(3, '0')}`, async () => {
      const before = process.umask(umask)
      try {
        const pending = await openPending(path('target'))
        expect((await stat(pending.temporaryPath)).mode & 0o777).to.equal(0o600)
        await pending.commit()
      } finally {
        process.umask(before)
      }
      expect((await stat(path('target'))).mode & 0o777).to.equal(0o600)
    })
  }

  it('keeps its temporary file in the folder of the target', async () => {
    const pending = await openPending(path('target'))
    expect(dirname(pending.temporaryPath)).to.equal(dirname(path('target')))
    await pending.discard()
  })

  it('lets two pending files of one target live side by side; the later commit wins', async () => {
    const [one, other] = [await openPending(path('target')), await openPending(path('target'))]
    await one.write(Buffer.from('one'))
    await other.write(Buffer.from('other'))
    await other.commit()
    await one.commit()
    expect(await readFile(path('target'), 'utf8')).to.equal('one')
    expect(await readdir(path('.'))).to.deep.equal(['target'])
  })

  it('discards twice without complaint', async () => {
    const pending = await openPending(path('target'))
    await pending.discard()
    await pending.discard()
  })

  it('discards nothing after commit', async () => {
    const pending = await openPending(path('target'))
    await pending.commit()
    await pending.discard()
    expect(await readdir(path('.'))).to.deep.equal(['target'])
  })

  it('discards after a commit that failed: nothing is left behind', async () => {
    await mkdir(path('target'))
    await writeFile(path('target/inside'), '')
    const pending = await openPending(path('target'))
    const failed: unknown = await pending.commit().catch((error: unknown) => error)
    expect(failed).to.be.instanceOf(Error)
    await pending.discard()
    expect(await readdir(path('.'))).to.deep.equal(['target'])
  })

  it('fails in a folder that is not there', async () => {
    const failed: unknown = await openPending(path('missing/target')).catch((error: unknown) => error)
    expect(failed).to.include({ code: 'ENOENT' })
  })

  // The longest names that Linux file systems take are 255 bytes, not 255 characters.
  for (const [title, name] of [
    ['255 ASCII characters', 'n'.repeat(255)],
    ['85 Chinese characters (255 bytes)', '密'.repeat(85)],
    ['63 emoji (252 bytes)', '🔑'.repeat(63)],
  ] as const) {
    it(`writes a file whose name has ${title}`, async () => {
      const pending = await openPending(path(name))
      await pending.commit()
      expect(await readdir(path('.'))).to.deep.equal([name])
    })
  }
})

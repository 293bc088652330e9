import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { UserFolder } from './support/packed.js'

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

/** Code blocks of one language, with the line they start on. */
function blocks(path: string, language: string): { line: number; code: string }[] {
  const text = read(path)
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map((match) => ({
    line: text.slice(0, match.index).split('\n').length,
    code: match[1] ?? '',
  }))
}

const PAGES = ['README.md', ...readdirSync(new URL('../docs', import.meta.url)).map((name) => `docs/${name}`)]

describe('what the documentation shows runs as written', function () {
  this.timeout(60_000)
  let folder: UserFolder

  beforeEach(async () => {
    folder = await UserFolder.make()
  })

  afterEach(() => folder.remove())

  for (const page of PAGES) {
    for (const { line, code } of blocks(page, 'js')) {
      it(`${page}:${line}, JavaScript`, async () => {
        const run = await folder.runModule('example.mjs', code)
        expect(run.stderr).to.equal('')
        expect(run.code).to.equal(0)
        // A comment behind a console.log says what it prints.
        for (const [, promised] of code.matchAll(/console\.log\(.*\) \/\/ (\w+)$/gm)) {
          expect(run.stdout.split('\n')).to.include(promised)
        }
      })
    }
    for (const { line, code } of blocks(page, 'sh')) {
      it(`${page}:${line}, shell`, async () => {
        const run = await folder.runShell(code)
        expect(run.code, run.stderr).to.equal(0)
        if (code.includes("echo 'a secret'")) expect(run.stdout).to.match(/^a secret$/m)
      })
    }
  }

  it('the README holds three JavaScript blocks and one of shell, the first of at most 15 lines', () => {
    expect(blocks('README.md', 'js')).to.have.lengthOf(3)
    expect(blocks('README.md', 'sh')).to.have.lengthOf(1)
    expect(blocks('README.md', 'js')[0]?.code.trim().split('\n').length).to.be.at.most(15)
  })

  it('links lead to files that exist', () => {
    for (const page of [...PAGES, 'SECURITY.md', 'CONTRIBUTING.md', 'examples/README.md']) {
      const base = new URL(`../${page}`, import.meta.url)
      for (const [, target] of read(page).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
        const url = new URL(target ?? '', base)
        expect(() => readdirOrRead(url), `${page}: ${target ?? ''}`).not.to.throw()
      }
    }
  })
})

describe('examples', function () {
  this.timeout(60_000)
  const promised: Record<string, string[]> = {
    '01-aes-key-by-value.js': ['stored 5 bytes of ciphertext, verified by crc64', 'read: bytes'],
    '02-aes-key-by-path.js': [
      '19 bytes: what is in the file',
      'a key file that is not there: SEALSTREAM_KEY_FILE',
    ],
    '03-aes-multipart-by-hand.js': [
      'part 3 again, with other bytes: SEALSTREAM_PART_CHANGED',
      '3145728 bytes in 3 parts, verified by crc64',
      'read back the same: true',
    ],
    '04-aes-upload-with-checkpoint-restart.js': [
      'first call: SEALSTREAM_ABORTED',
      'second call: resumed, at least 10 of 21 parts were there: true',
      '20971525 bytes, verified by crc64',
      'read back the same: true',
    ],
    '05-rsa-key-by-value.js': ['read: bytes, by somebody, format cos'],
    '06-rsa-key-by-path.js': ['22 bytes, from 14 on: the rest'],
    '07-rsa-multipart-by-hand.js': [
      'uploads under way: 1',
      '4194404 bytes in 5 parts, verified by crc64',
      'read back the same: true',
    ],
    '08-rsa-upload-with-checkpoint-restart.js': [
      'first call: SEALSTREAM_SERVICE 500',
      'second call: resumed after 3 parts',
      '6291456 bytes in 6 parts, verified by crc64',
      'downloaded the same: true',
    ],
    '09-sse-cos.js': ['stored: AES256', 'read: 123, AES256'],
    '10-sse-kms.js': [
      'stored: cos/kms',
      'read: 123, cos/kms kms-key-id',
      'uploaded in 3 parts, verified by crc64',
      'downloaded the same: true, cos/kms',
    ],
    '11-sse-c-put-get-head.js': [
      'stored: AES256',
      'read: 00000, AES256',
      'head: 5 bytes, AES256',
      'without the key: 400 InvalidRequest',
    ],
    '12-sse-c-upload-download.js': [
      'uploaded in 6 parts, verified by crc64',
      'downloaded 5242881 bytes, AES256',
      'the same: true',
    ],
    '13-sse-c-copy.js': ['copied, AES256: true', 'copied in 4 parts, verified by crc64: true'],
    '14-sse-c-restore.js': ['archived: InvalidObjectState', 'asked for a day: ongoing-request="false"'],
    'first.js': ['reads'],
    'kms-master-key.js': ['under a key of KMS', 'wrapped my way'],
    'multipart-by-hand.js': ['3145745 bytes in 4 parts, verified by crc64, read back the same: true'],
    'rsa-public-key-writer.js': [
      'the writer, reading: SEALSTREAM_KEY_CANNOT_UNWRAP',
      'the reader, reading: for the archive',
    ],
    'sealed.js': ['unnoticed true', 'SEALSTREAM_COMMITMENT', '2 true', 'aead'],
    'stream-chain.js': ['the store and the chain agree on the CRC-64: true'],
  }

  const names = readdirSync(new URL('../examples', import.meta.url)).filter((name) => name.endsWith('.js'))
  const index = read('examples/README.md')

  it('each is named in examples/README.md, in that order', () => {
    expect([...index.matchAll(/\]\(([^)]+\.js)\)/g)].map(([, name]) => name)).to.deep.equal(names)
  })

  for (const name of names) {
    it(`${name} says what it promises`, async () => {
      const folder = await UserFolder.make()
      try {
        const run = await folder.runModule(name.replace('.js', '.mjs'), read(`examples/${name}`))
        expect(run.stderr).to.equal('')
        expect(run.stdout.trim().split('\n')).to.deep.equal(promised[name])
      } finally {
        await folder.remove()
      }
    })
  }
})

function readdirOrRead(url: URL): unknown {
  try {
    return readFileSync(url)
  } catch {
    return readdirSync(url)
  }
}

/** The public names, the error codes and the version: what users rely on does not change by accident. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { ERROR_CODES } from '../lib/errors.js'
import * as exported from '../lib/index.js'
import { VERSION } from '../lib/internal/version.js'

const ROOT = new URL('../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8')

const VALUES = [
  'AesMasterKey',
  'AuthenticationError',
  'CosClient',
  'CosEncryptionClient',
  'DataKey',
  'ERROR_CODES',
  'EnvelopeError',
  'IntegrityError',
  'KeyError',
  'Keyring',
  'KmsMasterKey',
  'LengthError',
  'OptionError',
  'RsaMasterKey',
  'SealstreamError',
  'ServiceError',
  'crc64',
  'crc64Combine',
  'crc64Stream',
  'createEnvelope',
  'credentialsFromEnvironment',
  'decryptStream',
  'encryptStream',
  'md5Stream',
  'openEnvelope',
  'ownedChain',
  'partStream',
  'progressStream',
  'toWebReadable',
]

describe('the public names', () => {
  it('are these values and no others', () => {
    expect(Object.keys(exported).sort()).to.deep.equal([...VALUES].sort())
  })

  it('are all defined', () => {
    for (const [name, value] of Object.entries(exported)) expect(value, name).to.not.equal(undefined)
  })
})

describe('the error codes', () => {
  const sources = readdirSync(new URL('lib/', ROOT), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== 'errors.ts')
    .map((name) => read(`lib/${name}`))
    .join('\n')

  for (const code of Object.keys(ERROR_CODES)) {
    // OptionError, ServiceError and IntegrityError set their code themselves.
    const classes: Record<string, string> = {
      SEALSTREAM_OPTION: 'new OptionError(',
      SEALSTREAM_SERVICE: 'new ServiceError(',
      SEALSTREAM_INTEGRITY: 'new IntegrityError(',
    }
    it(`${code} is thrown somewhere in lib`, () => {
      expect(sources.includes(classes[code] ?? `'${code}'`)).to.equal(true)
    })

    it(`${code} has exactly one row in docs/errors.md`, () => {
      const rows = read('docs/errors.md')
        .split('\n')
        .filter((line) => line.startsWith(`| \`${code}\``))
      expect(rows.length).to.equal(1)
    })
  }

  it('are the only rows in docs/errors.md', () => {
    const named = [...read('docs/errors.md').matchAll(/^\| `(SEALSTREAM_\w+)`/gm)].map(([, code]) => code)
    expect(named.sort()).to.deep.equal(Object.keys(ERROR_CODES).sort())
  })

  it('are no others in lib', () => {
    const used = new Set([...sources.matchAll(/'(SEALSTREAM_[A-Z0-9_]+)'/g)].map(([, code]) => code!))
    // The codes of process warnings, not of errors.
    used.delete('SEALSTREAM_WEAK_WRAP')
    used.delete('SEALSTREAM_UPLOAD_LEFT')
    used.delete('SEALSTREAM_NO_THREADS')
    // An environment variable.
    used.delete('SEALSTREAM_RECLAIM')
    expect([...used].filter((code) => !(code in ERROR_CODES))).to.deep.equal([])
  })

  it('all have a meaning in words', () => {
    for (const [code, meaning] of Object.entries(ERROR_CODES))
      expect(meaning.length, code).to.be.greaterThan(20)
  })
})

describe('the version', () => {
  it('in lib is that of package.json', () => {
    expect(VERSION).to.equal((JSON.parse(read('package.json')) as { version: string }).version)
  })
})

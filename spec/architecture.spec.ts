/** The structure of lib, kept true: who may import whom, no cycles, no files that grow. */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, posix } from 'node:path'
import { expect } from 'chai'

const LIB = new URL('../lib/', import.meta.url)

const FILES = readdirSync(LIB, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .sort()
const SOURCES = new Map(FILES.map((file) => [file, readFileSync(new URL(file, LIB), 'utf8')]))

/** Everything below the client; the CLI may import it, too. */
const BELOW = [
  'crypto',
  'checksum',
  'cos',
  'keys',
  'envelope',
  'stream',
  'transfer',
  'encrypted',
  'cos-client.ts',
]

/** What each home may import besides itself, `errors.ts` and `internal`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  internal: [],
  'errors.ts': [],
  crypto: [],
  checksum: [],
  cos: ['checksum'],
  server: ['checksum'],
  keys: ['crypto', 'cos'],
  envelope: ['crypto', 'keys'],
  stream: ['crypto', 'checksum'],
  transfer: ['stream', 'checksum', 'crypto', 'cos'],
  encrypted: ['envelope', 'keys', 'crypto', 'checksum', 'stream', 'transfer', 'cos'],
  'cos-client.ts': ['cos', 'transfer', 'stream', 'checksum'],
  'client.ts': BELOW,
  'index.ts': [...BELOW, 'client.ts'],
  cli: [...BELOW, 'client.ts', 'index.ts', 'server'],
}

/** Imports, re-exports and dynamic imports of local files, types included, relative to lib. */
function importsOf(file: string): string[] {
  const source = SOURCES.get(file)!
  const found = [...source.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']*)'/g)]
  return found.map(([, target]) => posix.join(dirname(file), target!).replace(/\.js$/, '.ts'))
}

/** The folder of lib that a file is in, or the file itself at the top. */
const homeOf = (file: string): string => file.split('/')[0]!

describe('the architecture', () => {
  it('is checked for every file: the imports found are files of lib', () => {
    expect(FILES.length).to.be.greaterThan(50)
    for (const file of FILES)
      for (const target of importsOf(file)) expect(FILES, `${file} imports`).to.include(target)
    // Control: the pattern sees plain, type-only, re-exporting and multi-line imports.
    expect(importsOf('index.ts').length).to.be.greaterThan(20)
    expect(importsOf('client.ts')).to.include('cos-client.ts').and.include('cos/delete-object.ts')
  })

  for (const file of FILES) {
    it(`${file} imports only what ${homeOf(file)} may`, () => {
      const home = homeOf(file)
      const allowed = MAY_IMPORT[home]
      expect(allowed, `${home} stands in the table`).to.not.equal(undefined)
      const free = home === 'errors.ts' ? [] : home === 'internal' ? ['errors.ts'] : ['errors.ts', 'internal']
      const homes = new Set(importsOf(file).map(homeOf))
      expect([...homes].filter((target) => ![home, ...free, ...allowed!].includes(target))).to.deep.equal([])
    })

    it(`${file} has at most 300 lines`, () => {
      expect(SOURCES.get(file)!.trimEnd().split('\n').length).to.be.at.most(300)
    })
  }

  it('has keys know of requests only where a key service is asked', () => {
    const asking = FILES.filter(
      (file) => file.startsWith('keys/') && importsOf(file).some((to) => to.startsWith('cos/')),
    )
    expect(asking).to.deep.equal(['keys/kms-client.ts'])
  })

  it('has no import cycle, type imports included', () => {
    const done = new Set<string>()
    const cycles: string[] = []
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
      if (done.has(file) || path.includes(file)) return
      for (const target of importsOf(file)) visit(target, [...path, file])
      done.add(file)
    }
    for (const file of FILES) visit(file, [])
    expect(cycles).to.deep.equal([])
  })

  it('has no file named after nothing: util, helper, common, types', () => {
    const vague = FILES.filter((file) =>
      /^(utils?|helpers?|common|types?|misc|shared)\.ts$/.test(basename(file)),
    )
    expect(vague).to.deep.equal([])
  })

  it('names files in kebab-case', () => {
    expect(FILES.filter((file) => !/^([a-z0-9-]+\/)*[a-z0-9-]+\.ts$/.test(file))).to.deep.equal([])
  })
})

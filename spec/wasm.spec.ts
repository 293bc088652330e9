/** The WebAssembly that is committed is what its sources in wasm/ make, and what it says it is. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { CRC64_FOLD, type KernelCode, MD5_LANES } from '../lib/checksum/kernel-code.js'

interface BuildModule {
  readonly build: () => Promise<string>
}

const COMMITTED = new URL('../lib/checksum/kernel-code.ts', import.meta.url)
const BUILDER = new URL('../wasm/build.js', import.meta.url)

const KERNELS: readonly (readonly [string, KernelCode])[] = [
  ['crc64-fold', CRC64_FOLD.code],
  ...Object.entries(MD5_LANES).map(([lanes, code]) => [`md5-lanes of ${lanes}`, code] as const),
]

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** The decoded bytes in a module's text, in their order, as hashes: short enough to read in a failure. */
const kernelsIn = (text: string): string[] =>
  [...text.matchAll(/base64:\s*'([^']*)'/g)].map(([, base64]) => sha256(Buffer.from(base64!, 'base64')))

describe('the committed WebAssembly', () => {
  const committed = readFileSync(COMMITTED, 'utf8')
  let built: string

  before(async () => {
    // JavaScript without types, so the compiler must not look for it.
    const { build } = (await import(BUILDER.href)) as BuildModule
    built = await build()
  })

  it('is what the sources make, kernel by kernel', () => {
    expect(kernelsIn(committed)).to.deep.equal(kernelsIn(built))
    expect(kernelsIn(committed)).to.have.length(KERNELS.length)
  })

  it('stands in the very text that is built, constants and comments included', () => {
    // Not deep.equal, whose failure would print 60 kB.
    const different = committed.split('\n').findIndex((line, at) => line !== built.split('\n')[at])
    expect(different, 'index of the first line that differs').to.equal(-1)
    expect(committed === built).to.equal(true)
  })

  for (const [name, { sha256: named, base64 }] of KERNELS) {
    it(`has the sha256 that it names: ${name}`, () => {
      const bytes = Buffer.from(base64, 'base64')
      expect(sha256(bytes)).to.equal(named)
      expect(bytes.toString('base64')).to.equal(base64)
    })

    it(`imports one memory and nothing else: ${name}`, () => {
      const { Module } = Reflect.get(globalThis, 'WebAssembly') as {
        Module: (new (bytes: Uint8Array) => object) & { imports(module: object): unknown }
      }
      const module = new Module(Buffer.from(base64, 'base64'))
      expect(Module.imports(module)).to.deep.equal([{ module: 'env', name: 'memory', kind: 'memory' }])
    })
  }
})

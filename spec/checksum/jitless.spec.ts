/** Where Node.js has no WebAssembly: `--jitless`. Everything is computed the other way. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { type JitlessResults, LENGTHS, SEED } from '../support/jitless-process.js'
import { Seeded } from '../support/seeded.js'
import { slowCrcs } from '../support/slow-crcs.js'

const PROGRAM = fileURLToPath(new URL('../support/jitless-process.ts', import.meta.url))

async function runWith(flags: readonly string[]): Promise<JitlessResults> {
  const argv = [...flags, '--import', 'ts-blank-space/register', PROGRAM, '--print']
  const { stdout } = await promisify(execFile)(process.execPath, argv, {
    cwd: new URL('../..', import.meta.url),
  })
  return JSON.parse(stdout) as JitlessResults
}

describe('checksums without WebAssembly', () => {
  const bytes = new Seeded(SEED).bytes(Math.max(...LENGTHS))
  let results: JitlessResults

  before(async () => {
    results = await runWith(['--jitless'])
  })

  it('are computed in a process that has none: no folder and no lanes', () => {
    expect(results.webAssembly).to.equal('undefined')
    expect(results.missing).to.deep.equal(['folder', 'folder of the thread', 'lanes'])
  })

  it('give the CRC-64 of 0 to 300,001 bytes, at once and in pieces', () => {
    const crcs = slowCrcs(bytes, LENGTHS)
    const expected = LENGTHS.map((length) => crcs.get(length)!.toString())
    expect(results.crc64).to.deep.equal(expected)
    expect(results.crc64InPieces).to.deep.equal(expected)
  })

  it('give the MD5 of 0 to 300,001 bytes', () => {
    const md5 = (length: number): string => createHash('md5').update(bytes.subarray(0, length)).digest('hex')
    expect(results.md5).to.deep.equal(LENGTHS.map(md5))
  })
})

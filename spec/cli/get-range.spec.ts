import { readdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { expect } from 'chai'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { batchJson, runBatch } from '../support/cli-batch.js'
import { cliKeys, object } from '../support/cli-fixture.js'
import { dataFile, flip, sealedSize, storeEncrypted, type Writing } from '../support/cli-store.js'
import { errorOf } from '../support/run-cli.js'
import { Seeded } from '../support/seeded.js'
import { at, sideBySide } from '../support/side-by-side.js'

const keys = cliKeys()
const SIZE = 100_000
const CHUNK = 16_384
const CONTENT = new Seeded(5).bytes(SIZE)

/** First byte and the one after the last. Around the edges between chunks of `sealed` and between blocks, and past the end. */
const RANGES: readonly [range: string, first: number, end: number][] = [
  ['0-0', 0, 1],
  ['13-44', 13, 45],
  [`${CHUNK - 1}-${CHUNK}`, CHUNK - 1, CHUNK + 1],
  [`${CHUNK}-${2 * CHUNK - 1}`, CHUNK, 2 * CHUNK],
  ['99999-', 99_999, SIZE],
  ['5-', 5, SIZE],
  ['-17', 99_983, SIZE],
  ['-5000', 95_000, SIZE],
  ['-200000', 0, SIZE],
  ['99990-5000000', 99_990, SIZE],
]
const TITLE = RANGES.map(([range]) => range).join(', ')

const AES = ['--aes-key', keys.aes]
const RSA = ['--rsa-private-key', keys.rsaPrivate]
const rsa = (): Promise<RsaMasterKey> => RsaMasterKey.fromFiles({ privateKey: keys.rsaPrivate })

describe('cli/get --range', () => {
  const get = (name: string, target: string, range: string, ...more: string[]): string[] => [
    ...['get', object(name), target, '--local', at('store'), '--range', range],
    ...more,
  ]

  for (const { format, key, reading, writing } of [
    { format: 'sealed', key: AES, reading: [], writing: async () => ({}) },
    { format: 'cos', key: AES, reading: ['--policy', 'cos'], writing: async () => ({ format: 'cos' }) },
    {
      format: 'cos-java-gcm',
      key: RSA,
      reading: ['--policy', 'any', '--release-unverified'],
      writing: async () => ({ format: 'cos-java-gcm', masterKey: await rsa() }),
    },
  ] satisfies { format: string; key: string[]; reading: string[]; writing: () => Promise<Writing> }[]) {
    describe(`of ${format}`, () => {
      const test = sideBySide(async () => {
        await storeEncrypted(at('store'), { a: CONTENT, empty: Buffer.alloc(0) }, await writing())
      })

      test(`gives exactly the bytes of ${TITLE} on standard output`, async () => {
        const runs = await runBatch(RANGES.map(([range]) => get('a', '-', range, ...key, ...reading)))
        for (const [index, [range, first, end]] of RANGES.entries()) {
          const run = runs[index]!
          expect(run.code, run.stderr).to.equal(0)
          expect(run.bytes.equals(CONTENT.subarray(first, end)), range).to.equal(true)
          expect(run.stderr).to.include(`format ${format}`)
        }
      })

      test('gives exactly the bytes 100-299 in a file, and says how many', async () => {
        const got = await batchJson([get('a', at('out'), '100-299', ...key, ...reading)])
        expect(got).to.include({ ContentLength: 200, ContentRange: `bytes 100-299/${SIZE}`, format })
        expect((await readFile(at('out'))).equals(CONTENT.subarray(100, 300))).to.equal(true)
      })

      test('is refused as 5-1, abc, nothing and 1-2,4-5: 2; past the end as 100000-, -0 and 0- of nothing: 5', async () => {
        const cases = ['a 5-1', 'a abc', 'a ', 'a 1-2,4-5', 'a 100000-', 'a -0', 'empty 0-']
        const runs = await runBatch(
          cases.map((text) => {
            const [name = '', range = ''] = text.split(' ')
            return get(name, at('out'), range, ...key, ...reading)
          }),
        )
        for (const run of runs) {
          expect(run.stdout).to.equal('')
          expect(errorOf(run)).to.match(/range/i)
        }
        expect(runs.map(({ code }) => code)).to.deep.equal([2, 2, 2, 2, 5, 5, 5])
        expect(await readdir(dirname(at('x')))).to.deep.equal(['store'])
      })
    })
  }

  describe('of cos-java-gcm without --release-unverified', () => {
    const test = sideBySide(async () => {
      await storeEncrypted(at('store'), { a: CONTENT }, { format: 'cos-java-gcm', masterKey: await rsa() })
    })

    test('is refused: 5, with nothing given out, but for the whole object, which is verified first', async () => {
      const policy = [...RSA, '--policy', 'any']
      const runs = await runBatch([
        get('a', '-', '0-0', ...policy),
        get('a', at('out'), '100-299', ...policy),
        get('a', '-', '-17', ...policy, '--json'),
        get('a', '-', '0-', ...policy),
      ])
      for (const run of runs.slice(0, 3)) expect(run, run.stderr).to.include({ code: 5, stdout: '' })
      expect(errorOf(runs[0]!)).to.include('cos-java-gcm').and.include('verified')
      expect(JSON.parse(runs[2]?.stderr ?? '')).to.have.nested.property('error.code', 'SEALSTREAM_UNVERIFIED')
      expect(runs[3]?.bytes.equals(CONTENT)).to.equal(true)
      expect(await readdir(dirname(at('x')))).to.deep.equal(['store'])
    })
  })

  describe('of a sealed object with an altered chunk', () => {
    const test = sideBySide(() => storeEncrypted(at('store'), { a: CONTENT }))

    test('gives what lies in other chunks; of its own it gives nothing: 5, and what comes before it in the range is right', async () => {
      const path = await dataFile(at('store'), sealedSize(SIZE))
      await flip(path, 56 + 2 * (CHUNK + 16) + 100)
      const [before, behind, inside, across, file] = await runBatch([
        get('a', '-', `0-${2 * CHUNK - 1}`, ...AES),
        get('a', '-', `${3 * CHUNK}-`, ...AES),
        get('a', '-', `${2 * CHUNK + 9000}-${2 * CHUNK + 9001}`, ...AES),
        get('a', '-', `100-${3 * CHUNK}`, ...AES),
        get('a', at('out'), `100-${3 * CHUNK}`, ...AES),
      ])
      expect(before?.bytes.equals(CONTENT.subarray(0, 2 * CHUNK))).to.equal(true)
      expect(behind?.bytes.equals(CONTENT.subarray(3 * CHUNK))).to.equal(true)
      for (const run of [inside, across, file]) expect(run?.code, run?.stderr).to.equal(5)
      expect(inside?.bytes).to.have.lengthOf(0)
      expect(across?.bytes.length).to.be.at.most(2 * CHUNK - 100)
      expect(across?.bytes.equals(CONTENT.subarray(100, 100 + across.bytes.length))).to.equal(true)
      expect(await readdir(dirname(at('x')))).to.deep.equal(['store'])
    })
  })
})

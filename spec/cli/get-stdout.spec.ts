/** What `get` gives out on standard output, where nothing can be taken back. */
import { expect } from 'chai'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { runBatch } from '../support/cli-batch.js'
import { cliKeys, object } from '../support/cli-fixture.js'
import { rawObject, storeEncrypted, storeRaw } from '../support/cli-store.js'
import { errorOf, runCli } from '../support/run-cli.js'
import { chunksOf, HEAD_BYTES, SEALED_CHUNK_BYTES } from '../support/sealed-object.js'
import { Seeded } from '../support/seeded.js'
import { at, sideBySide } from '../support/side-by-side.js'

const keys = cliKeys()
const CHUNK = 16_384

describe('cli/get on standard output', () => {
  const local = (): string[] => ['--local', at('store'), '--aes-key', keys.aes]

  describe('of a whole object', () => {
    const content = Buffer.alloc(5 * 1024 * 1024, 1)
    const test = sideBySide(() => storeEncrypted(at('store'), { big: content }))

    test('ends quietly with 141 where its reader, head -c 1, has gone', async () => {
      const wrap = ['bash', '-c', 'set -o pipefail; "$@" | head -c 1', 'bash']
      const { code, bytes, stderr } = await runCli(['get', object('big'), '-', ...local()], { wrap })
      expect({ code, bytes, stderr }).to.deep.equal({ code: 141, bytes: Buffer.from([1]), stderr: '' })
    })

    test('carries the object and nothing else; messages are on standard error, as JSON with --json', async () => {
      const args = ['get', object('big'), '-', ...local()]
      const [plain, json] = await Promise.all([runCli(args), runCli([...args, '--json'])])
      for (const { code, bytes } of [plain, json]) {
        expect(code).to.equal(0)
        expect(bytes.equals(content)).to.equal(true)
      }
      expect(plain.stderr).to.match(/^read 5\.2 MB of .*\n$/)
      expect(JSON.parse(json.stderr)).to.include({ Key: 'big', ContentLength: 5 * 1024 * 1024 })
    })

    test('reports what is missing as JSON on standard error with --json', async () => {
      const { code, stdout, stderr } = await runCli(['get', object('none'), '-', ...local(), '--json'])
      expect({ code, stdout }).to.deep.equal({ code: 4, stdout: '' })
      expect(JSON.parse(stderr)).to.have.nested.property('error.code', 'SEALSTREAM_SERVICE')
    })
  })

  describe('of a damaged object', () => {
    const content = new Seeded(7).bytes(4 * CHUNK + 100)
    const test = sideBySide(() => storeEncrypted(at('store'), { a: content }))

    /** Of a `sealed` object of five chunks: its bytes after somebody changed them, and the most that may come out. */
    const changes: { what: string; make: (stored: Buffer) => Buffer; most: number }[] = [
      { what: 'another salt', make: (stored) => flipped(stored, 0), most: 0 },
      { what: 'another commitment', make: (stored) => flipped(stored, HEAD_BYTES - 1), most: 0 },
      { what: 'its first chunk altered', make: (stored) => flipped(stored, HEAD_BYTES), most: 0 },
      {
        what: 'its fourth chunk altered',
        make: (stored) => flipped(stored, HEAD_BYTES + 3 * SEALED_CHUNK_BYTES + 9000),
        most: 3 * CHUNK,
      },
      { what: 'its last tag altered', make: (stored) => flipped(stored, stored.length - 1), most: 4 * CHUNK },
      { what: 'chunks 2 and 3 swapped', make: (stored) => arranged(stored, 0, 1, 3, 2, 4, 5), most: CHUNK },
      { what: 'its last chunk cut off', make: (stored) => arranged(stored, 0, 1, 2, 3, 4), most: 4 * CHUNK },
      { what: 'half of its last chunk', make: (stored) => stored.subarray(0, -50), most: 4 * CHUNK },
      { what: 'a byte appended', make: (stored) => Buffer.concat([stored, Buffer.of(0)]), most: 4 * CHUNK },
      { what: 'nothing left', make: () => Buffer.alloc(0), most: 0 },
    ]

    test(`ends with 5, and only a right beginning came out, of sealed with ${changes.map(({ what }) => what).join(', ')}`, async () => {
      const { headers, body } = await rawObject(at('store'), 'a')
      const damaged = changes.map(({ make }, index) => [`d${index}`, { headers, body: make(body) }] as const)
      await storeRaw(at('store'), Object.fromEntries(damaged))
      const runs = await runBatch(changes.map((_, index) => ['get', object(`d${index}`), '-', ...local()]))
      for (const [index, { what, most }] of changes.entries()) {
        const { code, bytes, stderr } = runs[index]!
        expect(code, `${what}: ${stderr}`).to.equal(5)
        errorOf(runs[index]!)
        expect(bytes.length, what).to.be.at.most(most)
        expect(content.subarray(0, bytes.length).equals(bytes), what).to.equal(true)
      }
    })

    test('ends with 5, and nothing came out, of cos-java-gcm with a bit altered; with --release-unverified some of it may have', async () => {
      const masterKey = await RsaMasterKey.fromFiles({ privateKey: keys.rsaPrivate })
      await storeEncrypted(at('store'), { g: content }, { format: 'cos-java-gcm', masterKey })
      const { headers, body } = await rawObject(at('store'), 'g')
      await storeRaw(at('store'), { g: { headers, body: flipped(body, 50_000) } })
      const args = ['get', object('g'), '-', '--local', at('store'), '--rsa-private-key', keys.rsaPrivate]
      args.push('--policy', 'any')
      const [held, released] = await runBatch([args, [...args, '--release-unverified']])
      expect(held, held?.stderr).to.include({ code: 5, stdout: '' })
      expect(errorOf(held!)).to.include('not what was encrypted')
      expect(released?.code).to.equal(5)
      expect(errorOf(released!)).to.include('not what was encrypted')
      const right = released!.bytes.subarray(0, 50_000)
      expect(right.equals(content.subarray(0, right.length))).to.equal(true)
    })

    test('ends with 5 and gives nothing out where the object has no envelope, or two', async () => {
      const { headers, body } = await rawObject(at('store'), 'a')
      const python = { 'x-cos-meta-client-side-encryption-key': Buffer.alloc(32).toString('base64') }
      await storeRaw(at('store'), {
        none: { headers: {}, body },
        two: { headers: { ...headers, ...python }, body },
      })
      const runs = await runBatch(['none', 'two'].map((name) => ['get', object(name), '-', ...local()]))
      for (const run of runs) expect(run, run.stderr).to.include({ code: 5, stdout: '' })
      expect(errorOf(runs[0]!)).to.include('no encryption envelope')
      expect(errorOf(runs[1]!)).to.include('envelopes of two formats')
    })
  })
})

function flipped(bytes: Buffer, position: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[position]! ^= 1
  return copy
}

/** The head and the chunks, from 1, in another order. */
function arranged(stored: Buffer, ...order: number[]): Buffer {
  const pieces = chunksOf(stored)
  return Buffer.concat(order.map((at) => pieces[at]!))
}

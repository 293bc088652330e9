import { readdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { expect } from 'chai'
import type { Format } from '../../lib/crypto/format.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { runBatch } from '../support/cli-batch.js'
import { BUCKET, cliKeys, object } from '../support/cli-fixture.js'
import { dataFile, flip, rawObject, sealedSize, storeEncrypted, storeRaw } from '../support/cli-store.js'
import { errorOf, hintOf, jsonLines, runCli } from '../support/run-cli.js'
import { Seeded } from '../support/seeded.js'
import { at, sideBySide } from '../support/side-by-side.js'

const keys = cliKeys()
const AES = ['--aes-key', keys.aes]
const RSA = ['--rsa-private-key', keys.rsaPrivate]
const MIB = 1024 * 1024
const CONTENT = new Seeded(3).bytes(50_000)
const LARGE = new Seeded(4).bytes(5 * MIB + 5)

describe('cli/verify', () => {
  const test = sideBySide()
  const verify = (...more: string[]): string[] => ['verify', object('a'), '--local', at('store'), ...more]

  async function storeAs(format: Format, content = CONTENT): Promise<void> {
    const isRsa = format === 'cos-java-gcm' || format === 'cos-python'
    const masterKey = isRsa ? await RsaMasterKey.fromFiles({ privateKey: keys.rsaPrivate }) : undefined
    await storeEncrypted(
      at('store'),
      { a: content },
      { format, ...(masterKey === undefined ? {} : { masterKey }) },
    )
  }

  for (const { format, key, size, verified, proof } of [
    {
      format: 'sealed',
      key: AES,
      size: sealedSize(CONTENT.length),
      verified: 'aead',
      proof: 'it is what was encrypted under its data key',
    },
    {
      format: 'cos-java-gcm',
      key: [...RSA, '--policy', 'cos-java-gcm'],
      size: CONTENT.length + 16,
      verified: 'aead',
      proof: 'it is what was encrypted under its data key',
    },
    {
      format: 'cos',
      key: [...AES, '--policy', 'any'],
      size: CONTENT.length,
      verified: 'crc64',
      proof: 'it is what was uploaded (crc64); format cos cannot prove more',
    },
    {
      format: 'cos-python',
      key: [...RSA, '--policy', 'sealed,cos-python'],
      size: CONTENT.length,
      verified: 'crc64',
      proof: 'it is what was uploaded (crc64); format cos-python cannot prove more',
    },
  ] as const) {
    test(`of ${format} says "${proof}", as JSON "${verified}", shows no content and keeps nothing`, async () => {
      await storeAs(format)
      const [text, json] = await runBatch([verify(...key), verify(...key, '--json')])
      expect(text?.code, text?.stderr).to.equal(0)
      expect(text?.stdout).to.equal(`verified all of ${object('a')}: ${proof}\n`)
      expect(text?.stderr).to.match(/^verify a: 50\.0 kB of 50\.0 kB \(100 %\), .*\n$/m)
      expect(json).to.include({ code: 0, stderr: '' })
      const [found = {}] = jsonLines(json?.stdout ?? '')
      expect(found).to.deep.include({
        ...{ Bucket: BUCKET, Key: 'a', format, authenticated: format === 'sealed', verified },
        ...{ keyVerified: true, StoredLength: size, ContentLength: CONTENT.length },
        CheckedLength: CONTENT.length,
      })
      expect(found.ETag).to.match(/^"[0-9a-f]{32}"$/)
      expect(await readdir(dirname(at('x')))).to.deep.equal(['store'])
    })
  }

  test('of an empty sealed object says all of it, sampled as well', async () => {
    await storeAs('sealed', Buffer.alloc(0))
    for (const run of await runBatch([verify(...AES), verify(...AES, '--sample', '3')])) {
      expect(run.code, run.stderr).to.equal(0)
      expect(run.stdout).to.match(/^verified all of .*: it is what was encrypted under its data key\n$/)
    }
  })

  for (const { format, key } of [
    { format: 'sealed', key: AES },
    { format: 'cos-java-gcm', key: [...RSA, '--policy', 'any'] },
    { format: 'cos', key: [...AES, '--policy', 'any'] },
  ] as const) {
    test(`of ${format} with a bit that turned over in the store ends with 5 and says nothing on standard output`, async () => {
      await storeAs(format)
      const { body } = await rawObject(at('store'), 'a')
      await flip(await dataFile(at('store'), body.length), 30_000)
      const [text, json] = await runBatch([verify(...key), verify(...key, '--json')])
      for (const run of [text, json]) expect(run, run?.stderr).to.include({ code: 5, stdout: '' })
      errorOf(text!)
      const code = format === 'sealed' ? 'SEALSTREAM_AUTHENTICATION' : 'SEALSTREAM_INTEGRITY'
      expect(JSON.parse(json?.stderr ?? '')).to.have.nested.property('error.code', code)
    })
  }

  test('of what an attacker stored anew with a bit altered ends with 5 for sealed; cos is still what was uploaded: 0', async () => {
    for (const [format, code] of [
      ['sealed', 5],
      ['cos', 0],
    ] as const) {
      await storeAs(format)
      const { headers, body } = await rawObject(at('store'), 'a')
      body[body.length - 1]! ^= 1
      await storeRaw(at('store'), { a: { headers, body } })
      const [run] = await runBatch([verify(...AES, '--policy', 'any')])
      expect(run?.code, run?.stderr).to.equal(code)
      if (code === 0) expect(run?.stdout).to.include('it is what was uploaded')
    }
  })

  test('ends with 3 for the wrong key, 4 without an object, 5 without an envelope, for another context or against the policy', async () => {
    await storeAs('sealed')
    await storeRaw(at('store'), { plain: { headers: {}, body: CONTENT } })
    const local = ['--local', at('store'), ...AES]
    const runs = await runBatch([
      verify('--aes-key', keys.otherAes),
      verify(...RSA),
      ['verify', object('none'), ...local],
      ['verify', object('plain'), ...local],
      verify(...AES, '--context', 'a=b'),
      verify(...AES, '--policy', 'cos'),
      ['verify', `cos://${BUCKET}`, ...local],
      ['verify', 'file', ...local],
    ])
    expect(runs.map(({ code }) => code)).to.deep.equal([3, 3, 4, 5, 5, 5, 2, 2])
    for (const run of runs) expect(run.stdout + errorOf(run)).not.to.include('verified')
    expect(hintOf(runs[4]!)).to.include('context')
    expect(hintOf(runs[5]!)).to.include('--policy sealed')
  })

  describe('--sample', () => {
    const test = sideBySide(() => storeAs('sealed', LARGE))
    const sampled = (run: { stdout: string }): unknown => jsonLines(run.stdout)[0]?.CheckedLength

    test('reads the first and the last piece of 1 MiB and so many others, never one twice', async () => {
      const [one, two, all] = await runBatch([
        verify(...AES, '--sample', '1', '--json'),
        verify(...AES, '--sample', '2'),
        verify(...AES, '--sample', '99', '--json'),
      ])
      for (const run of [one, two, all]) expect(run?.code, run?.stderr).to.equal(0)
      // The last piece has the 5 bytes that are over.
      expect(sampled(one!)).to.equal(2 * MIB + 5)
      expect(jsonLines(one!.stdout)[0]).to.include({ ContentLength: LARGE.length, verified: 'aead' })
      expect(two?.stdout).to.match(/^verified 3\.1 MB of .*: it is what was encrypted under its data key\n$/)
      expect(sampled(all!)).to.equal(LARGE.length)
    })

    test('notices damage of the first piece and of the end, and of any piece where it reads all: 5', async () => {
      const { headers, body } = await rawObject(at('store'), 'a')
      const altered = (position: number): Buffer => {
        const copy = Buffer.from(body)
        copy[position]! ^= 1
        return copy
      }
      const damaged = [altered(MIB / 2), altered(body.length - 1), body.subarray(0, -1), altered(3.5 * MIB)]
      const objects = damaged.map((each, index) => [`d${index}`, { headers, body: each }] as const)
      await storeRaw(at('store'), Object.fromEntries(objects))
      const runs = await runBatch(
        damaged.map((_, index) => [
          ...['verify', object(`d${index}`), '--local', at('store'), ...AES],
          ...['--sample', index === 3 ? '4' : '1'],
        ]),
      )
      for (const [index, run] of runs.entries()) {
        expect(run, `${index}: ${run.stderr}`).to.include({ code: 5, stdout: '' })
      }
    })

    test('must be a number from 1: 0, -1, 1.5, 1e3, ten and nothing end with 2', async () => {
      const wrong = ['0', '-1', '1.5', '1e3', 'ten', '']
      for (const run of await runBatch(wrong.map((text) => verify(...AES, `--sample=${text}`)))) {
        expect(run, run.stderr).to.include({ code: 2, stdout: '' })
        expect(errorOf(run)).to.include('--sample must be a number from 1')
      }
    })
  })

  test('--sample of a format that proves no piece by itself, cos, ends with 2 and the hint to verify it whole', async () => {
    await storeAs('cos')
    const run = await runCli(verify(...AES, '--policy', 'any', '--sample', '1'))
    expect(run, run.stderr).to.include({ code: 2, stdout: '' })
    expect(errorOf(run)).to.include('sample').and.include('cos')
    expect(hintOf(run)).to.include('whole')
  })
})

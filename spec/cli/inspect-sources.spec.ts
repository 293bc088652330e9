/** Where `inspect` finds envelopes: with objects, in instruction files, in files of this machine; and where it finds none. */
import { readFile, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { runBatch } from '../support/cli-batch.js'
import { cliKeys, object } from '../support/cli-fixture.js'
import { rawObject, sealedSize, storeRaw } from '../support/cli-store.js'
import { expectSecretsHidden, factsOf, vector, vectorCase } from '../support/inspected.js'
import { errorOf, hintOf, jsonLines } from '../support/run-cli.js'
import { at, sideBySide } from '../support/side-by-side.js'

const AES = ['--aes-key', cliKeys().aes]

describe('cli/inspect, by where the envelope is', () => {
  const test = sideBySide()
  const local = (): string[] => ['--local', at('store')]
  const inspect = (name: string, ...more: string[]): string[] => [
    ...['inspect', object(name), ...local()],
    ...more,
  ]

  test('reads the instruction file of an object where it is told to: 0; else the envelope is incomplete: 5', async () => {
    const {
      metadata,
      instructionBody = '',
      ...rest
    } = vectorCase('cos-java-sdk', 'ctr-rsa2048-instruction-file-100')
    await storeRaw(at('store'), {
      a: { headers: metadata, body: Buffer.from(rest.ciphertext, 'base64') },
      'a.instruction': { headers: {}, body: Buffer.from(instructionBody) },
      'a.other': { headers: {}, body: Buffer.from(instructionBody) },
    })
    const [without, ...runs] = await runBatch([
      inspect('a'),
      inspect('a', '--instruction-file', '--json'),
      inspect('a', '--instruction-file', '.other', '--json'),
      inspect('a', '--instruction-file', '.none'),
    ])
    expect(without, without?.stderr).to.include({ code: 5, stdout: '' })
    for (const run of runs.slice(0, 2)) {
      expect(run.code, run.stderr).to.equal(0)
      expect(jsonLines(run.stdout)[0]).to.include({
        format: 'cos',
        dialect: 'java-legacy',
        ContentLength: 100,
      })
    }
    expect(runs[2]).to.include({ code: 4, stdout: '' })
  })

  test('tells the same of the envelope file of a local file as of an object, without sizes', async () => {
    const [encrypt, put, ...runs] = await runBatch(
      [
        ['encrypt', '-', at('out'), ...AES],
        ['put', '-', object('a'), ...local(), ...AES],
        ['inspect', at('out.envelope.json')],
        ['inspect', at('out.envelope.json'), '--json'],
        inspect('a', '--json'),
      ],
      { stdin: 'hello' },
    )
    for (const run of [encrypt, put]) expect(run?.code, run?.stderr).to.equal(0)
    const { ContentLength, StoredLength, ...ofObject } = jsonLines(runs[2]?.stdout ?? '')[0] ?? {}
    expect([ContentLength, StoredLength]).to.deep.equal([5, sealedSize(5)])
    expect(factsOf(runs[0]!, runs[1]!)).to.deep.equal(ofObject)
    const headers = JSON.parse(await readFile(at('out.envelope.json'), 'utf8')) as Record<string, string>
    expectSecretsHidden(runs, { headers, body: Buffer.alloc(0) })
  })

  test('says what is wrong with the size of a sealed object that was cut, and tells the rest: 0', async () => {
    await runBatch([['put', '-', object('a'), ...local(), ...AES]], { stdin: 'hello' })
    const { headers, body } = await rawObject(at('store'), 'a')
    await storeRaw(at('store'), { a: { headers, body: body.subarray(0, 20) } })
    const runs = await runBatch([inspect('a'), inspect('a', '--json')])
    const facts = factsOf(runs[0]!, runs[1]!)
    expect(facts).to.include({ format: 'sealed', StoredLength: 20 })
    expect(facts.problem).to.match(/expected \d+ bytes, found 20/)
    expect(facts).not.to.have.property('ContentLength')
  })

  test('ends with 5 where there is no envelope, a damaged one or two, 4 without an object, 7 without a file', async () => {
    await writeFile(at('text'), 'not an envelope\n')
    await writeFile(at('list'), '[1]')
    await writeFile(at('numbers'), '{"x-cos-meta-sealstream-version":1}')
    await writeFile(at('other'), '{"content-type":"text/plain"}')
    const body = Buffer.from('content')
    const version = { 'x-cos-meta-sealstream-version': '1' }
    const java = vector('cos-java-sdk', 'ctr-aeswrap256-17').headers
    await storeRaw(at('store'), {
      plain: { headers: { 'x-cos-meta-name': 'value' }, body },
      half: { headers: version, body },
      two: { headers: { ...version, ...java }, body },
    })
    const runs = await runBatch([
      inspect('plain'),
      inspect('half'),
      inspect('two'),
      ['inspect', at('other')],
      inspect('none'),
      ...['text', 'list', 'numbers', 'missing', '.'].map((name) => ['inspect', at(name)]),
    ])
    expect(runs.map(({ code }) => code)).to.deep.equal([5, 5, 5, 5, 4, 7, 7, 7, 7, 7])
    for (const run of runs) expect(run.stdout + errorOf(run)).not.to.include('content-type')
    expect(hintOf(runs[0]!)).to.include('unencrypted')
  })
})

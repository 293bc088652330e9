import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { EXIT } from '../../lib/cli/exit-code.js'
import { runBatch } from '../support/cli-batch.js'
import { type CliResult, errorOf, ROOT, runCli } from '../support/run-cli.js'

const COMMANDS = [
  ...['keygen', 'put', 'get', 'head', 'inspect', 'verify', 'rewrap', 'ls', 'rm', 'cp', 'restore', 'uploads'],
  ...['encrypt', 'decrypt', 'serve', 'demo'],
]
const KEYS = [
  ...['aes-key', 'rsa-public-key', 'rsa-private-key', 'passphrase-file', 'rsa-padding'],
  ...['kms-key-id', 'kms-region', 'kms-endpoint'],
]
const PLACE = ['local', 'region', 'endpoint']
const READING = ['policy', 'context']
const MOVING = ['part-size', 'concurrency']
const SSE = ['sse', 'sse-kms-key-id', 'sse-c-key-file']

/** All options of commands that have to do with encryption, besides `--json` and `--help`. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  put: [
    ...[...KEYS, ...PLACE, ...MOVING, ...SSE, 'format', 'context', 'recipient', 'resume'],
    ...['content-type', 'storage-class', 'metadata', 'threads'],
  ],
  get: [
    ...[...KEYS, ...PLACE, ...MOVING, ...READING, 'sse-c-key-file', 'instruction-file', 'resume'],
    ...['range', 'version-id', 'release-unverified', 'threads'],
  ],
  inspect: [...PLACE, 'sse-c-key-file', 'instruction-file', 'version-id'],
  verify: [
    ...[...KEYS, ...PLACE, ...MOVING, ...READING, 'sse-c-key-file', 'instruction-file', 'version-id'],
    ...['sample', 'threads'],
  ],
  rewrap: [
    ...[...KEYS, ...PLACE, ...MOVING, ...READING, ...SSE, 'instruction-file', 'version-id'],
    ...['to', 'add', 'remove', 'format', 'accept-unverified-key'],
  ],
  encrypt: [...KEYS, 'format', 'context', 'recipient', 'envelope'],
  decrypt: [...KEYS, ...READING, 'envelope', 'header', 'release-unverified'],
}
const OBJECT = 'cos://spec-1250000000/a'

describe('cli/main', () => {
  it('prints the version of package.json, through ts-blank-space/register as it stands', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
    const { code, stdout, stderr } = await runCli(['--version'], { register: 'ts-blank-space/register' })
    expect({ code, stdout, stderr }).to.deep.equal({ code: 0, stdout: `${version}\n`, stderr: '' })
  })

  describe('help', () => {
    const subjects = COMMANDS.filter((name) => name !== 'keygen')
    let general: CliResult
    let results: CliResult[]
    before(async function () {
      this.timeout(60_000)
      const optional = [['keygen', 'aes', '--help'], ['keygen', 'rsa', '--help'], ['put', '--help'], ['help']]
      results = await runBatch([['--help'], ...subjects.map((name) => ['help', name]), ...optional])
      general = results[0]!
    })

    it('goes to standard output and ends with 0', () => {
      for (const { code, stdout, stderr } of results) {
        expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
        expect(stdout).to.match(/^Usage: sealstream /)
      }
    })

    it('lists every command', () => {
      for (const command of COMMANDS) expect(general.stdout).to.match(new RegExp(`^  ${command} `, 'm'))
    })

    it('is the same for "help" as for "--help", and for "help put" as for "put --help"', () => {
      expect(results.at(-1)?.stdout).to.equal(general.stdout)
      expect(results.at(-2)?.stdout).to.equal(results[1]?.stdout)
    })

    for (const [at, command] of subjects.entries()) {
      it(`of ${command} begins with its usage`, () => {
        expect(results[at + 1]?.stdout).to.match(new RegExp(`^Usage: sealstream ${command} \\[options\\]`))
      })
    }

    for (const [command, options] of Object.entries(OPTIONS)) {
      it(`of ${command} lists its ${options.length + 2} options, each with what it is for`, () => {
        const text = results[subjects.indexOf(command) + 1]?.stdout ?? ''
        const listed = [...text.matchAll(/^ {2}(?:-h, )?--([a-z-]+)(?: <[^>]+>| \[[^\]]+\])?(.*)$/gm)]
        expect(listed.map(([, name]) => name)).to.have.members([...options, 'json', 'help'])
        for (const [line, , text] of listed) expect(text?.trim() ?? '', line).to.match(/^\S/)
      })
    }

    it('names the variables that credentials come from', () => {
      expect(general.stdout)
        .to.include('COS_SECRET_ID')
        .and.include('COS_SECRET_KEY')
        .and.include('COS_TOKEN')
    })

    it('lists the exit codes 0 to 7 and 130', () => {
      for (const code of [0, 1, 2, 3, 4, 5, 6, 7, 130])
        expect(general.stdout).to.match(new RegExp(`^  ${code} +\\S`, 'm'))
    })

    it('lists every exit code there is, 141 included', () => {
      for (const code of Object.values(EXIT))
        expect(general.stdout).to.match(new RegExp(`^  ${code} +\\S`, 'm'))
    })

    it('shows no option that takes a key, a passphrase or credentials as its value', () => {
      const options = results.flatMap(({ stdout }) => stdout.match(/^ {2}-.*$/gm) ?? [])
      const sensitive = options.filter((line) => /^\s+\S*(key|secret|pass|token|credential)/i.test(line))
      expect(sensitive.length).to.be.greaterThan(8)
      // The id of a key is no key.
      const harmless = /^ {2}(--[a-z-]+ <file>|--(sse-)?kms-key-id <id>|--accept-unverified-key) /
      for (const line of sensitive) expect(line).to.match(harmless)
      const keyed = options.filter((line) => /^ {2}--[a-z-]+ <key>/.test(line))
      for (const line of keyed) expect(line).to.match(/: aes:FILE,|, as --to|recipient/)
    })
  })

  describe('arguments that are wrong', () => {
    const cases = [
      { args: ['nope'], problem: "unknown command 'nope'" },
      { args: ['keygen', 'des'], problem: "unknown command 'des'" },
      { args: ['--nope'], problem: "unknown option '--nope'" },
      { args: ['put', '--nope'], problem: "unknown option '--nope'" },
      { args: ['put'], problem: "missing required argument 'file'" },
      { args: ['get', OBJECT], problem: "missing required argument 'file'" },
      { args: ['rm', OBJECT, OBJECT], problem: 'too many arguments' },
      { args: ['put', 'a', OBJECT, '--aes-key'], problem: "option '--aes-key <file>' argument missing" },
      { args: ['serve'], problem: "required option '--local <dir>' not specified" },
      ...['--secret-key', '--secret-id', '--token', '--passphrase', '--password'].map((option) => ({
        args: ['head', OBJECT, option, 'value-of-it'],
        problem: `unknown option '${option}'`,
      })),
    ]
    let results: CliResult[]
    before(async function () {
      this.timeout(60_000)
      results = await runBatch([
        ...cases.map(({ args }) => args),
        [],
        ['keygen'],
        ['head', OBJECT, '--json', '--nope'],
      ])
    })

    for (const [at, { args, problem }] of cases.entries()) {
      it(`end "${args.join(' ')}" with 2: ${problem}`, () => {
        const run = results[at]!
        expect(run).to.include({ code: 2, stdout: '' })
        expect(errorOf(run)).to.include(problem)
        expect(run.stderr).not.to.include('value-of-it')
      })
    }

    it('show help on standard error, and end with 2, where no command is named', () => {
      for (const run of results.slice(-3, -1)) {
        expect(run).to.include({ code: 2, stdout: '' })
        expect(run.stderr).to.match(/^Usage: sealstream/)
      }
    })

    it('are reported as JSON where --json is given', () => {
      const { code, stdout, stderr } = results.at(-1)!
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' })
      expect(stderr).to.match(/^\{"error":\{.*--nope.*\}\}\n$/)
    })
  })
})

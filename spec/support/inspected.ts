/** What `sealstream inspect` says: the same as text and as JSON, all of it, and no secret. */
import { expect } from 'chai'
import { cliKeys } from './cli-fixture.js'
import type { RawObject } from './cli-store.js'
import { bytesOf, foreignObjects, type Writer } from './foreign-objects.js'
import { type CliResult, jsonLines } from './run-cli.js'
import { expectNoTrace } from './secrecy.js'
import type { ObjectCase } from './vectors.js'

/** What it says, by name. */
export type Facts = Record<string, unknown>

/** What one run says as text and another as JSON, each line of the one a fact of the other. */
export function factsOf(text: CliResult, json: CliResult): Facts {
  for (const { code, stderr } of [text, json]) {
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
  }
  const [facts = {}, ...more] = jsonLines(json.stdout)
  expect(more).to.deep.equal([])
  const lines = text.stdout.trimEnd().split('\n')
  const shown = Object.entries(facts).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each: unknown, index) => [
      index === 0 ? name : '',
      typeof each === 'string' ? each : JSON.stringify(each),
    ]),
  )
  expect(lines.map((line) => [line.slice(0, line.indexOf(' ')), line.replace(/^\S* +/, '')])).to.deep.equal(
    shown,
  )
  return facts
}

/** No wrapped key or IV in any form, and no master key, was printed. */
export function expectSecretsHidden(runs: readonly CliResult[], { headers }: RawObject): void {
  const output = runs.map(({ stdout, stderr }) => stdout + stderr).join('')
  const secrets = Object.entries(headers)
    .filter(([name]) => /^x-cos-meta-.*(-key|-key-v2|-iv|-start|-recipient-\d+)$/.test(name))
    .map(([, value]) => value.split('.').at(-1) ?? '')
  expect(secrets.length).to.be.greaterThan(0)
  for (const secret of secrets) {
    expectNoTrace(output, Buffer.from(secret), 'inspect')
    expectNoTrace(output, Buffer.from(secret, 'base64'), 'inspect')
  }
  expectNoTrace(output, Buffer.from(cliKeys().aesText, 'base64'), 'inspect')
}

/** Facts that matter, exactly; the sizes of envelopes and of blobs are counted, or left to the KMS. */
export function expectFacts(found: Facts, expected: Facts, { headers }: RawObject): void {
  const { envelopeBytes, recipients, ...rest } = found
  const { envelopeBytes: size, recipients: expectedRecipients, ...expectedRest } = expected
  expect(rest).to.deep.equal(expectedRest)
  const counted = Object.entries(headers)
    .filter(([name]) => name.startsWith('x-cos-meta-'))
    .reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  expect(envelopeBytes).to.equal(size ?? counted)
  const withSizes = (expectedRecipients as Facts[]).map((facts, index) =>
    'wrappedKeyBytes' in facts
      ? facts
      : { ...facts, wrappedKeyBytes: (recipients as Facts[])[index]?.wrappedKeyBytes },
  )
  expect(recipients).to.deep.equal(withSizes)
}

/** An object that an SDK wrote. */
export function vectorCase(writer: Writer, name: string): ObjectCase {
  return foreignObjects(writer).find((each) => each.name === name)!
}

/** The same as it lies in the store. */
export function vector(writer: Writer, name: string): RawObject {
  const found = vectorCase(writer, name)
  return { headers: found.metadata, body: bytesOf(found).stored }
}

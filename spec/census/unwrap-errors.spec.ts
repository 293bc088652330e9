/** Data keys that do not unwrap: whatever the reason, the error says the same, and carries nothing that tells (RULES 4.2). */
import { generateKeyPairSync } from 'node:crypto'
import { expect } from 'chai'
import { openEnvelope } from '../../lib/envelope/envelope.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { Keyring } from '../../lib/keys/keyring.js'
import type { MasterKey, Wrapped } from '../../lib/keys/master-key.js'
import { RsaMasterKey, type RsaPadding } from '../../lib/keys/rsa-master-key.js'
import { refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'
import { aesFailures, rsaFailures, type FailureClass, type RsaForm } from '../support/unwrap-failures.js'

const OWN = generateKeyPairSync('rsa', { modulusLength: 2048 })
const STRANGER = generateKeyPairSync('rsa', { modulusLength: 2048 })

const MESSAGE = 'the data key could not be unwrapped: wrong master key, or altered envelope'
const HINT = /padding: 'any'/

const FORMS: readonly RsaForm[] = [
  { format: 'sealed', scheme: 'rsa-oaep-sha256' },
  { format: 'cos', scheme: 'rsa-oaep-sha1' },
  { format: 'cos-python', scheme: 'rsa-oaep-sha1', alternatives: ['rsa-pkcs1'] },
  { format: 'cos-java-gcm', scheme: 'rsa-oaep-sha256-mgf1-sha1', alternatives: ['rsa-oaep-sha256'] },
]

/** Everything that a caller can see of an error, but for the places in its stack. */
async function appearance(unwrap: () => Promise<unknown>): Promise<object> {
  const error = await refused('SEALSTREAM_UNWRAP', unwrap)
  const fields = Reflect.ownKeys(error).map((name) => [String(name), Reflect.get(error, name) as unknown])
  const { stack: _, ...seen } = Object.fromEntries(fields) as Record<string, unknown>
  return { ...seen, shown: String(error), json: JSON.stringify(error) }
}

/** The lines of its stack within this package. */
async function places(unwrap: () => Promise<unknown>): Promise<string[]> {
  const { stack = '' } = await refused('SEALSTREAM_UNWRAP', unwrap)
  return stack.split('\n').filter((line) => line.includes('/lib/'))
}

/** Each class once with the same bytes; the classes that a reader is shown are those it fails on. */
async function failing(classes: readonly FailureClass[], reader: MasterKey): Promise<[string, Wrapped][]> {
  const found: [string, Wrapped][] = []
  const random = new Seeded(660)
  for (const { name, make } of classes) {
    const wrapped = await make((length) => random.bytes(length))
    const isRight = await reader.unwrap(wrapped).then(
      () => true,
      () => false,
    )
    if (!isRight) found.push([name, wrapped])
  }
  return found
}

describe('census: the error for a data key that does not unwrap', () => {
  for (const form of FORMS) {
    for (const padding of ['oaep', 'pkcs1', 'any'] satisfies RsaPadding[]) {
      const reader = RsaMasterKey.from({ privateKey: OWN.privateKey, padding })
      const classes = rsaFailures(OWN.publicKey, STRANGER.publicKey, form)
      const isHinted = form.format === 'cos-python' && padding === 'oaep'

      it(`is one for ${classes.length} reasons: ${form.format} under RSA, padding ${padding}${isHinted ? ', with a hint' : ''}`, async () => {
        const found = await failing(classes, reader)
        expect(found.map(([name]) => name)).to.deep.equal(classes.map(({ name }) => name))
        const stacks = new Set<string>()
        for (const [name, wrapped] of found) {
          const { hint, ...seen } = (await appearance(() => reader.unwrap(wrapped))) as { hint?: string }
          expect(seen, name).to.deep.equal({
            message: MESSAGE,
            name: 'KeyError',
            code: 'SEALSTREAM_UNWRAP',
            shown: `KeyError: ${MESSAGE}`,
            json: JSON.stringify({
              code: 'SEALSTREAM_UNWRAP',
              name: 'KeyError',
              ...(hint === undefined ? {} : { hint }),
            }),
          })
          expect(hint !== undefined && HINT.test(hint), name).to.equal(isHinted)
          stacks.add((await places(() => reader.unwrap(wrapped))).join('\n'))
        }
        expect(stacks.size, 'places where it is thrown').to.equal(1)
      })
    }
  }

  for (const format of ['cos', 'sealed'] as const) {
    const reader = AesMasterKey.from(new Seeded(661).bytes(32))
    const classes = aesFailures(reader, AesMasterKey.from(new Seeded(662).bytes(32)), format)

    it(`is one for ${classes.length} reasons: ${format} under AES`, async () => {
      const found = await failing(classes, reader)
      expect(found.map(([name]) => name)).to.deep.equal(classes.map(({ name }) => name))
      for (const [name, wrapped] of found) {
        expect(await appearance(() => reader.unwrap(wrapped)), name).to.deep.equal({
          message: MESSAGE,
          name: 'KeyError',
          code: 'SEALSTREAM_UNWRAP',
          shown: `KeyError: ${MESSAGE}`,
          json: '{"code":"SEALSTREAM_UNWRAP","name":"KeyError"}',
        })
      }
    })
  }

  it('is the same through openEnvelope and through a Keyring', async () => {
    const form: RsaForm = { format: 'cos-python', scheme: 'rsa-oaep-sha1', alternatives: ['rsa-pkcs1'] }
    const reader = RsaMasterKey.from({ privateKey: OWN.privateKey, padding: 'any' })
    const keyring = new Keyring({ write: reader, read: [AesMasterKey.from(new Seeded(663).bytes(32))] })
    const prefix = 'x-cos-meta-client-side-encryption-'
    const seen = new Set<string>()
    for (const [, { key, iv }] of await failing(
      rsaFailures(OWN.publicKey, STRANGER.publicKey, form),
      reader,
    )) {
      const metadata = {
        [`${prefix}key`]: Buffer.from(key).toString('base64'),
        [`${prefix}iv`]: Buffer.from(iv).toString('base64'),
      }
      for (const master of [reader, keyring]) {
        seen.add(JSON.stringify(await appearance(() => openEnvelope(metadata, master, { policy: 'any' }))))
      }
    }
    expect(seen.size).to.equal(1)
  })
})

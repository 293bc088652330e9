/** Which formats a reader takes is its own choice: nothing in an object changes it, and nothing else gives out a byte. */
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import type { Policy } from '../../lib/envelope/policy.js'
import { createEnvelope } from '../../lib/envelope/envelope.js'
import type { ErrorCode } from '../../lib/errors.js'
import type { Format } from '../../lib/crypto/format.js'
import { AES_256, RSA_2048, rsaPublicOnly } from '../support/encrypting-masters.js'
import { foreignObjects, masterOf } from '../support/foreign-objects.js'
import { ONE_OF_EACH, rawObject, SEALED, WRITERS, writing } from '../support/format-writers.js'
import { READ_OPERATIONS } from '../support/read-operations.js'
import { refused } from '../support/refused.js'
import { content, transferBench } from '../support/transfers.js'

const PLAIN = content(40_000, 2)
const PREFIX = 'sealstream-'

describe('policy', () => {
  const bench = transferBench({}, { once: true })

  /** Each way of reading fails so, and gives nothing out. */
  async function expectNothing(client: CosEncryptionClient, code: ErrorCode, more = {}): Promise<void> {
    for (const [name, read] of Object.entries(READ_OPERATIONS)) {
      let given = 0
      const take = (bytes: Buffer): void => void (given += bytes.length)
      const before = bench.count('getObject', 206)
      const error = await refused(code, () => read(client, { take, path: bench.path('f'), more }))
      expect(given, name).to.equal(0)
      if (code === 'SEALSTREAM_POLICY') expect(error.message).to.include('option policy')
      const isRanged = !['getObject', 'createReadStream', 'verify'].includes(name)
      if (code !== 'SEALSTREAM_COMMITMENT' && isRanged) {
        expect(bench.count('getObject', 206), `${name}: not even asked for`).to.equal(before)
      }
    }
    expect(await bench.names()).to.deep.equal([])
  }

  async function expectRead(client: CosEncryptionClient, format: Format): Promise<void> {
    const got = await client.getObject({ Key: 'k' })
    expect(got.format).to.equal(format)
    expect(Buffer.from(await got.Body.transformToByteArray()).equals(PLAIN)).to.equal(true)
  }

  for (const writer of WRITERS.filter(({ format }) => format !== 'sealed')) {
    it(`authenticated gives out no byte of ${writer.name}`, async () => {
      await writing(bench, writer).putObject({ Key: 'k', Body: PLAIN })
      await expectNothing(writing(bench, writer, { policy: 'authenticated' }), 'SEALSTREAM_POLICY', {
        releaseUnverified: true,
      })
      // It is the default of who writes sealed.
      const masterKey = writer.masterKey(bench)
      const sealing = bench.encrypting({ format: 'sealed', masterKey })
      await expectNothing(sealing, 'SEALSTREAM_POLICY', { releaseUnverified: true })
      const error = await refused('SEALSTREAM_POLICY', () => sealing.getObject({ Key: 'k' }))
      expect(error.message).to.include(`is ${writer.format};`)
      await refused('SEALSTREAM_POLICY', () => sealing.rewrap({ Key: 'k', masterKey }))
    })
  }

  for (const name of ['cbc-aeswrap256-4096', 'gcm-rsa2048-65543', 'ctr-rsa2048-instruction-file-100']) {
    it(`authenticated gives out no byte of ${name} of the COS Java SDK`, async () => {
      const object = foreignObjects('cos-java-sdk').find((each) => each.name === name)!
      const Body = Buffer.from(object.ciphertext, 'base64')
      await bench.plain().putObject({ Key: 'k', Body, Metadata: object.metadata })
      const isInstructed = object.instructionBody !== undefined
      if (isInstructed) await bench.plain().putObject({ Key: 'k.instruction', Body: object.instructionBody! })
      const client = bench.encrypting({ format: 'sealed', masterKey: masterOf(object.master) })
      const more = isInstructed ? { InstructionFile: true } : {}
      await expectNothingOf(client, more)
    })
  }

  /** An instruction file is fetched by a GET of its own. */
  async function expectNothingOf(client: CosEncryptionClient, more: object): Promise<void> {
    for (const read of Object.values(READ_OPERATIONS)) {
      let given = 0
      const take = (bytes: Buffer): void => void (given += bytes.length)
      await refused('SEALSTREAM_POLICY', () => read(client, { take, path: bench.path('f'), more }))
      expect(given).to.equal(0)
    }
  }

  it('any takes every format, and a list those that it names', async () => {
    for (const writer of ONE_OF_EACH) {
      await writing(bench, writer).putObject({ Key: 'k', Body: PLAIN })
      const others = ONE_OF_EACH.filter((other) => other !== writer).map(({ format }) => format)
      const accepting: Policy[] = ['any', [writer.format], [...others, writer.format]]
      for (const policy of accepting) await expectRead(writing(bench, writer, { policy }), writer.format)
      await expectNothing(writing(bench, writer, { policy: others }), 'SEALSTREAM_POLICY')
    }
  })

  describe('where somebody gave a sealed object other headers', () => {
    let client: CosEncryptionClient
    let original: Awaited<ReturnType<typeof rawObject>>
    let rsaEnvelope: Record<string, string>
    before(async () => {
      const masterKey = RSA_2048.masterKey()
      client = bench.encrypting({ format: 'sealed', masterKey })
      await client.putObject({ Key: 'other', Body: PLAIN })
      await client.putObject({ Key: 'k', Body: PLAIN })
      original = await rawObject(bench)
      rsaEnvelope = (await createEnvelope(rsaPublicOnly(), { format: 'cos' })).metadata
    })

    /** Stores the object with other metadata, by a copy onto itself. */
    const restate = (Metadata: Record<string, string>): Promise<unknown> =>
      bench.plain().copyObject({
        Key: 'k',
        CopySource: { Key: 'k' },
        MetadataDirective: 'Replaced',
        Metadata,
      })
    const sealed = (more: Record<string, string | undefined>): Record<string, string> =>
      Object.fromEntries(
        Object.entries({ ...original.metadata, ...more }).filter(([, value]) => value !== undefined),
      ) as Record<string, string>

    const rewritten: Readonly<Record<string, [make: () => Promise<object> | object, code: ErrorCode]>> = {
      'none at all': [() => ({ colour: 'blue' }), 'SEALSTREAM_ENVELOPE_MISSING'],
      'those of cos, made with the public key': [() => rsaEnvelope, 'SEALSTREAM_POLICY'],
      'those of cos-java-gcm, made with the public key': [
        async () => (await createEnvelope(rsaPublicOnly(), { format: 'cos-java-gcm' })).metadata,
        'SEALSTREAM_POLICY',
      ],
      'those of cos-python, made with the public key': [
        async () => (await createEnvelope(rsaPublicOnly(), { format: 'cos-python' })).metadata,
        'SEALSTREAM_POLICY',
      ],
      'those of cos beside its own': [() => sealed(rsaEnvelope), 'SEALSTREAM_AMBIGUOUS_ENVELOPE'],
      'an old one beside its own': [
        () => sealed({ 'x-cos-key-v2': 'AAAA' }),
        'SEALSTREAM_AMBIGUOUS_ENVELOPE',
      ],
      'another version': [() => sealed({ [`${PREFIX}version`]: '2' }), 'SEALSTREAM_UNKNOWN_ALGORITHM'],
      'another content algorithm': [
        () => sealed({ [`${PREFIX}content`]: 'AES/CTR/NoPadding' }),
        'SEALSTREAM_UNKNOWN_ALGORITHM',
      ],
      'no version': [() => sealed({ [`${PREFIX}version`]: undefined }), 'SEALSTREAM_ENVELOPE_MALFORMED'],
      'no recipient': [
        () => sealed({ [`${PREFIX}recipient-1`]: undefined }),
        'SEALSTREAM_ENVELOPE_MALFORMED',
      ],
      'a gap in its recipients': [
        () =>
          sealed({
            [`${PREFIX}recipient-1`]: undefined,
            [`${PREFIX}recipient-2`]: original.metadata[`${PREFIX}recipient-1`],
          }),
        'SEALSTREAM_ENVELOPE_MALFORMED',
      ],
      'one that is not part of the format': [
        () => sealed({ [`${PREFIX}policy`]: 'any' }),
        'SEALSTREAM_ENVELOPE_MALFORMED',
      ],
      'those of another object': [
        async () => (await rawObject(bench, 'other')).metadata,
        'SEALSTREAM_COMMITMENT',
      ],
      'a recipient that nobody here has': [
        async () => (await createEnvelope(AES_256.masterKey(), { format: 'sealed' })).metadata,
        'SEALSTREAM_KEY_KIND',
      ],
    }
    for (const [title, [make, code]] of Object.entries(rewritten)) {
      it(`${title}: ${code}, and no byte, whichever way it is read`, async () => {
        await restate((await make()) as Record<string, string>)
        await expectNothing(client, code)
        await restate(original.metadata)
        await expectRead(client, 'sealed')
      })
    }

    it('a recipient more, or user metadata: it is read as before', async () => {
      await restate({ ...original.metadata, colour: 'blue' })
      const head = await client.headObject({ Key: 'k' })
      expect(head.Metadata).to.deep.equal({ colour: 'blue' })
      await expectRead(client, 'sealed')
      const stranger = (await createEnvelope(AES_256.otherKey(), { format: 'sealed' })).metadata
      const value = Object.entries(stranger).find(([name]) => name.endsWith('recipient-1'))![1]
      await restate(sealed({ [`${PREFIX}recipient-2`]: value }))
      await expectRead(client, 'sealed')
    })

    it('and other bytes, in another format under the public key: refused by the policy alone', async () => {
      const attacker = bench.encrypting({ format: 'cos', masterKey: rsaPublicOnly() })
      await attacker.putObject({ Key: 'k', Body: 'forged' })
      await expectNothing(client, 'SEALSTREAM_POLICY')
      // Who asks for any gets what anybody could have written.
      const trusting = bench.encrypting({ format: 'cos', masterKey: RSA_2048.masterKey() })
      const { Body, authenticated } = await trusting.getObject({ Key: 'k' })
      expect([await Body.transformToString(), authenticated]).to.deep.equal(['forged', false])
      await writing(bench, SEALED).deleteObject({ Key: 'k' })
    })
  })
})

/** The encryption context of format sealed: bound to the bytes, stored nowhere. */
import { inspect } from 'node:util'
import { expect } from 'chai'
import type { EncryptionContext } from '../../lib/crypto/encryption-context.js'
import { createEnvelope, openEnvelope } from '../../lib/envelope/envelope.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { Seeded } from '../support/seeded.js'

const PLAIN = new Seeded(450).bytes(20_000)
const MASTER = AesMasterKey.generate()
const wrong = (value: unknown): never => value as never

interface Sealed {
  readonly metadata: Record<string, string>
  readonly stored: Buffer
}

async function write(context?: EncryptionContext): Promise<Sealed> {
  const options = context === undefined ? {} : { context }
  const { dataKey, metadata } = await createEnvelope(MASTER, { format: 'sealed', ...options })
  return { metadata, stored: runCipher(dataKey.encryptor(), [PLAIN]) }
}

async function read({ metadata, stored }: Sealed, context?: EncryptionContext): Promise<Buffer> {
  const options = context === undefined ? {} : { context }
  const { dataKey } = await openEnvelope(metadata, MASTER, { policy: 'authenticated', ...options })
  return runCipher(dataKey.decryptor(), [stored])
}

/** Written with the first, read with the second. */
const SAME: readonly [EncryptionContext | undefined, EncryptionContext | undefined][] = [
  [undefined, undefined],
  [undefined, {}],
  [{}, undefined],
  [
    { a: '1', b: '2' },
    { b: '2', a: '1' },
  ],
  [
    { '10': 'x', '9': 'y' },
    { '9': 'y', '10': 'x' },
  ],
  [{ '': '' }, { '': '' }],
  [{ kms_cmk_id: 'k' }, { kms_cmk_id: 'k' }],
]
const DIFFERENT: readonly [EncryptionContext | undefined, EncryptionContext | undefined][] = [
  [{ a: '1' }, undefined],
  [undefined, { a: '1' }],
  [{ a: '1' }, { a: '2' }],
  [{ a: '1' }, { b: '1' }],
  [{ a: '1' }, { A: '1' }],
  [{ a: '1' }, { a: '1', b: '2' }],
  [{ a: '1', b: '2' }, { a: '1' }],
  [
    { a: '1', b: '2' },
    { a: '2', b: '1' },
  ],
  [{ a: 'bc' }, { ab: 'c' }],
  [{ a: '', b: '' }, { ab: '' }],
  [{ a: '1' }, { a: '1 ' }],
  // The same to the eye: nothing is normalised.
  [{ a: '\u00e9' }, { a: 'e\u0301' }],
  [{ '': '' }, {}],
  [{ kms_cmk_id: 'k' }, {}],
]

describe('an encryption context of format sealed', () => {
  for (const [written, given] of SAME) {
    it(`${inspect(written)} opens with ${inspect(given)}`, async () => {
      expect((await read(await write(written), given)).equals(PLAIN)).to.equal(true)
    })
  }

  for (const [written, given] of DIFFERENT) {
    it(`${inspect(written)} is refused with ${inspect(given)} when the first bytes are read`, async () => {
      const sealed = await write(written)
      const error = await refused('SEALSTREAM_COMMITMENT', () => read(sealed, given))
      expect(error.hint).to.include('context')
    })
  }

  it('is refused for a range, too, and by readHead', async () => {
    const { metadata, stored } = await write({ a: '1' })
    const opened = await openEnvelope(metadata, MASTER, { policy: 'any', context: { a: '2' } })
    const head = stored.subarray(0, 56)
    await refused('SEALSTREAM_COMMITMENT', () => opened.dataKey.readHead(head))
    await refused('SEALSTREAM_COMMITMENT', () =>
      opened.dataKey.decryptor({ start: 16_384, end: 16_400, head }),
    )
  })

  it('is what the data key carries, as a copy', async () => {
    const context = { a: '1' }
    const { dataKey, metadata } = await createEnvelope(MASTER, { format: 'sealed', context })
    const opened = await openEnvelope(metadata, MASTER, { policy: 'any', context })
    context.a = '2'
    expect([dataKey.context, opened.dataKey.context]).to.deep.equal([{ a: '1' }, { a: '1' }])
  })

  it('of __proto__ counts', async () => {
    const context = JSON.parse('{"__proto__":"x"}') as EncryptionContext
    const sealed = await write(context)
    expect((await read(sealed, context)).equals(PLAIN)).to.equal(true)
    await refused('SEALSTREAM_COMMITMENT', () => read(sealed, {}))
  })
})

describe('what is no encryption context', () => {
  const refusedContexts: Readonly<Record<string, unknown>> = {
    null: null,
    'a text': 'a=1',
    'a list': ['a'],
    'a number as value': { a: 1 },
    'an undefined value': { a: undefined },
    'a nested object': { a: { b: 'c' } },
    'half of a surrogate pair as value': { a: '\ud800' },
    'half of a surrogate pair as name': { '\udc00': 'a' },
    'a value of 65,536 bytes': { a: 'x'.repeat(65_536) },
    'a name of 65,536 bytes in 32,768 letters': { ['é'.repeat(32_768)]: 'a' },
  }
  for (const [title, context] of Object.entries(refusedContexts)) {
    for (const format of ['sealed', 'cos'] as const) {
      it(`is refused when writing ${format} and when reading: ${title}`, async () => {
        const written = { format, context: wrong(context) }
        const error = await refused('SEALSTREAM_OPTION', () => createEnvelope(MASTER, written))
        expect(error)
          .to.have.property('option')
          .that.matches(/^context/)
        const { metadata } = await createEnvelope(MASTER, { format })
        const reading = { policy: 'any' as const, context: wrong(context) }
        await refused('SEALSTREAM_OPTION', () => openEnvelope(metadata, MASTER, reading))
      })
    }
  }

  it('is none of 65,535 bytes, which is taken', async () => {
    const context = { ['n'.repeat(65_535)]: 'é'.repeat(32_767) }
    expect((await read(await write(context), context)).equals(PLAIN)).to.equal(true)
  })
})

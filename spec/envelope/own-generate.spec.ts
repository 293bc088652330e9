/** Master keys that users write with a generate of their own: a key service that makes the data key. */
import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import type { EncryptionContext } from '../../lib/crypto/encryption-context.js'
import type { Format } from '../../lib/crypto/format.js'
import { createEnvelope, openEnvelope } from '../../lib/envelope/envelope.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { Keyring } from '../../lib/keys/keyring.js'
import type { MasterKey, Wrapped } from '../../lib/keys/master-key.js'
import { refused } from '../support/refused.js'

type Generated = Awaited<ReturnType<NonNullable<MasterKey['generate']>>>
const wrong = (value: unknown): never => value as never
const aes = AesMasterKey.from(randomBytes(32))

/** Wraps as AES does, and writes down what it was asked. */
class Service implements MasterKey {
  readonly kind = 'aes'
  readonly id = 'service'
  readonly asked: string[] = []
  readonly #answer: (format: Format, context: EncryptionContext) => Promise<Generated>

  constructor(answer: (format: Format, context: EncryptionContext) => Promise<Generated> = made) {
    this.#answer = answer
  }

  generate(format: Format, context: EncryptionContext): Promise<Generated> {
    this.asked.push(`generate ${format} ${JSON.stringify(context)}`)
    return this.#answer(format, context)
  }

  wrap(dataKey: DataKey): Promise<Wrapped> {
    this.asked.push('wrap')
    return aes.wrap(dataKey)
  }

  unwrap(wrapped: Wrapped): Promise<DataKey> {
    return aes.unwrap(wrapped)
  }
}

async function made(format: Format, context: EncryptionContext): Promise<Generated> {
  const dataKey = DataKey.generate(format, context)
  return { dataKey, wrapped: await aes.wrap(dataKey) }
}

describe('a master key with a generate of its own', () => {
  it('is asked for each object, with its format and context, and not to wrap', async () => {
    const service = new Service()
    const { metadata } = await createEnvelope(service, { format: 'sealed', context: { a: '1' } })
    await createEnvelope(service, { format: 'cos' })
    expect(service.asked).to.deep.equal(['generate sealed {"a":"1"}', 'generate cos {}'])
    await openEnvelope(metadata, service, { policy: 'authenticated' })
  })

  it('makes the data key that the other recipients of a Keyring wrap, wherever it stands', async () => {
    const [one, two] = [AesMasterKey.generate(), AesMasterKey.generate()]
    for (const place of [0, 1, 2]) {
      const service = new Service()
      const write: MasterKey[] = [one, two]
      write.splice(place, 0, service)
      const { metadata } = await createEnvelope(new Keyring({ write }), { format: 'sealed' })
      expect(service.asked).to.deep.equal(['generate sealed {}'])
      for (const reader of write) await openEnvelope(metadata, reader, { policy: 'authenticated' })
    }
  })

  it('passes its error through', async () => {
    const service = new Service(() => Promise.reject(new Error('service gone')))
    const error: unknown = await createEnvelope(service, { format: 'cos' }).catch((thrown: unknown) => thrown)
    expect(error).to.include({ message: 'service gone' })
  })
})

describe('a master key whose generate answers with something else', () => {
  const create = (answer: (format: Format) => Promise<Generated>): unknown =>
    createEnvelope(new Service(answer), { format: 'sealed', context: { a: '1' } })

  it('is refused: a data key of another format than was asked for', async () => {
    const error = await refused('SEALSTREAM_OPTION', () => create(() => made('cos', {})))
    expect(error).to.include({ option: 'masterKey' })
  })

  it('is refused, or put right: a data key without the context', async () => {
    let context: EncryptionContext
    try {
      const created = await createEnvelope(new Service((format) => made(format, {})), {
        format: 'sealed',
        context: { a: '1' },
      })
      context = created.dataKey.context
    } catch (error) {
      expect(error).to.include({ code: 'SEALSTREAM_OPTION' })
      return
    }
    expect(context).to.deep.equal({ a: '1' })
  })

  for (const [title, answer] of Object.entries({
    null: null,
    'a text in place of all': 'key',
    'an empty object': {},
    'no data key': { dataKey: {}, wrapped: {} },
    'raw bytes': { dataKey: randomBytes(32), wrapped: {} },
    'a text': { dataKey: 'key', wrapped: {} },
  })) {
    it(`is refused: ${title}`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => create(async () => wrong(answer)))
      expect(error).to.include({ option: 'masterKey' })
    })
  }

  it('is asked to wrap where it answers with a data key alone, as if it had no generate', async () => {
    const service = new Service(async (format) => wrong({ dataKey: DataKey.generate(format) }))
    const { metadata } = await createEnvelope(service, { format: 'sealed' })
    expect(service.asked).to.deep.equal(['generate sealed {}', 'wrap'])
    await openEnvelope(metadata, service, { policy: 'authenticated' })
  })

  it('is refused: what it wrapped has another format', async () => {
    await refused('SEALSTREAM_OPTION', () =>
      create(async (format) => {
        const { wrapped } = await made('cos', {})
        return { dataKey: DataKey.generate(format), wrapped }
      }),
    )
  })
})

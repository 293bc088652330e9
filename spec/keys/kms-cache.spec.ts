/** The cache of KmsMasterKey, through what it asks of KMS: only unwrapping, and only where it is asked for (RULES 5.4). */
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { createEnvelope, openEnvelope, type CreatedEnvelope } from '../../lib/envelope/envelope.js'
import type { KmsMasterKey } from '../../lib/keys/kms-master-key.js'
import { kmsOfSpec } from '../support/kms-keys.js'
import { refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { Seeded } from '../support/seeded.js'

const PLAIN = new Seeded(560).bytes(1000)
const HOUR = 3_600_000

describe('the cache of KmsMasterKey', () => {
  const kms = kmsOfSpec()
  const write = async (
    master: KmsMasterKey,
    format: 'sealed' | 'cos' = 'sealed',
  ): Promise<CreatedEnvelope> => {
    const created = await createEnvelope(master, { format })
    kms.reset()
    return created
  }
  const read = async ({ metadata }: CreatedEnvelope, master: KmsMasterKey, times = 1): Promise<void> => {
    for (let time = 0; time < times; time++) await openEnvelope(metadata, master, { policy: 'any' })
  }

  for (const cache of [undefined, false]) {
    it(`is none with ${String(cache)}: every reading asks KMS`, async () => {
      const master = kms.key({ cache })
      await read(await write(master), master, 3)
      await kms.expectCalls({ Decrypt: 3 })
    })
  }

  for (const cache of [true, {}]) {
    it(`asks once for one object with ${JSON.stringify(cache)}, and the data key is right each time`, async () => {
      const master = kms.key({ cache })
      const created = await write(master)
      const stored = runCipher(created.dataKey.encryptor(), [PLAIN])
      for (let time = 0; time < 5; time++) {
        const { dataKey } = await openEnvelope(created.metadata, master, { policy: 'any' })
        expect(runCipher(dataKey.decryptor(), [stored]).equals(PLAIN)).to.equal(true)
        dataKey.dispose()
      }
      await kms.expectCalls({ Decrypt: 1 })
    })
  }

  it('asks once for each blob of cos: key and IV', async () => {
    const master = kms.key({ cache: true })
    await read(await write(master, 'cos'), master, 4)
    await kms.expectCalls({ Decrypt: 2 })
  })

  it('is not filled by writing: the first reading asks, and every writing calls GenerateDataKey', async () => {
    const master = kms.key({ cache: true })
    const created = await createEnvelope(master, { format: 'sealed' })
    await createEnvelope(master, { format: 'sealed' })
    await kms.expectCalls({ GenerateDataKey: 2 })
    await read(created, master)
    await kms.expectCalls({ GenerateDataKey: 2, Decrypt: 1 })
  })

  it('gives each object its own key', async () => {
    const master = kms.key({ cache: true })
    const [one, other] = [await write(master), await write(master)]
    await read(one, master, 2)
    await read(other, master, 2)
    await kms.expectCalls({ Decrypt: 2 })
  })

  it('asks again after as many uses as it is told', async () => {
    const master = kms.key({ cache: { uses: 3 } })
    await read(await write(master), master, 7)
    await kms.expectCalls({ Decrypt: 3 })
  })

  it('asks each time with one use', async () => {
    const master = kms.key({ cache: { uses: 1 } })
    await read(await write(master), master, 3)
    await kms.expectCalls({ Decrypt: 3 })
  })

  it('asks again after its time', async () => {
    const master = kms.key({ cache: { ttl: 20 } })
    const created = await write(master)
    await read(created, master)
    await delay(100)
    await read(created, master)
    await kms.expectCalls({ Decrypt: 2 })
  })

  it('keeps as many keys as it is told, and forgets the oldest', async () => {
    const master = kms.key({ cache: { entries: 2, ttl: HOUR } })
    const objects = [await write(master), await write(master), await write(master)]
    for (const object of objects) await read(object, master)
    for (const object of objects.slice(1)) await read(object, master)
    await kms.expectCalls({ Decrypt: 3 })
    await read(objects[0]!, master)
    await kms.expectCalls({ Decrypt: 4 })
  })

  it('is empty after close', async () => {
    const master = kms.key({ cache: true })
    const created = await write(master)
    await read(created, master, 2)
    master.close()
    await read(created, master)
    await kms.expectCalls({ Decrypt: 2 })
  })

  it('is each key its own', async () => {
    const [one, other] = [kms.key({ cache: true }), kms.key({ cache: true })]
    const created = await write(one)
    await read(created, one)
    await read(created, other)
    await kms.expectCalls({ Decrypt: 2 })
  })

  it('keeps no refusal: what did not open is asked for again', async () => {
    const master = kms.key({ cache: true })
    const { metadata } = await write(master)
    const name = 'x-cos-meta-sealstream-recipient-1'
    const altered = { ...metadata, [name]: `kms.key-1.${Buffer.from('nothing').toString('base64url')}` }
    for (let time = 0; time < 2; time++) {
      await refused('SEALSTREAM_UNWRAP', () => openEnvelope(altered, master, { policy: 'any' }))
    }
    await kms.expectCalls({ Decrypt: 2 })
  })

  it('keeps nothing of a call that failed', async () => {
    const master = kms.key({ cache: true, retry: { attempts: 1 } })
    const created = await write(master)
    kms.server().faults.add({ kind: 'internal-error', operation: 'kms:Decrypt' })
    await refused('SEALSTREAM_SERVICE', () => read(created, master))
    await read(created, master, 2)
    await kms.expectCalls({ Decrypt: 2 })
  })

  it('takes another description for another question', async () => {
    const master = kms.key({ cache: true })
    const { metadata } = await createEnvelope(master, { format: 'cos', context: { a: '1' } })
    kms.reset()
    await openEnvelope(metadata, master, { policy: 'any' })
    const altered = { ...metadata, 'x-cos-meta-client-side-encryption-matdesc': '{"a":"2"}' }
    await refused('SEALSTREAM_UNWRAP', () => openEnvelope(altered, master, { policy: 'any' }))
    await kms.expectCalls({ Decrypt: 4 })
  })
})

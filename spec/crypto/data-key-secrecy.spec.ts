import { inspect } from 'node:util'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import { FORMATS, FORMAT_NAMES } from '../../lib/crypto/format.js'
import { ctrModel } from '../support/ctr-model.js'
import { failureOf } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { expectNoTrace, PRINTERS } from '../support/secrecy.js'
import { Seeded } from '../support/seeded.js'

const random = new Seeded(50)
const KEY = random.bytes(32)
const IV = random.bytes(16)
const PLAIN = random.bytes(1000)
const CIPHER = ctrModel(KEY, IV, PLAIN)

const dataKey = (): DataKey => DataKey.from({ format: 'cos', key: KEY, iv: IV })

describe('DataKey withBytes', () => {
  it('shows the key and the IV', async () => {
    await dataKey().withBytes((key, iv) => {
      expect([key.equals(KEY), iv.equals(IV)]).to.deep.equal([true, true])
    })
  })

  it('returns what the function returned', async () => {
    expect(await dataKey().withBytes(() => 42)).to.equal(42)
  })

  it('wipes the copy of the key afterwards', async () => {
    let shown: Buffer = Buffer.alloc(0)
    await dataKey().withBytes((key) => void (shown = key))
    expect(shown.equals(Buffer.alloc(32))).to.equal(true)
  })

  it('wipes the copy of the IV afterwards', async () => {
    let shown: Buffer = Buffer.alloc(0)
    await dataKey().withBytes((_, iv) => void (shown = iv))
    expect(shown.equals(Buffer.alloc(16))).to.equal(true)
  })

  it('wipes the copy of the key when the function throws', async () => {
    let shown: Buffer = Buffer.alloc(0)
    const failed = await dataKey()
      .withBytes((key) => {
        shown = key
        throw new Error('no')
      })
      .catch((error: unknown) => error)
    expect(failed).to.include({ message: 'no' })
    expect(shown.equals(Buffer.alloc(32))).to.equal(true)
  })

  it('wipes the copy of the key only after a promise of the function has settled', async () => {
    await dataKey().withBytes(async (key) => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      expect(key.equals(KEY)).to.equal(true)
    })
  })

  it('stays usable when its copies are overwritten', async () => {
    const made = dataKey()
    await made.withBytes((key, iv) => {
      key.fill(1)
      iv.fill(1)
    })
    expect(runCipher(made.encryptor(), [PLAIN]).equals(CIPHER)).to.equal(true)
  })
})

describe('DataKey secrecy', () => {
  const used = dataKey()
  const subjects: Record<string, object> = {
    'a data key': used,
    'an encryptor': used.encryptor(),
    'a decryptor': used.decryptor(),
    'a bounded decryptor': used.decryptor({ start: 3, end: 5 }),
  }
  for (const format of FORMAT_NAMES.filter((name) => name !== 'cos')) {
    const iv = random.bytes(FORMATS[format].cipher.ivBytes)
    const made = DataKey.from({ format, key: KEY, iv })
    subjects[`a data key of ${format}`] = made
    subjects[`a decryptor of ${format}`] = made.decryptor()
    if (FORMATS[format].isWritable) subjects[`an encryptor of ${format}`] = made.encryptor()
  }
  // Under way: it has derived keys, and holds plaintext that has not come to a chunk.
  const sealing = DataKey.from({ format: 'sealed', key: KEY, iv: random.bytes(24) }).encryptor()
  sealing.update(KEY)
  subjects['an encryptor of sealed that holds plaintext'] = sealing
  for (const [subject, object] of Object.entries(subjects)) {
    for (const [printer, print] of Object.entries(PRINTERS)) {
      it(`hides key and IV of ${subject} from ${printer}`, () => {
        const text = print(object)
        expectNoTrace(text, KEY, printer)
        expectNoTrace(text, IV, printer)
      })
    }
  }

  for (const printer of ['util.inspect', 'JSON.stringify', 'structuredClone', 'v8.serialize', 'spread']) {
    it(`would be seen to fail: ${printer} of an object that does not hide its key shows it`, () => {
      const text = PRINTERS[printer]!({ key: KEY })
      expect(() => expectNoTrace(text, KEY, printer)).to.throw('shows the secret')
    })
  }

  it('says in util.inspect that the key is hidden', () => {
    expect(inspect(dataKey())).to.equal("DataKey { format: 'cos', key: <hidden> }")
  })

  it('says in JSON that the key is hidden', () => {
    expect(JSON.parse(JSON.stringify(dataKey()))).to.deep.equal({ format: 'cos', key: '<hidden>' })
  })

  it('shows neither salt nor context of a sealed one where it is printed', () => {
    const made = DataKey.generate('sealed', { tenant: 'somebody' })
    expect(inspect(made)).to.equal("DataKey { format: 'sealed', key: <hidden> }")
    expect(JSON.stringify(made)).to.equal('{"format":"sealed","key":"<hidden>"}')
  })

  it('has format and context as its only keys', () => {
    expect(Reflect.ownKeys(dataKey())).to.deep.equal(['format', 'context'])
  })

  it('shows no bytes in the error for a key of 31 bytes', async () => {
    const error = await failureOf(() => DataKey.from({ format: 'cos', key: KEY.subarray(0, 31), iv: IV }))
    expectNoTrace(inspect(error, { depth: 10 }), KEY, 'the error')
  })
})

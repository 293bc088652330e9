/** Objects of the COS SDKs that must not open: the wrong padding, key, kind or policy, and what was altered. */
import { expect } from 'chai'
import { openEnvelope } from '../../lib/envelope/envelope.js'
import { KeyError } from '../../lib/errors.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import {
  bytesOf,
  FakeKmsMasterKey,
  foreignObjects,
  isPkcs1,
  masterOf,
  openForeign,
} from '../support/foreign-objects.js'
import { failureOf, refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { testPair } from '../support/test-keys.js'

const PYTHON = foreignObjects('cos-python-sdk')
const JAVA = foreignObjects('cos-java-sdk').filter(({ instructionBody }) => instructionBody === undefined)
const GO = foreignObjects('cos-go-sdk')

const byValue = PYTHON.filter(isPkcs1)
describe(`${byValue.length} objects of the COS Python SDK under RSA keys given by value`, () => {
  for (const object of byValue) {
    it(`opens ${object.name} with padding 'any' and with 'pkcs1', to the same bytes`, async () => {
      const { plain, stored } = bytesOf(object)
      for (const padding of ['any', 'pkcs1'] as const) {
        const { dataKey, keyVerified } = await openForeign(object, padding)
        expect(keyVerified).to.equal(true)
        expect(runCipher(dataKey.decryptor(), [stored]).equals(plain)).to.equal(true)
      }
    })

    it(`refuses ${object.name} with padding 'oaep'; the hint names the option, the padding and its writer`, async () => {
      const error = await refused('SEALSTREAM_UNWRAP', () => openForeign(object, 'oaep'))
      expect(error).to.be.instanceOf(KeyError)
      expect(error.hint).to.include("padding: 'any'").and.to.include('PKCS#1 v1.5')
      expect(error.hint).to.include('COS Python SDK')
    })
  }
})

const byPath = PYTHON.filter((object) => object.master.kind === 'rsa' && !isPkcs1(object))
describe(`${byPath.length} objects of the COS Python SDK under RSA keys given by path`, () => {
  for (const object of byPath) {
    it(`opens ${object.name} with padding 'any'`, async () => {
      await openForeign(object, 'any')
    })

    it(`refuses ${object.name} with padding 'pkcs1', without a hint of another padding`, async () => {
      const error = await refused('SEALSTREAM_UNWRAP', () => openForeign(object, 'pkcs1'))
      expect(error.hint).to.equal(undefined)
    })
  }
})

describe('objects of the COS SDKs under the wrong key', () => {
  const rsa = RsaMasterKey.from({ ...testPair('3072'), padding: 'any' })
  for (const object of [...PYTHON, ...JAVA]) {
    const { name, master } = object
    if (master.kind === 'fake-kms') continue
    const isPythonAes = 'x-cos-meta-client-side-encryption-iv' in object.metadata && master.kind === 'aes'
    const wrong = master.kind === 'aes' ? AesMasterKey.generate() : rsa
    const open = (): ReturnType<typeof openForeign> => openEnvelope(object.metadata, wrong, { policy: 'any' })

    if (isPythonAes) {
      it(`opens ${name} to wrong bytes, with keyVerified false (RULES 4.3)`, async () => {
        const { plain, stored } = bytesOf(object)
        const { dataKey, keyVerified } = await open()
        expect(keyVerified).to.equal(false)
        const output = runCipher(dataKey.decryptor(), [stored])
        expect(output.length).to.equal(plain.length)
        if (plain.length >= 15) expect(output.equals(plain)).to.equal(false)
      })
      continue
    }
    it(`refuses ${name}`, async () => {
      await refused('SEALSTREAM_UNWRAP', open)
    })
  }
})

describe('objects of the COS SDKs under a key of another kind', () => {
  const kinds = {
    aes: AesMasterKey.generate(),
    rsa: RsaMasterKey.from(testPair('2048')),
    'fake-kms': new FakeKmsMasterKey(),
  }
  for (const { name, master, metadata } of [...PYTHON, ...JAVA, ...GO]) {
    it(`refuses ${name} and names both kinds`, async () => {
      for (const [kind, key] of Object.entries(kinds)) {
        if (kind === master.kind) continue
        const error = await refused('SEALSTREAM_KEY_KIND', () =>
          openEnvelope(metadata, key, { policy: 'any' }),
        )
        for (const each of [kind, master.kind]) {
          expect(error.message).to.include(each.replace('fake-', '').toUpperCase())
        }
      }
    })
  }
})

describe('the description of objects under KMS', () => {
  for (const object of [...JAVA, ...GO].filter(({ master }) => master.kind === 'fake-kms')) {
    const stated = object.metadata['x-cos-meta-client-side-encryption-matdesc']

    it(`is given to the master key as it stands in the headers of ${object.name}: ${stated ?? 'none'}`, async () => {
      const kms = new FakeKmsMasterKey()
      await openEnvelope(object.metadata, kms, { policy: 'any' })
      expect(kms.descriptions).to.deep.equal([stated])
    })
  }
})

describe('policies and objects of the COS SDKs', () => {
  const examples = {
    'cos-python': 'aes256-17',
    cos: 'ctr-aeswrap256-17',
    'cos-java-gcm': 'gcm-rsa2048-17',
    'cos-java-cbc': 'cbc-aeswrap256-17',
  }
  for (const [format, name] of Object.entries(examples)) {
    const object = [...PYTHON, ...JAVA].find((each) => each.name === name)!
    const key = masterOf(object.master)

    for (const other of Object.keys(examples) as (keyof typeof examples)[]) {
      it(`a policy of [${other}] ${other === format ? 'accepts' : 'refuses'} ${name}, which is ${format}`, async () => {
        const open = (): unknown => openEnvelope(object.metadata, key, { policy: [other] })
        if (other === format) await open()
        else expect((await refused('SEALSTREAM_POLICY', open)).message).to.include(`${format};`)
      })
    }

    it(`the policy authenticated refuses ${name}, which is ${format}`, async () => {
      await refused('SEALSTREAM_POLICY', () =>
        openEnvelope(object.metadata, key, { policy: 'authenticated' }),
      )
    })
  }
})

const gcm = JAVA.filter(({ name }) => name.startsWith('gcm'))
describe(`${gcm.length} objects in GCM mode`, () => {
  for (const object of gcm) {
    const { stored } = bytesOf(object)

    it(`gives nothing of ${object.name} with a flipped bit at the start, in the middle or at the end`, async () => {
      const { dataKey } = await openForeign(object)
      for (const at of [0, stored.length >> 1, stored.length - 1]) {
        const altered = Buffer.from(stored)
        altered[at]! ^= 1
        await refused('SEALSTREAM_AUTHENTICATION', () => runCipher(dataKey.decryptor(), [altered]))
      }
    })

    it(`gives nothing of ${object.name} cut by a byte`, async () => {
      const { dataKey } = await openForeign(object)
      await failureOf(() => runCipher(dataKey.decryptor(), [stored.subarray(0, -1)]))
    })

    it(`gives ranges of ${object.name} only where the caller accepts what is not verified`, async () => {
      const { dataKey } = await openForeign(object)
      await refused('SEALSTREAM_UNVERIFIED', () => dataKey.decryptor({ start: 0, end: 0 }))
    })
  }
})

const cbc = JAVA.filter(({ name }) => name.startsWith('cbc'))
describe(`${cbc.length} objects in CBC mode`, () => {
  for (const object of cbc) {
    it(`refuses ${object.name} cut by a byte, and with a damaged last byte`, async () => {
      const { dataKey } = await openForeign(object)
      const { stored } = bytesOf(object)
      await refused('SEALSTREAM_TRUNCATED', () => runCipher(dataKey.decryptor(), [stored.subarray(0, -1)]))
      const altered = Buffer.from(stored)
      altered[stored.length - 1]! ^= 1
      await refused('SEALSTREAM_INTEGRITY', () => runCipher(dataKey.decryptor(), [altered]))
    })
  }
})

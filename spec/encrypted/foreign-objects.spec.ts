/** Objects that the COS SDKs wrote, put into the store as they are and read through the client. */
import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { SealstreamError } from '../../lib/errors.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { bytesOf, encryptingStore } from '../support/encrypting-store.js'
import { failureOf } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'
import { objectCases, type ObjectCase, type VectorMaster } from '../support/vectors.js'

const masters = new Map<string, MasterKey>()

function masterOf(master: VectorMaster): MasterKey {
  const name = JSON.stringify(master)
  const known = masters.get(name) ?? readMaster(master)
  masters.set(name, known)
  return known
}

function readMaster(master: VectorMaster): MasterKey {
  if (master.kind === 'fake-kms') return AesMasterKey.generate()
  if (master.kind === 'aes') return AesMasterKey.from(master.key)
  const privateKey = master.privateKeyPkcs8 ?? master.privateKey!
  const { passphrase } = master
  return RsaMasterKey.from({ privateKey, ...(passphrase === undefined ? {} : { passphrase }) })
}

/** What this version reads: AES-256-CTR, wrapped by an AES key in either dialect or by OAEP with SHA-1. */
function isReadable({ name, master, metadata }: ObjectCase): boolean {
  if (master.kind === 'aes') return !name.startsWith('cbc')
  if (name.includes('pkcs1v15')) return false
  return master.kind === 'rsa' && metadata['x-cos-meta-client-side-encryption-iv'] !== undefined
}

describe('objects of the COS SDKs', () => {
  const store = encryptingStore()

  const upload = ({ metadata, ciphertext }: ObjectCase): Promise<unknown> =>
    store.plain().putObject({ Key: 'k', Body: Buffer.from(ciphertext, 'base64'), Metadata: metadata })

  for (const writer of ['cos-python-sdk', 'cos-java-sdk', 'cos-bridge'] as const) {
    describe(writer, () => {
      for (const object of objectCases(writer)) {
        const { name, size, master } = object
        if (!isReadable(object)) {
          it(`${name} is refused typed, whole and by range, and gives no byte`, async () => {
            await upload(object)
            const client = store.client({ masterKey: masterOf(master) })
            for (const params of [{ Key: 'k' }, { Key: 'k', Range: 'bytes=0-0' }]) {
              const error = await failureOf(() => client.getObject(params))
              expect(error).to.be.instanceOf(SealstreamError)
              expect(error.code).to.match(/_(UNKNOWN_ALGORITHM|UNWRAP|KEY_KIND|ENVELOPE_MALFORMED)$/)
            }
          })
          continue
        }

        it(`${name} is read whole, ${size} bytes`, async () => {
          await upload(object)
          const client = store.client({ masterKey: masterOf(master) })
          const got = await client.getObject({ Key: 'k' })
          const bytes = await bytesOf(got.Body)
          expect(createHash('sha256').update(bytes).digest('hex')).to.equal(object.plaintextSha256)
          const format = writer === 'cos-python-sdk' ? 'cos-python' : 'cos'
          expect([got.format, got.ContentLength, got.StoredLength]).to.deep.equal([format, size, size])
          expect(got.keyVerified).to.equal(format === 'cos' || master.kind === 'rsa')
          expect((await client.headObject({ Key: 'k' })).ContentLength).to.equal(size)
        })

        if (size === 0) continue
        it(`${name} is read by ranges`, async () => {
          await upload(object)
          const plain = Buffer.from(object.plaintext, 'base64')
          const client = store.client({ masterKey: masterOf(master) })
          const random = new Seeded(size)
          const ranges: [start: number, end: number][] = [0, 1, 15, 16, 17, 33].map((start) => [
            start,
            start + 16,
          ])
          for (let n = 0; n < 6; n++) {
            const [start, end] = [random.integer(size), random.integer(size)].sort((a, b) => a - b)
            ranges.push([start!, end!])
          }
          for (const [start, end] of ranges.filter(([first]) => first < size)) {
            const { Body } = await client.getObject({ Key: 'k', Range: `bytes=${start}-${end}` })
            const expected = plain.subarray(start, end + 1)
            expect((await bytesOf(Body)).equals(expected), `${start}..${end}`).to.equal(true)
          }
        })
      }
    })
  }
})

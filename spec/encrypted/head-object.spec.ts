/** HEAD of encrypted objects: plaintext terms, and no master key needed. */
import { expect } from 'chai'
import { ServiceError } from '../../lib/errors.js'
import { AES_256, FORMATS, RSA_2048, rsaPublicOnly } from '../support/encrypting-masters.js'
import { encryptingStore } from '../support/encrypting-store.js'
import { ofClass } from '../support/of-class.js'
import { refused } from '../support/refused.js'

describe('headObject, encrypted', () => {
  const store = encryptingStore()

  for (const format of FORMATS) {
    it(`describes a ${format} object without unwrapping anything`, async () => {
      const masterKey = RSA_2048.masterKey()
      await store.client({ format, masterKey }).putObject({ Key: 'k', Body: 'seventeen bytes!!' })
      for (const reader of [AES_256.otherKey(), rsaPublicOnly()]) {
        const head = await store.client({ masterKey: reader }).headObject({ Key: 'k' })
        expect([head.format, head.ContentLength, head.StoredLength, head.authenticated]).to.deep.equal([
          format,
          17,
          17,
          false,
        ])
        expect(head.Metadata).to.deep.equal({})
      }
    })
  }

  it('is refused for an object without an envelope', async () => {
    await store.plain().putObject({ Key: 'k', Body: 'x' })
    await refused('SEALSTREAM_ENVELOPE_MISSING', () => store.client().headObject({ Key: 'k' }))
  })

  it('is refused for half an envelope', async () => {
    const Metadata = { 'client-side-encryption-key': 'AAAA' }
    await store.plain().putObject({ Key: 'k', Body: 'x', Metadata })
    await refused('SEALSTREAM_ENVELOPE_MALFORMED', () => store.client().headObject({ Key: 'k' }))
  })

  it('is 404 for what is not there and 412 for another ETag', async () => {
    const client = store.client()
    await client.putObject({ Key: 'k', Body: 'x' })
    const none = await refused('SEALSTREAM_SERVICE', () => client.headObject({ Key: 'none' }))
    const other = await refused('SEALSTREAM_SERVICE', () => client.headObject({ Key: 'k', IfMatch: '"x"' }))
    expect([none, other].map((error) => ofClass(error, ServiceError).status)).to.deep.equal([404, 412])
  })
})

/** The audit that the specs of killed transfers rest on: it sees what it is there to see. */
import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { CosEncryptionClient } from '../../lib/client.js'
import { startServer } from '../../lib/server/index.js'
import { AES_256, encryptedWith } from '../support/encrypting-masters.js'
import { KeystreamAudit } from '../support/keystream-audit.js'
import { BUCKET } from '../support/raw-request.js'
import { Seeded } from '../support/seeded.js'

const PART = 64
const PLAINTEXT = new Seeded(1).bytes(150)
const SECRETS = { key: randomBytes(32), iv: Buffer.alloc(16, 0xff) }
const STORED = encryptedWith(SECRETS, PLAINTEXT)

describe('KeystreamAudit', () => {
  /** Three parts, the second cut off after 20 bytes. */
  function audited(): KeystreamAudit {
    const audit = new KeystreamAudit(PART)
    audit.record({ uploadId: 'u', partNumber: 3, offset: 0, bytes: STORED.subarray(128) })
    audit.record({ uploadId: 'u', partNumber: 1, offset: 0, bytes: STORED.subarray(0, 64) })
    audit.record({ uploadId: 'u', partNumber: 2, offset: 0, bytes: STORED.subarray(64, 84) })
    return audit
  }

  it('takes a part again in other chunks, and further than before', () => {
    const audit = audited()
    audit.record({ uploadId: 'u', partNumber: 2, offset: 0, bytes: STORED.subarray(64, 71) })
    audit.record({ uploadId: 'u', partNumber: 2, offset: 7, bytes: STORED.subarray(71, 128) })
    expect(audit.conflicts).to.deep.equal([])
    expect(audit.seenOf('u')).to.equal(150)
    // The counter carries over all 16 bytes.
    expect(audit.objectionTo('u', SECRETS, PLAINTEXT)).to.equal(undefined)
  })

  for (const at of [0, 19]) {
    it(`sees another byte ${at} in the second attempt of a part whose first was cut off after 20`, () => {
      const audit = audited()
      const bytes = Buffer.from(STORED.subarray(64, 128))
      bytes[at]! ^= 1
      audit.record({ uploadId: 'u', partNumber: 2, offset: 0, bytes })
      expect(audit.conflicts).to.have.lengthOf(1)
    })
  }

  it('sees a byte of another plaintext that was sent once', () => {
    const audit = audited()
    for (const at of [0, 63, 64, 83, 128, 149]) {
      const other = Buffer.from(PLAINTEXT)
      other[at]! ^= 1
      expect(audit.objectionTo('u', SECRETS, other), `byte ${at}`).to.match(/carried another plaintext/)
    }
    // Byte 84 never left.
    const other = Buffer.from(PLAINTEXT)
    other[84]! ^= 1
    expect(audit.objectionTo('u', SECRETS, other)).to.equal(undefined)
  })

  it('sees a part that reaches into the next one', () => {
    const audit = audited()
    audit.record({ uploadId: 'u', partNumber: 2, offset: 60, bytes: STORED.subarray(124, 129) })
    expect(audit.conflicts).to.have.lengthOf(1)
  })

  it('keeps uploads apart: each has a data key of its own', () => {
    const audit = audited()
    audit.record({ uploadId: 'v', partNumber: 1, offset: 0, bytes: Buffer.alloc(64) })
    expect(audit.conflicts).to.deep.equal([])
    expect(audit.uploads).to.deep.equal(['u', 'v'])
  })

  it('is fed by the onBody of an embedded server', async () => {
    const size = 2 * 1024 * 1024 + 5
    const audit = new KeystreamAudit(1024 * 1024)
    const server = await startServer({
      onBody: (event) => {
        if (event.operation === 'uploadPart') audit.record(event)
      },
    })
    const { endpoint, credentials } = server
    const masterKey = AES_256.masterKey()
    const client = new CosEncryptionClient({
      endpoint,
      credentials,
      bucket: BUCKET,
      masterKey,
      format: 'cos',
    })
    const Body = new Seeded(2).bytes(size)
    let headers: Readonly<Record<string, string>>
    try {
      await client.upload({ Key: 'k', Body, PartSize: 1024 * 1024 })
      headers = (await client.headObject({ Key: 'k' })).$metadata.headers
    } finally {
      await client.close()
      await server.close()
    }
    expect(audit.conflicts).to.deep.equal([])
    const [uploadId] = audit.uploads
    expect(audit.seenOf(uploadId!)).to.equal(size)
    expect(audit.objectionTo(uploadId!, AES_256.secrets(headers), Body)).to.equal(undefined)
  })
})

import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { encryptedWith, RSA_2048, rsaPublicOnly } from '../support/encrypting-masters.js'
import { CONTENT, fileUploads } from '../support/interrupted-upload.js'
import { refused } from '../support/refused.js'
import { expectNoTrace } from '../support/secrecy.js'
import { Seeded } from '../support/seeded.js'
import { PART, type UploadRig, uploadRigs } from '../support/upload-rig.js'

const KEY_BYTES = new Seeded(51).bytes(32)
const checkpointKey = AesMasterKey.from(KEY_BYTES)

/** The object, opened with the private key, which the uploading client does not have. */
async function contentOf(rig: UploadRig): Promise<Buffer> {
  const { headers, body } = await rig.raw()
  return encryptedWith(RSA_2048.secrets(headers as Record<string, string>), body)
}

describe('uploadFile with an RSA public key alone', () => {
  const start = uploadRigs()
  const make = fileUploads()

  for (const format of ['cos', 'cos-python'] as const) {
    it(`refuses a checkpoint before any request, and says which option helps, ${format}`, async () => {
      const [rig, file] = [await start(), await make()]
      const client = rig.client(format, { masterKey: rsaPublicOnly() })
      for (const checkpoint of [true, file.checkpoint]) {
        const error = await refused('SEALSTREAM_CHECKPOINT_NEEDS_KEY', () =>
          client.uploadFile(file.params({ checkpoint })),
        )
        expect(error.message).to.contain('checkpoint')
        expect(error.hint).to.contain('checkpointKey')
      }
      expect(rig.requests).to.deep.equal([])
      expect(await file.others()).to.deep.equal([])
    })

    it(`needs no checkpointKey without a checkpoint, ${format}`, async () => {
      const [rig, file] = [await start(), await make()]
      const { checkpoint: _none, ...params } = file.params()
      await rig.client(format, { masterKey: rsaPublicOnly() }).uploadFile(params)
      await rig.client(format, { masterKey: rsaPublicOnly() }).uploadFile({ ...params, checkpoint: false })
      expect((await contentOf(rig)).equals(CONTENT)).to.equal(true)
    })

    it(`goes on with a checkpointKey, and sends only what is missing, ${format}`, async () => {
      const [rig, file] = [await start(), await make()]
      const client = (): ReturnType<UploadRig['client']> => rig.client(format, { masterKey: rsaPublicOnly() })
      await file.interrupted(rig, client(), { parts: 4, checkpointKey })
      const text = await readFile(file.checkpoint, 'utf8')
      const before = rig.requests.length
      await client().uploadFile(file.params({ checkpointKey: AesMasterKey.from(KEY_BYTES) }))
      expect(file.events).to.deep.equal([{ type: 'resumed', parts: 4, bytes: 4 * PART }])
      expect(rig.partsSent(before)).to.deep.equal([5, 6])
      expect((await contentOf(rig)).equals(CONTENT)).to.equal(true)
      expect(await file.others()).to.deep.equal([])
      const { key } = RSA_2048.secrets((await rig.raw()).headers as Record<string, string>)
      expectNoTrace(text, key, 'the data key')
      expectNoTrace(text, KEY_BYTES, 'the checkpoint key')
    })

    it(`starts afresh with another checkpointKey, ${format}`, async () => {
      const [rig, file] = [await start(), await make()]
      const client = rig.client(format, { masterKey: rsaPublicOnly() })
      await file.interrupted(rig, client, { checkpointKey })
      const other = AesMasterKey.from(new Seeded(52).bytes(32))
      await client.uploadFile(file.params({ checkpointKey: other }))
      expect(file.events.at(-1)).to.deep.equal({
        type: 'restarted',
        reason: 'the data key in the checkpoint does not unwrap',
      })
      expect(file.events.some(({ type }) => type === 'resumed')).to.equal(false)
      expect((await contentOf(rig)).equals(CONTENT)).to.equal(true)
      expect(await file.others()).to.deep.equal([])
    })
  }

  it('goes on in a client that has the private key, without the checkpointKey', async () => {
    const [rig, file] = [await start(), await make()]
    await file.interrupted(rig, rig.client('cos', { masterKey: rsaPublicOnly() }), { checkpointKey })
    await rig.client('cos', { masterKey: RSA_2048.masterKey() }).uploadFile(file.params())
    expect(file.events).to.deep.equal([{ type: 'resumed', parts: 2, bytes: 2 * PART }])
    expect((await contentOf(rig)).equals(CONTENT)).to.equal(true)
  })

  for (const wrong of [KEY_BYTES, KEY_BYTES.toString('base64'), RSA_2048.masterKey(), null, {}]) {
    it(`refuses ${typeof wrong} ${wrong?.constructor.name ?? 'null'} as checkpointKey, and never shows it`, async () => {
      const [rig, file] = [await start(), await make()]
      const error = await refused('SEALSTREAM_OPTION', () =>
        rig.client().uploadFile(file.params({ checkpointKey: wrong as never })),
      )
      expect(error).to.have.property('option', 'checkpointKey')
      expectNoTrace(error.message, KEY_BYTES, 'the error')
      expect(rig.requests).to.deep.equal([])
    })
  }

  it('the plain client knows no checkpointKey', async () => {
    const [rig, file] = [await start(), await make()]
    const error = await refused('SEALSTREAM_OPTION', () =>
      rig.client('plain').uploadFile(file.params({ checkpointKey })),
    )
    expect(error).to.have.property('option', 'checkpointKey')
  })
})

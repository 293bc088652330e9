/** Envelopes made and opened again, for every kind of master key and every format. */
import { expect } from 'chai'
import { FORMATS, WRITABLE_FORMATS, type Format } from '../../lib/crypto/format.js'
import { createEnvelope, openEnvelope } from '../../lib/envelope/envelope.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { FakeKmsMasterKey } from '../support/foreign-objects.js'
import { refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { Seeded } from '../support/seeded.js'
import { testPair } from '../support/test-keys.js'

const random = new Seeded(90)
const PLAIN = random.bytes(1000)

const MASTERS: Readonly<Record<string, MasterKey>> = {
  'AES-128': AesMasterKey.from(random.bytes(16)),
  'AES-192': AesMasterKey.from(random.bytes(24)),
  'AES-256': AesMasterKey.from(random.bytes(32)),
  'RSA-2048': RsaMasterKey.from(testPair('2048')),
  'RSA-3072': RsaMasterKey.from(testPair('3072')),
  'a KMS': new FakeKmsMasterKey(),
}
const OTHERS: Readonly<Record<string, MasterKey>> = {
  'AES-128': AesMasterKey.generate(128),
  'AES-192': AesMasterKey.generate(192),
  'AES-256': AesMasterKey.generate(256),
  'RSA-2048': RsaMasterKey.from(testPair('2048-other')),
  'RSA-3072': RsaMasterKey.from(testPair('3073')),
}
const KINDS = { AES: OTHERS['AES-256']!, RSA: OTHERS['RSA-2048']!, KMS: MASTERS['a KMS']! }

const hasForm = (kind: string, format: Format): boolean =>
  format === 'cos-java-gcm' ? !kind.startsWith('AES') : format !== 'cos-python' || kind !== 'a KMS'

for (const [kind, master] of Object.entries(MASTERS)) {
  for (const format of WRITABLE_FORMATS) {
    if (!hasForm(kind, format)) {
      it(`an envelope of format ${format} under ${kind} is refused, naming the format`, async () => {
        const error = await refused('SEALSTREAM_OPTION', () => createEnvelope(master, { format }))
        expect(error.message).to.include(format)
      })
      continue
    }
    const isWeak = format === 'cos-python' && kind.startsWith('AES')
    const { authenticated } = FORMATS[format]

    describe(`an envelope of format ${format} under ${kind}`, () => {
      it('opens to the data key that it was made with', async () => {
        const { dataKey, metadata } = await createEnvelope(master, { format })
        const stored = runCipher(dataKey.encryptor(), [PLAIN])
        const opened = await openEnvelope(metadata, master, { policy: 'any' })
        expect(runCipher(opened.dataKey.decryptor(), [stored]).equals(PLAIN)).to.equal(true)
      })

      it(`opens as ${format}, authenticated ${authenticated}, keyVerified ${!isWeak}`, async () => {
        const { metadata } = await createEnvelope(master, { format })
        const { dataKey, ...facts } = await openEnvelope(metadata, master, { policy: 'any' })
        expect(facts).to.deep.equal({ format, authenticated, keyVerified: !isWeak })
        expect(dataKey.format).to.equal(format)
      })

      it('holds a data key of the format it was asked for', async () => {
        expect((await createEnvelope(master, { format })).dataKey.format).to.equal(format)
      })

      it('holds another data key every time', async () => {
        const envelopes = [await createEnvelope(master, { format }), await createEnvelope(master, { format })]
        const stored = envelopes.map(({ dataKey }) => runCipher(dataKey.encryptor(), [PLAIN]))
        expect(stored[0]!.equals(stored[1]!)).to.equal(false)
        const [one, other] = envelopes.map(({ metadata }) => JSON.stringify(metadata))
        expect(one).to.not.equal(other)
      })

      it('opens to a key that encrypts nothing more', async () => {
        const { metadata } = await createEnvelope(master, { format })
        const { dataKey } = await openEnvelope(metadata, master, { policy: 'any' })
        // Of sealed, not even the salt is known.
        const code = format === 'sealed' ? 'SEALSTREAM_OPTION' : 'SEALSTREAM_DATA_KEY_REUSED'
        await refused(code, () => dataKey.encryptor().update(Buffer.alloc(1)))
      })

      it('has printable ASCII values, lower-case names and less than 4 KB of both together', async () => {
        const { metadata } = await createEnvelope(master, { format })
        const entries = Object.entries(metadata)
        for (const [name, text] of entries) {
          expect(name).to.match(/^x-cos-meta-[a-z0-9-]+$/)
          expect(text).to.match(/^[\x21-\x7e]+$/)
        }
        expect(entries.flat().join('').length).to.be.below(4096)
      })

      const other = OTHERS[kind]
      if (isWeak) {
        it('opens under another key without an error, to wrong bytes and keyVerified false (RULES 4.3)', async () => {
          const { dataKey, metadata } = await createEnvelope(master, { format })
          const stored = runCipher(dataKey.encryptor(), [PLAIN])
          const opened = await openEnvelope(metadata, other!, { policy: 'any' })
          expect(opened.keyVerified).to.equal(false)
          const output = runCipher(opened.dataKey.decryptor(), [stored])
          expect(output.length).to.equal(PLAIN.length)
          expect(output.equals(PLAIN)).to.equal(false)
        })
      } else if (other !== undefined) {
        it('does not open under another key', async () => {
          const { metadata } = await createEnvelope(master, { format })
          await refused('SEALSTREAM_UNWRAP', () => openEnvelope(metadata, other, { policy: 'any' }))
        })
      }

      it('does not open under master keys of the other kinds, and says which they are', async () => {
        const { metadata } = await createEnvelope(master, { format })
        for (const [name, reader] of Object.entries(KINDS)) {
          if (kind.includes(name)) continue
          const error = await refused('SEALSTREAM_KEY_KIND', () =>
            openEnvelope(metadata, reader, { policy: 'any' }),
          )
          expect(error.message).to.include(name)
        }
      })
    })
  }
}

describe('an RSA public key alone', () => {
  const writer = RsaMasterKey.from({ publicKey: testPair('2048').publicKey })

  for (const format of WRITABLE_FORMATS) {
    it(`writes ${format} that the pair opens`, async () => {
      const { metadata } = await createEnvelope(writer, { format })
      await openEnvelope(metadata, MASTERS['RSA-2048']!, { policy: 'any' })
    })

    it(`does not open ${format}`, async () => {
      const { metadata } = await createEnvelope(writer, { format })
      const run = (): unknown => openEnvelope(metadata, writer, { policy: 'any' })
      await refused('SEALSTREAM_KEY_CANNOT_UNWRAP', run)
    })

    it(`of 1024 bits does not write ${format}`, async () => {
      const short = RsaMasterKey.from(testPair('1024'))
      await refused('SEALSTREAM_KEY_FORMAT', () => createEnvelope(short, { format }))
    })
  }
})

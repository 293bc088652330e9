/** Objects that the COS SDKs wrote: opened by openEnvelope, decrypted through DataKey.decryptor, or refused. */
import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { openEnvelope, type OpenedEnvelope } from '../../lib/envelope/envelope.js'
import { EnvelopeError } from '../../lib/errors.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { piecesOf, Seeded } from '../support/seeded.js'
import { objectCases, type ObjectCase, type VectorMaster } from '../support/vectors.js'

const PYTHON = objectCases('cos-python-sdk')
const BRIDGE = objectCases('cos-bridge')
const JAVA = objectCases('cos-java-sdk')
const isPkcs1v15 = ({ master }: ObjectCase): boolean =>
  master.kind === 'rsa' && master.padding === 'RSAES-PKCS1-v1_5'

const readers = new Map<string, MasterKey>()

/** The master key of a case; reading the same PEM again and again would take most of the time. */
function masterOf(master: VectorMaster): MasterKey {
  const name = JSON.stringify(master)
  const reader = readers.get(name) ?? openMaster(master)
  readers.set(name, reader)
  return reader
}

function openMaster(master: VectorMaster): MasterKey {
  if (master.kind === 'aes') return AesMasterKey.from(master.key)
  if (master.kind === 'fake-kms') return AesMasterKey.generate()
  const privateKey = master.privateKeyPkcs8 ?? master.privateKey!
  return RsaMasterKey.from({
    privateKey,
    publicKey: master.publicKey,
    ...(master.passphrase === undefined ? {} : { passphrase: master.passphrase }),
  })
}

const open = ({ metadata, master }: ObjectCase): Promise<OpenedEnvelope> =>
  openEnvelope(metadata, masterOf(master), { policy: 'any' })

const bytesOf = ({ plaintext, ciphertext }: ObjectCase): { plain: Buffer; stored: Buffer } => ({
  plain: Buffer.from(plaintext, 'base64'),
  stored: Buffer.from(ciphertext, 'base64'),
})

function opensAndDecrypts(object: ObjectCase, expected: Omit<OpenedEnvelope, 'dataKey'>): void {
  const { name, size } = object

  it(`opens ${name} as ${expected.format} with keyVerified ${expected.keyVerified}`, async () => {
    const { dataKey, ...facts } = await open(object)
    expect(facts).to.deep.equal(expected)
    expect(dataKey.format).to.equal(expected.format)
  })

  it(`opens ${name} with a policy of [${expected.format}]`, async () => {
    await openEnvelope(object.metadata, masterOf(object.master), { policy: [expected.format] })
  })

  it(`decrypts the ${size} bytes of ${name} whole, to the plaintext's SHA-256`, async () => {
    const { dataKey } = await open(object)
    const output = runCipher(dataKey.decryptor(), [bytesOf(object).stored])
    expect(output.length).to.equal(size)
    expect(createHash('sha256').update(output).digest('hex')).to.equal(object.plaintextSha256)
  })

  it(`decrypts the ${size} bytes of ${name} byte by byte`, async () => {
    const { plain, stored } = bytesOf(object)
    const output = runCipher((await open(object)).dataKey.decryptor(), piecesOf(stored, 1))
    expect(output.equals(plain)).to.equal(true)
  })

  it(`decrypts the ${size} bytes of ${name} in random pieces`, async () => {
    const { plain, stored } = bytesOf(object)
    const pieces = new Seeded(size).pieces(stored, 1 + (size % 997))
    expect(runCipher((await open(object)).dataKey.decryptor(), pieces).equals(plain)).to.equal(true)
  })

  it(`decrypts ${name} from every start from 0 to 40 on`, async () => {
    const { plain, stored } = bytesOf(object)
    const { dataKey } = await open(object)
    for (let start = 0; start <= 40; start++) {
      const output = runCipher(dataKey.decryptor({ start }), [stored.subarray(start)])
      expect(output.equals(plain.subarray(start)), `from ${start}`).to.equal(true)
    }
  })

  it(`decrypts ${name} from every start from 0 to 40 to ends 0, 1, 15, 16, 17 and 1000 bytes later`, async () => {
    const { plain, stored } = bytesOf(object)
    const { dataKey } = await open(object)
    for (let start = 0; start <= Math.min(40, size - 1); start++) {
      for (const distance of [0, 1, 15, 16, 17, 1000]) {
        const end = Math.min(start + distance, size - 1)
        const range = dataKey.ciphertextRange(start, end)
        const input = piecesOf(stored.subarray(range.start, range.end + 1), 7)
        const output = runCipher(dataKey.decryptor({ start, end }), input)
        expect(output.equals(plain.subarray(start, end + 1)), `${start}..${end}`).to.equal(true)
      }
    }
  })

  it(`refuses to encrypt anew under the data key of ${name}`, async () => {
    const { dataKey } = await open(object)
    expect(() => dataKey.encryptor({ start: 1_000_000 }))
      .to.throw()
      .with.property('code', 'SEALSTREAM_DATA_KEY_REUSED')
  })

  it(`encrypts the plaintext of ${name} back to the stored bytes`, async () => {
    const { plain, stored } = bytesOf(object)
    expect(
      runCipher((await open(object)).dataKey.encryptor({ sameBytes: true }), [plain]).equals(stored),
    ).to.equal(true)
  })
}

const pythonAes = PYTHON.filter(({ master }) => master.kind === 'aes')
describe(`${pythonAes.length} objects of the COS Python SDK under an AES master key`, () => {
  for (const object of pythonAes) {
    opensAndDecrypts(object, { format: 'cos-python', authenticated: false, keyVerified: false })
  }
})

const pythonOaep = PYTHON.filter((object) => object.master.kind === 'rsa' && !isPkcs1v15(object))
describe(`${pythonOaep.length} objects of the COS Python SDK under RSA with OAEP`, () => {
  for (const object of pythonOaep) {
    opensAndDecrypts(object, { format: 'cos-python', authenticated: false, keyVerified: true })
  }
})

const pythonV15 = PYTHON.filter(isPkcs1v15)
describe(`${pythonV15.length} objects of the COS Python SDK under RSA with PKCS#1 v1.5`, () => {
  for (const object of pythonV15) {
    it(`refuses ${object.name} with a hint that names the padding and its writer`, async () => {
      const error = await refused('SEALSTREAM_UNWRAP', () => open(object))
      expect(error.hint).to.include('PKCS#1 v1.5').and.to.include('COS Python SDK')
    })
  }
})

describe(`${BRIDGE.length} object of the bridge form`, () => {
  for (const object of BRIDGE) {
    opensAndDecrypts(object, { format: 'cos', authenticated: false, keyVerified: true })
  }
})

const javaAes = JAVA.filter(({ name }) => name.startsWith('ctr-aeswrap'))
describe(`${javaAes.length} objects of the COS Java SDK in CTR mode under an AES master key`, () => {
  for (const object of javaAes) {
    opensAndDecrypts(object, { format: 'cos', authenticated: false, keyVerified: true })
  }
})

const javaUnread = JAVA.filter(({ name, instructionBody }) => {
  return !name.startsWith('ctr-aeswrap') && instructionBody === undefined
})
describe(`${javaUnread.length} objects of the COS Java SDK in GCM or CBC mode, or under OAEP-SHA-256 or KMS`, () => {
  for (const object of javaUnread) {
    it(`refuses ${object.name} as of an unknown algorithm, naming the header`, async () => {
      const error = await refused('SEALSTREAM_UNKNOWN_ALGORITHM', () => open(object))
      expect(error).to.be.instanceOf(EnvelopeError)
      const header = 'header' in error ? String(error.header) : ''
      expect(header).to.match(/^x-cos-meta-client-side-encryption-(cek|wrap)-alg$/)
      expect(error.message).to.include(object.metadata[header]!)
    })
  }
})

const instructed = JAVA.filter(({ instructionBody }) => instructionBody !== undefined)
describe(`${instructed.length} object of the COS Java SDK with an instruction file`, () => {
  for (const object of instructed) {
    it(`refuses ${object.name} with a hint that speaks of the instruction file`, async () => {
      const error = await refused('SEALSTREAM_ENVELOPE_MALFORMED', () => open(object))
      expect(error.hint).to.include('instruction file')
    })

    it(`refuses the instruction file of ${object.name} itself: it has no envelope`, async () => {
      const metadata = object.instructionMetadata!
      await refused('SEALSTREAM_ENVELOPE_MISSING', () => open({ ...object, metadata }))
    })

    it(`refuses ${object.name} when the names of the instruction file stand in headers`, async () => {
      const body = Object.entries(JSON.parse(object.instructionBody!) as Record<string, string>)
      const metadata = Object.fromEntries(body.map(([name, value]) => [`x-cos-meta-${name}`, value]))
      await refused('SEALSTREAM_UNKNOWN_ALGORITHM', () => open({ ...object, metadata }))
    })
  }
})

describe('the vectors', () => {
  it('are all used: 49 of Python, 1 bridge, 38 of Java', () => {
    expect([PYTHON.length, BRIDGE.length, JAVA.length]).to.deep.equal([49, 1, 38])
    expect(pythonAes.length + pythonOaep.length + pythonV15.length).to.equal(49)
    expect(javaAes.length + javaUnread.length + instructed.length).to.equal(38)
  })
})

import {
  constants,
  createCipheriv,
  createDecipheriv,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  type KeyObject,
} from 'node:crypto'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import { FORMAT_NAMES, type Format } from '../../lib/crypto/format.js'
import { createEnvelope, openEnvelope, type Metadata } from '../../lib/envelope/envelope.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { unwrapFailed, type MasterKey, type Wrapped } from '../../lib/keys/master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { masterKeyContract } from '../support/master-key-contract.js'
import { failureOf, refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { Seeded } from '../support/seeded.js'

const PREFIX = 'x-cos-meta-client-side-encryption-'
const PLAIN = new Seeded(90).bytes(1000)
const RAW_AES = { 128: randomBytes(16), 192: randomBytes(24), 256: randomBytes(32) }
const PAIR_2048 = generateKeyPairSync('rsa', { modulusLength: 2048 })
const PAIR_3072 = generateKeyPairSync('rsa', { modulusLength: 3072 })
const wrong = (value: unknown): never => value as never

const MASTERS: Readonly<Record<string, MasterKey>> = {
  'AES-128': AesMasterKey.from(RAW_AES[128]),
  'AES-192': AesMasterKey.from(RAW_AES[192]),
  'AES-256': AesMasterKey.from(RAW_AES[256]),
  'RSA-2048': RsaMasterKey.from(PAIR_2048),
  'RSA-3072': RsaMasterKey.from(PAIR_3072),
}
const OTHERS: Readonly<Record<string, MasterKey>> = {
  'AES-128': AesMasterKey.generate(128),
  'AES-192': AesMasterKey.generate(192),
  'AES-256': AesMasterKey.generate(256),
  'RSA-2048': RsaMasterKey.from(generateKeyPairSync('rsa', { modulusLength: 2048 })),
  'RSA-3072': RsaMasterKey.from(generateKeyPairSync('rsa', { modulusLength: 3072 })),
}

const value = (metadata: Metadata, suffix: string): string => metadata[`${PREFIX}${suffix}`]!
const decoded = (metadata: Metadata, suffix: string): Buffer => Buffer.from(value(metadata, suffix), 'base64')
const names = (...suffixes: string[]): string[] => suffixes.map((suffix) => `${PREFIX}${suffix}`).sort()

for (const [kind, master] of Object.entries(MASTERS)) {
  for (const format of FORMAT_NAMES) {
    const isWeak = format === 'cos-python' && kind.startsWith('AES')

    describe(`an envelope of format ${format} under ${kind}`, () => {
      it('opens to the data key that it was made with', async () => {
        const { dataKey, metadata } = await createEnvelope(master, { format })
        const stored = runCipher(dataKey.encryptor(), [PLAIN])
        const opened = await openEnvelope(metadata, master, { policy: 'any' })
        expect(runCipher(opened.dataKey.decryptor(), [stored]).equals(PLAIN)).to.equal(true)
      })

      it(`opens as ${format}, not authenticated, with keyVerified ${!isWeak}`, async () => {
        const { metadata } = await createEnvelope(master, { format })
        const { dataKey, ...facts } = await openEnvelope(metadata, master, { policy: 'any' })
        expect(facts).to.deep.equal({ format, authenticated: false, keyVerified: !isWeak })
        expect(dataKey.format).to.equal(format)
      })

      it('holds a data key of the format it was asked for', async () => {
        expect((await createEnvelope(master, { format })).dataKey.format).to.equal(format)
      })

      it('holds another data key every time', async () => {
        const [one, other] = [
          await createEnvelope(master, { format }),
          await createEnvelope(master, { format }),
        ]
        const stored = [one, other].map(({ dataKey }) => runCipher(dataKey.encryptor(), [PLAIN]))
        expect(stored[0]!.equals(stored[1]!)).to.equal(false)
        expect(value(one.metadata, 'key')).to.not.equal(value(other.metadata, 'key'))
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

      if (isWeak) {
        it('opens under another key without an error, to wrong bytes and keyVerified false (RULES 4.3)', async () => {
          const { dataKey, metadata } = await createEnvelope(master, { format })
          const stored = runCipher(dataKey.encryptor(), [PLAIN])
          const opened = await openEnvelope(metadata, OTHERS[kind]!, { policy: 'any' })
          expect(opened.keyVerified).to.equal(false)
          const output = runCipher(opened.dataKey.decryptor(), [stored])
          expect(output.length).to.equal(PLAIN.length)
          expect(output.equals(PLAIN)).to.equal(false)
        })
      } else {
        it('does not open under another key', async () => {
          const { metadata } = await createEnvelope(master, { format })
          const run = (): unknown => openEnvelope(metadata, OTHERS[kind]!, { policy: 'any' })
          await refused('SEALSTREAM_UNWRAP', run)
        })
      }

      it('does not open under a master key of the other kind, and says so', async () => {
        const { metadata } = await createEnvelope(master, { format })
        const reader = kind.startsWith('AES') ? OTHERS['RSA-2048']! : OTHERS['AES-256']!
        const error = await refused('SEALSTREAM_KEY_KIND', () =>
          openEnvelope(metadata, reader, { policy: 'any' }),
        )
        expect(error.message).to.include('AES').and.to.include('RSA')
      })
    })
  }
}

describe('the headers that are written', () => {
  for (const kind of ['AES-128', 'AES-192', 'AES-256']) {
    it(`are key, start, cek-alg and wrap-alg for cos under ${kind}`, async () => {
      const { metadata } = await createEnvelope(MASTERS[kind]!, { format: 'cos' })
      expect(Object.keys(metadata).sort()).to.deep.equal(names('key', 'start', 'cek-alg', 'wrap-alg'))
      expect(value(metadata, 'cek-alg')).to.equal('AES/CTR/NoPadding')
      expect(value(metadata, 'wrap-alg')).to.equal('AESWrap')
      expect([decoded(metadata, 'key').length, decoded(metadata, 'start').length]).to.deep.equal([40, 24])
    })

    it(`are key and iv for cos-python under ${kind}`, async () => {
      const { metadata } = await createEnvelope(MASTERS[kind]!, { format: 'cos-python' })
      expect(Object.keys(metadata).sort()).to.deep.equal(names('key', 'iv'))
      expect([decoded(metadata, 'key').length, decoded(metadata, 'iv').length]).to.deep.equal([32, 16])
    })
  }

  for (const [kind, length] of [
    ['RSA-2048', 256],
    ['RSA-3072', 384],
  ] as const) {
    it(`are key, iv, start, cek-alg and wrap-alg for cos under ${kind}: the bridge`, async () => {
      const { metadata } = await createEnvelope(MASTERS[kind]!, { format: 'cos' })
      expect(Object.keys(metadata).sort()).to.deep.equal(names('key', 'iv', 'start', 'cek-alg', 'wrap-alg'))
      expect(value(metadata, 'cek-alg')).to.equal('AES/CTR/NoPadding')
      expect(value(metadata, 'wrap-alg')).to.equal('RSA/ECB/OAEPWithSHA-1AndMGF1Padding')
      expect(value(metadata, 'iv')).to.equal(value(metadata, 'start'))
      expect([decoded(metadata, 'key').length, decoded(metadata, 'iv').length]).to.deep.equal([
        length,
        length,
      ])
    })

    it(`are key and iv for cos-python under ${kind}`, async () => {
      const { metadata } = await createEnvelope(MASTERS[kind]!, { format: 'cos-python' })
      expect(Object.keys(metadata).sort()).to.deep.equal(names('key', 'iv'))
      expect([decoded(metadata, 'key').length, decoded(metadata, 'iv').length]).to.deep.equal([
        length,
        length,
      ])
    })
  }
})

describe('what is written, read by plain node:crypto', () => {
  const check = async (
    master: MasterKey,
    format: Format,
    unwrap: (metadata: Metadata) => [Buffer, Buffer],
  ) => {
    const { dataKey, metadata } = await createEnvelope(master, { format })
    const stored = runCipher(dataKey.encryptor(), [PLAIN])
    const [key, iv] = unwrap(metadata)
    expect(createDecipheriv('aes-256-ctr', key, iv).update(stored).equals(PLAIN)).to.equal(true)
  }

  for (const bits of [128, 192, 256] as const) {
    it(`opens by RFC 3394 for cos under AES-${bits}`, async () => {
      const unwrap = (bytes: Buffer): Buffer => {
        const decipher = createDecipheriv(`id-aes${bits}-wrap`, RAW_AES[bits], Buffer.alloc(8, 0xa6))
        return Buffer.concat([decipher.update(bytes), decipher.final()])
      }
      await check(MASTERS[`AES-${bits}`]!, 'cos', (metadata) => [
        unwrap(decoded(metadata, 'key')),
        unwrap(decoded(metadata, 'start')),
      ])
    })

    it(`opens by the keystream of counters 0, 1 and 2 for cos-python under AES-${bits}`, async () => {
      const counters = Buffer.alloc(48)
      counters[31] = 1
      counters[47] = 2
      const ecb = createCipheriv(`aes-${bits}-ecb`, RAW_AES[bits], null).setAutoPadding(false)
      const keystream = ecb.update(counters)
      const unwrap = (bytes: Buffer, from: number): Buffer =>
        Buffer.from(bytes.map((byte, n) => byte ^ keystream[from + n]!))
      await check(MASTERS[`AES-${bits}`]!, 'cos-python', (metadata) => [
        unwrap(decoded(metadata, 'key'), 0),
        unwrap(decoded(metadata, 'iv'), 32),
      ])
    })
  }

  for (const format of FORMAT_NAMES) {
    it(`opens by OAEP with SHA-1 for ${format} under RSA-2048`, async () => {
      const options = {
        key: PAIR_2048.privateKey,
        padding: constants.RSA_PKCS1_OAEP_PADDING,
        oaepHash: 'sha1',
      }
      await check(MASTERS['RSA-2048']!, format, (metadata) => [
        privateDecrypt(options, decoded(metadata, 'key')),
        privateDecrypt(options, decoded(metadata, 'iv')),
      ])
    })
  }
})

describe('RSA keys of every modulus that RsaMasterKey takes', () => {
  // Byte lengths that are and are not multiples of 8; 2056 bits is what generate(2056) makes.
  for (const bits of [2056, 2112]) {
    describe(`of ${bits} bits`, () => {
      let master: RsaMasterKey
      before(async () => {
        master = await RsaMasterKey.generate(bits)
      })

      for (const format of FORMAT_NAMES) {
        it(`opens what ${bits} bits wrote as ${format}`, async () => {
          const { metadata } = await createEnvelope(master, { format })
          await openEnvelope(metadata, master, { policy: 'any' })
        })
      }
    })
  }

  for (const bits of [2050, 2055]) {
    it(`opens what ${bits} bits wrote, or refuses to write with them`, async () => {
      const pair = generateKeyPairSync('rsa', { modulusLength: bits })
      const written = await writeWith(pair)
      if (written === undefined) return
      await openEnvelope(written, RsaMasterKey.from(pair), { policy: 'any' })
    })
  }

  async function writeWith(pair: {
    publicKey: KeyObject
    privateKey: KeyObject
  }): Promise<Metadata | undefined> {
    try {
      return (await createEnvelope(RsaMasterKey.from(pair), { format: 'cos' })).metadata
    } catch (error) {
      expect(error).to.include({ code: 'SEALSTREAM_KEY_FORMAT' })
      return undefined
    }
  }
})

describe('an RSA public key alone', () => {
  const writer = RsaMasterKey.from({ publicKey: PAIR_2048.publicKey })

  for (const format of FORMAT_NAMES) {
    it(`writes ${format} that the pair opens`, async () => {
      const { metadata } = await createEnvelope(writer, { format })
      await openEnvelope(metadata, MASTERS['RSA-2048']!, { policy: 'any' })
    })

    it(`does not open ${format}`, async () => {
      const { metadata } = await createEnvelope(writer, { format })
      const run = (): unknown => openEnvelope(metadata, writer, { policy: 'any' })
      await refused('SEALSTREAM_KEY_CANNOT_UNWRAP', run)
    })
  }

  it('of 1024 bits writes nothing', async () => {
    const short = RsaMasterKey.from(generateKeyPairSync('rsa', { modulusLength: 1024 }))
    await refused('SEALSTREAM_KEY_FORMAT', () => createEnvelope(short, { format: 'cos' }))
  })
})

describe('createEnvelope', () => {
  const master = MASTERS['AES-256']!

  for (const format of ['', 'COS', 'sealed-2', 'aes', 'constructor', '__proto__', undefined, null, 5]) {
    it(`refuses format ${inspect(format)} and lists the known ones`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () =>
        createEnvelope(master, { format: wrong(format) }),
      )
      expect(error).to.include({ option: 'format' })
      for (const known of FORMAT_NAMES) expect(error.message).to.include(known)
    })
  }

  it('refuses to go without a format and lists the known ones', async () => {
    const error = await refused('SEALSTREAM_OPTION', () => createEnvelope(master, wrong({})))
    for (const known of FORMAT_NAMES) expect(error.message).to.include(known)
  })

  for (const options of [undefined, null, 'cos']) {
    it(`refuses ${inspect(options)} as options`, async () => {
      await refused('SEALSTREAM_OPTION', () => createEnvelope(master, wrong(options)))
    })
  }

  it('refuses an unknown option by its path', async () => {
    const options = { format: 'cos', formt: 'cos' }
    const error = await refused('SEALSTREAM_OPTION', () => createEnvelope(master, wrong(options)))
    expect(error.message).to.include('formt')
  })

  for (const key of [undefined, null, 'key', {}, { wrap: () => undefined }, { unwrap: () => undefined }]) {
    it(`refuses ${inspect(key)} as master key`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => createEnvelope(wrong(key), { format: 'cos' }))
      expect(error).to.include({ option: 'masterKey' })
    })
  }

  it('does not quote bytes that come in place of a master key', async () => {
    const error = await refused('SEALSTREAM_OPTION', () =>
      createEnvelope(wrong(RAW_AES[256]), { format: 'cos' }),
    )
    expect(inspect(error)).to.not.include(RAW_AES[256].toString('hex').slice(0, 8))
  })
})

describe('openEnvelope', () => {
  const master = MASTERS['AES-256']!
  const metadata = async (): Promise<Metadata> => (await createEnvelope(master, { format: 'cos' })).metadata

  for (const policy of [
    undefined,
    null,
    '',
    'all',
    'cos',
    [],
    ['sealed-2'],
    ['cos', 5],
    [undefined],
    {},
    5,
  ]) {
    it(`refuses policy ${inspect(policy)}`, async () => {
      const headers = await metadata()
      const error = await refused('SEALSTREAM_OPTION', () =>
        openEnvelope(headers, master, { policy: wrong(policy) }),
      )
      expect(error.message).to.include('policy')
    })
  }

  it('refuses to go without a policy', async () => {
    const headers = await metadata()
    await refused('SEALSTREAM_OPTION', () => openEnvelope(headers, master, wrong({})))
    await refused('SEALSTREAM_OPTION', () => openEnvelope(headers, master, wrong(undefined)))
  })

  it('refuses an unknown option', async () => {
    const options = { policy: 'any', polcy: 'any' }
    const headers = await metadata()
    await refused('SEALSTREAM_OPTION', () => openEnvelope(headers, master, wrong(options)))
  })

  for (const key of [undefined, null, {}, { unwrap: () => undefined }]) {
    it(`refuses ${inspect(key)} as master key`, async () => {
      const headers = await metadata()
      await refused('SEALSTREAM_OPTION', () => openEnvelope(headers, wrong(key), { policy: 'any' }))
    })
  }

  for (const headers of [undefined, null]) {
    it(`refuses ${inspect(headers)} in place of metadata with an error of this package`, async () => {
      await failureOf(() => openEnvelope(wrong(headers), master, { policy: 'any' }))
    })
  }

  for (const format of FORMAT_NAMES) {
    for (const policy of ['any', [format], [...FORMAT_NAMES]] as const) {
      it(`accepts ${format} under policy ${inspect(policy)}`, async () => {
        const { metadata: headers } = await createEnvelope(master, { format })
        expect((await openEnvelope(headers, master, { policy })).format).to.equal(format)
      })
    }

    for (const policy of ['authenticated', FORMAT_NAMES.filter((name) => name !== format)] as const) {
      it(`refuses ${format} under policy ${inspect(policy)}, naming the format and the option`, async () => {
        const { metadata: headers } = await createEnvelope(master, { format })
        const error = await refused('SEALSTREAM_POLICY', () => openEnvelope(headers, master, { policy }))
        expect(error.message).to.include(`${format};`).and.to.include('policy')
      })

      it(`does not touch the master key when policy ${inspect(policy)} refuses ${format}`, async () => {
        const { metadata: headers } = await createEnvelope(master, { format })
        const untouchable: MasterKey = {
          id: 'untouchable',
          wrap: () => expect.fail('wrap was called'),
          unwrap: () => expect.fail('unwrap was called'),
        }
        await refused('SEALSTREAM_POLICY', () => openEnvelope(headers, untouchable, { policy }))
      })
    }
  }

  it('ignores headers that are not part of an envelope', async () => {
    const headers = {
      ...(await metadata()),
      'content-length': '5',
      'x-cos-meta-author': 'x',
      'x-cos-meta-empty': '',
      'set-cookie': ['a', 'b'],
      'client-side-encryption-key': 'no prefix',
      'x-cos-meta-nothing': undefined,
    }
    await openEnvelope(headers, master, { policy: 'any' })
  })

  for (const [title, change] of [
    ['upper case', (name: string) => name.toUpperCase()],
    ['canonical case, as Go sends them', (name: string) => name.replace(/\b[a-z]/g, (c) => c.toUpperCase())],
  ] as const) {
    it(`reads header names in ${title}`, async () => {
      const headers = Object.entries(await metadata()).map(([name, text]) => [change(name), text] as const)
      const opened = await openEnvelope(Object.fromEntries(headers), master, { policy: 'any' })
      expect(opened.format).to.equal('cos')
    })
  }

  it('reads metadata that has no prototype', async () => {
    const headers = Object.assign(Object.create(null) as Metadata, await metadata())
    await openEnvelope(headers, master, { policy: 'any' })
  })

  it('leaves the metadata as it was', async () => {
    const headers = await metadata()
    const before = JSON.stringify(headers)
    await openEnvelope(headers, master, { policy: 'any' })
    expect(JSON.stringify(headers)).to.equal(before)
  })
})

/** A master key as a user would write it over a device that only lets RSA operations out. */
class DeviceMasterKey implements MasterKey {
  readonly id = 'device-slot-7'
  readonly #pair = PAIR_2048

  async wrap(dataKey: DataKey): Promise<Wrapped> {
    const encrypt = (bytes: Buffer): Buffer =>
      publicEncrypt({ key: this.#pair.publicKey, oaepHash: 'sha1' }, bytes)
    return dataKey.withBytes(async (key, iv) => {
      await new Promise((resolve) => setTimeout(resolve, 1))
      return { format: dataKey.format, scheme: 'rsa-oaep-sha1', key: encrypt(key), iv: encrypt(iv) }
    })
  }

  async unwrap(wrapped: Wrapped): Promise<DataKey> {
    const decrypt = (bytes: Uint8Array): Buffer =>
      privateDecrypt({ key: this.#pair.privateKey, oaepHash: 'sha1' }, bytes)
    try {
      return DataKey.from({ format: wrapped.format, key: decrypt(wrapped.key), iv: decrypt(wrapped.iv) })
    } catch {
      throw unwrapFailed()
    }
  }
}

describe("a user's own master key", () => {
  const device = new DeviceMasterKey()
  masterKeyContract('a device', () => device, FORMAT_NAMES)

  for (const format of FORMAT_NAMES) {
    it(`writes ${format} that RsaMasterKey opens, and opens what RsaMasterKey wrote`, async () => {
      const written = await createEnvelope(device, { format })
      await openEnvelope(written.metadata, MASTERS['RSA-2048']!, { policy: 'any' })
      const other = await createEnvelope(MASTERS['RSA-2048']!, { format })
      await openEnvelope(other.metadata, device, { policy: 'any' })
    })
  }

  it('passes its own error through when it refuses to wrap', async () => {
    const broken: MasterKey = {
      id: 'broken',
      wrap: () => Promise.reject(new Error('device unplugged')),
      unwrap: () => Promise.reject(new Error('device unplugged')),
    }
    const error: unknown = await createEnvelope(broken, { format: 'cos' }).catch((thrown: unknown) => thrown)
    expect(error).to.include({ message: 'device unplugged' })
  })

  it('that throws at once makes createEnvelope reject, and the data key is disposed', async () => {
    let seen: DataKey | undefined
    const broken: MasterKey = {
      id: 'broken',
      wrap(dataKey) {
        seen = dataKey
        throw new Error('no')
      },
      unwrap: () => Promise.reject(new Error('no')),
    }
    await createEnvelope(broken, { format: 'cos' }).catch(() => undefined)
    await refused('SEALSTREAM_DATA_KEY_DISPOSED', () => seen?.encryptor())
  })

  for (const [format, scheme] of [
    ['cos', 'aes-ctr'],
    ['cos-python', 'aes-kw'],
  ] as const) {
    it(`that wraps by ${scheme} is refused for ${format}, which has no form for it`, async () => {
      const misfit: MasterKey = {
        id: 'misfit',
        wrap: () => Promise.resolve({ format, scheme, key: Buffer.alloc(40), iv: Buffer.alloc(24) }),
        unwrap: () => expect.fail('unwrap was called'),
      }
      const error = await refused('SEALSTREAM_OPTION', () => createEnvelope(misfit, { format }))
      expect(error.message).to.include(scheme).and.to.include(format)
    })
  }

  it('that answers with another format than it was asked for is refused', async () => {
    const misfit: MasterKey = {
      id: 'misfit',
      wrap: async (dataKey) => ({ ...(await device.wrap(dataKey)), format: 'cos-python' }),
      unwrap: () => expect.fail('unwrap was called'),
    }
    await failureOf(() => createEnvelope(misfit, { format: 'cos' }))
  })

  for (const [scheme, keyLength, ivLength] of [
    ['aes-kw', 39, 24],
    ['aes-kw', 40, 16],
    ['rsa-oaep-sha1', 256, 128],
    ['rsa-oaep-sha1', 0, 0],
    ['rsa-oaep-sha1', 1032, 1032],
  ] as const) {
    it(`that wraps by ${scheme} to ${keyLength} and ${ivLength} bytes, which no reader takes, is refused`, async () => {
      const misfit: MasterKey = {
        id: 'misfit',
        wrap: () =>
          Promise.resolve({
            format: 'cos',
            scheme,
            key: Buffer.alloc(keyLength, 1),
            iv: Buffer.alloc(ivLength, 1),
          }),
        unwrap: () => expect.fail('unwrap was called'),
      }
      await failureOf(() => createEnvelope(misfit, { format: 'cos' }))
    })
  }
})

/** Which key of a Keyring opens which recipient: the order, the limit of eight, and the error where none does (RULES 3.1). */
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import { createEnvelope, openEnvelope } from '../../lib/envelope/envelope.js'
import { SealstreamError } from '../../lib/errors.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { KmsMasterKey } from '../../lib/keys/kms-master-key.js'
import { Keyring } from '../../lib/keys/keyring.js'
import { unwrapFailed, wrongKind, type MasterKey, type Wrapped } from '../../lib/keys/master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { unwrapAny } from '../../lib/keys/unwrap-any.js'
import { refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'
import { testPair } from '../support/test-keys.js'

const random = new Seeded(530)
const KEY = random.bytes(32)
const NONE = Buffer.alloc(0)

const recipient = (keyId?: string): Wrapped => ({
  format: 'sealed',
  scheme: 'custom',
  key: Buffer.from(keyId ?? 'nameless'),
  iv: NONE,
  ...(keyId === undefined ? {} : { keyId }),
})

type Outcome = 'opens' | Error
/** What each key was asked, in order: its id, and the recipient's. */
const asked: string[] = []
const forget = (): void => void asked.splice(0)

const key = (id: string, outcome: Outcome = unwrapFailed()): MasterKey => ({
  id,
  wrap: () => expect.fail('wrap was called'),
  async unwrap({ keyId }) {
    asked.push(`${id}:${keyId ?? '-'}`)
    if (outcome !== 'opens') throw outcome
    return DataKey.from({ format: 'sealed', key: KEY })
  },
})
const keys = (count: number, outcome?: Outcome): MasterKey[] =>
  Array.from({ length: count }, (_, at) => key(`k${at + 1}`, outcome))

describe('the order in which keys are tried', () => {
  beforeEach(forget)

  it('begins with the keys that recipients name, then takes recipients and keys as they stand', async () => {
    const recipients = [recipient('x'), recipient('k3'), recipient('k1')]
    await refused('SEALSTREAM_UNWRAP', () => unwrapAny(recipients, keys(3)))
    expect(asked.slice(0, 2)).to.deep.equal(['k3:k3', 'k1:k1'])
    expect(asked.slice(2)).to.deep.equal(['k1:x', 'k2:x', 'k3:x', 'k1:k3', 'k2:k3', 'k2:k1', 'k3:k1'])
  })

  it('ends with the first that opens', async () => {
    const readers = [key('k1'), key('k2', 'opens'), key('k3', 'opens')]
    const dataKey = await unwrapAny([recipient('k1')], readers)
    expect(asked).to.deep.equal(['k1:k1', 'k2:k1'])
    await dataKey.withBytes((bytes) => expect(bytes.equals(KEY)).to.equal(true))
  })

  it('finds a named key among many', async () => {
    const readers = [...keys(50), key('mine', 'opens')]
    await unwrapAny([recipient('mine')], readers)
    expect(asked).to.deep.equal(['mine:mine'])
  })
})

describe('how many keys are tried', () => {
  beforeEach(forget)

  it('are eight where no recipient names one', async () => {
    await refused('SEALSTREAM_UNWRAP', () => unwrapAny([recipient()], [...keys(8), key('k9', 'opens')]))
    expect(asked.length).to.equal(8)
  })

  it('are eight over all recipients', async () => {
    const recipients = Array.from({ length: 32 }, (_, at) => recipient(`r${at}`))
    await refused('SEALSTREAM_UNWRAP', () => unwrapAny(recipients, keys(3)))
    expect(asked.length).to.equal(8)
  })

  it('are eight besides one that is named', async () => {
    await refused('SEALSTREAM_UNWRAP', () => unwrapAny([recipient('k20')], keys(20)))
    expect(asked.length).to.equal(9)
    expect(asked[0]).to.equal('k20:k20')
  })

  it('are eight that are named, where headers name one key again and again', async () => {
    const recipients = Array.from({ length: 32 }, () => recipient('k1'))
    await refused('SEALSTREAM_UNWRAP', () => unwrapAny(recipients, keys(1)))
    expect(asked.length).to.equal(8)
  })

  it('do not count those of another kind', async () => {
    const others = keys(20, wrongKind('aes', 'custom'))
    await unwrapAny([recipient()], [...others, key('mine', 'opens')])
    expect(asked.length).to.equal(21)
  })

  it('let an AES key open an object of COS Java as the eighth of a Keyring, and not as the ninth', async () => {
    const all = Array.from({ length: 9 }, () => AesMasterKey.from(random.bytes(32)))
    const { metadata } = await createEnvelope(all[8]!, { format: 'cos' })
    const opening = (read: MasterKey[]): Promise<unknown> =>
      openEnvelope(metadata, new Keyring({ write: all[0]!, read }), { policy: 'any' })
    await opening(all.slice(2))
    await refused('SEALSTREAM_UNWRAP', () => opening(all.slice(1)))
  })
})

describe('the error where no key opens', () => {
  const kind = wrongKind('aes', 'custom')
  const cannot = new SealstreamError('SEALSTREAM_KEY_CANNOT_UNWRAP', 'cannot')
  const failed = unwrapFailed('a hint')
  const service = new SealstreamError('SEALSTREAM_CONNECTION', 'down')
  const own = new Error('own')

  for (const [title, outcomes, expected] of [
    ['of another kind alone', [kind, kind], kind],
    ['of another kind and one that only writes', [kind, cannot], cannot],
    ['one that only writes, then of another kind', [cannot, kind], cannot],
    ['one that fails among others', [kind, failed, cannot], failed],
    ['a service that is down before one that fails', [service, failed], service],
    ['a service that is down after one that fails', [failed, service], service],
    ["a user's own error and one that fails", [failed, own], own],
    ['two services: the first', [service, new SealstreamError('SEALSTREAM_TIMEOUT', 'slow')], service],
  ] as const) {
    it(`is the one that says most: ${title}`, async () => {
      const readers = outcomes.map((outcome, at) => key(`k${at}`, outcome))
      const thrown: unknown = await unwrapAny([recipient()], readers).catch((error: unknown) => error)
      expect(thrown).to.equal(expected)
    })
  }

  it('is one of unwrapping where there is no key at all', async () => {
    await refused('SEALSTREAM_UNWRAP', () => unwrapAny([recipient()], []))
    await refused('SEALSTREAM_UNWRAP', () => unwrapAny([], keys(1)))
  })
})

describe('a KMS that is down', () => {
  const down = new KmsMasterKey({
    region: 'ap-beijing',
    keyId: 'key-1',
    endpoint: 'http://127.0.0.1:1',
    credentials: { secretId: 'id', secretKey: 'key' },
    retry: { attempts: 1 },
  })
  const aes = AesMasterKey.generate()
  const blob = Buffer.from('a blob of it').toString('base64url')
  let metadata: Record<string, string> = {}
  before(async () => {
    metadata = (await createEnvelope(aes, { format: 'sealed' })).metadata
    const first = metadata['x-cos-meta-sealstream-recipient-1']!
    metadata['x-cos-meta-sealstream-recipient-1'] = `kms.key-1.${blob}`
    metadata['x-cos-meta-sealstream-recipient-2'] = first
  })
  after(() => down.close())

  it('does not keep another recipient from opening, whichever comes first', async () => {
    for (const ring of [
      new Keyring({ write: down, read: [aes] }),
      new Keyring({ write: aes, read: [down] }),
    ]) {
      await openEnvelope(metadata, ring, { policy: 'any' })
    }
  })

  it('is what the error says where nothing else opens: it may have been the one', async () => {
    const ring = new Keyring({ write: AesMasterKey.generate(), read: [down] })
    await refused('SEALSTREAM_CONNECTION', () => openEnvelope(metadata, ring, { policy: 'any' }))
  })
})

describe('cos-python and several keys (RULES 4.3)', () => {
  const [one, two] = [AesMasterKey.from(random.bytes(32)), AesMasterKey.from(random.bytes(32))]
  const rsa = RsaMasterKey.from(testPair('2048'))
  const open = async (master: MasterKey, ring: Keyring): Promise<unknown> => {
    const { metadata } = await createEnvelope(master, { format: 'cos-python' })
    return openEnvelope(metadata, ring, { policy: 'any' })
  }

  it('is refused with two AES keys: nothing tells which is the right one', async () => {
    for (const ring of [
      new Keyring({ write: one, read: [two] }),
      new Keyring({ write: rsa, read: [one, two] }),
    ]) {
      const error = await refused('SEALSTREAM_OPTION', () => open(one, ring))
      expect(error).to.include({ option: 'masterKey' })
      expect(error.hint).to.be.a('string')
    }
  })

  it('opens with one AES key among keys of other kinds', async () => {
    await open(one, new Keyring({ write: rsa, read: [one] }))
  })

  it('opens with two AES keys where it was wrapped under RSA', async () => {
    await open(rsa, new Keyring({ write: rsa, read: [one, two] }))
  })
})

/** Several master keys as one: rotation, recipients, and what may stand in a Keyring. */
import { inspect } from 'node:util'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import { WRITABLE_FORMATS } from '../../lib/crypto/format.js'
import { createEnvelope, openEnvelope } from '../../lib/envelope/envelope.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { Keyring, readersOf, writersOf } from '../../lib/keys/keyring.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { masterKeyContract } from '../support/master-key-contract.js'
import { refused } from '../support/refused.js'
import { expectNoTrace, PRINTERS } from '../support/secrecy.js'
import { Seeded } from '../support/seeded.js'
import { testPair } from '../support/test-keys.js'

const random = new Seeded(520)
const RAW = random.bytes(32)
const OLD = AesMasterKey.from(RAW)
const NEW = AesMasterKey.from(random.bytes(32))
const OLD_RSA = RsaMasterKey.from(testPair('2048'))
const NEW_RSA = RsaMasterKey.from(testPair('2048-other'))
const PUBLIC_RSA = RsaMasterKey.from({ publicKey: testPair('2048').publicKey })
const wrong = (value: unknown): never => value as never

const recipientsOf = (metadata: Record<string, string>): string[] =>
  Object.entries(metadata)
    .filter(([name]) => name.startsWith('x-cos-meta-sealstream-recipient-'))
    .map(([, value]) => value.split('.').slice(0, 2).join('.'))

describe('a Keyring', () => {
  masterKeyContract('a Keyring of one AES key', () => new Keyring({ write: OLD }), ['cos', 'cos-python'])
  masterKeyContract('a Keyring of two RSA keys', () => new Keyring({ write: OLD_RSA, read: [NEW_RSA] }), [
    'cos',
    'cos-python',
  ])

  it('has the id of its first writer', () => {
    expect(new Keyring({ write: [NEW, OLD_RSA], read: [OLD] }).id).to.equal(NEW.id)
  })

  it('reads with writers and readers, each once, but not with what can only write', () => {
    const ring = new Keyring({ write: [NEW, PUBLIC_RSA], read: [OLD, NEW, OLD] })
    expect(ring.readers).to.deep.equal([NEW, OLD])
    expect(ring.writers).to.deep.equal([NEW, PUBLIC_RSA])
    expect(ring.canUnwrap).to.equal(true)
  })

  it('of keys that can only write cannot read', async () => {
    const ring = new Keyring({ write: PUBLIC_RSA })
    expect(ring).to.include({ canUnwrap: false })
    const { metadata } = await createEnvelope(ring, { format: 'sealed' })
    await refused('SEALSTREAM_KEY_CANNOT_UNWRAP', () => openEnvelope(metadata, ring, { policy: 'any' }))
    await openEnvelope(metadata, OLD_RSA, { policy: 'any' })
    const wrapped = await ring.wrap(DataKey.generate('cos'))
    await refused('SEALSTREAM_KEY_CANNOT_UNWRAP', () => ring.unwrap(wrapped))
  })

  it('copies its lists', () => {
    const write = [NEW]
    const read = [OLD]
    const ring = new Keyring({ write, read })
    write.push(OLD)
    read.length = 0
    expect([ring.writers.length, ring.readers.length]).to.deep.equal([1, 2])
  })

  for (const [printer, print] of Object.entries(PRINTERS)) {
    it(`hides its keys from ${printer}`, () => {
      expectNoTrace(print(new Keyring({ write: OLD, read: [OLD_RSA] })), RAW, printer)
    })
  }

  it('says in util.inspect and in JSON which keys it has', () => {
    const ring = new Keyring({ write: [NEW, OLD_RSA], read: [OLD] })
    expect(inspect(ring)).to.include(NEW.id).and.to.include(OLD_RSA.id)
    expect(JSON.parse(JSON.stringify(ring))).to.deep.equal({
      kind: 'keyring',
      write: [NEW.id, OLD_RSA.id],
      read: [NEW.id, OLD_RSA.id, OLD.id],
    })
  })

  it('gives its keys to those who wrap and unwrap; another key is its own', () => {
    const ring = new Keyring({ write: NEW, read: [OLD] })
    expect([writersOf(ring), readersOf(ring)]).to.deep.equal([[NEW], [NEW, OLD]])
    expect([writersOf(OLD), readersOf(OLD)]).to.deep.equal([[OLD], [OLD]])
    const writer = new Keyring({ write: PUBLIC_RSA })
    expect(readersOf(writer)).to.deep.equal([PUBLIC_RSA])
  })
})

describe('rotation with a Keyring', () => {
  for (const [kind, old, fresh] of [
    ['AES', OLD, NEW],
    ['RSA', OLD_RSA, NEW_RSA],
    ['AES, after RSA', OLD_RSA, NEW],
    ['RSA, after AES', OLD, NEW_RSA],
  ] as const) {
    const ring = new Keyring({ write: fresh, read: [old] })
    for (const format of WRITABLE_FORMATS) {
      const keys: readonly MasterKey[] = [old, fresh]
      if (format === 'cos-java-gcm' && keys.some(({ kind: each }) => each === 'aes')) continue
      // Nothing tells which of two AES keys opens cos-python.
      if (format === 'cos-python' && keys.every(({ kind: each }) => each === 'aes')) continue

      it(`reads ${format} that the old key wrote, and writes what the new ${kind} key alone reads`, async () => {
        const before = await createEnvelope(old, { format })
        await openEnvelope(before.metadata, ring, { policy: 'any' })
        const after = await createEnvelope(ring, { format })
        await openEnvelope(after.metadata, fresh, { policy: 'any' })
        await openEnvelope(after.metadata, ring, { policy: 'any' })
        if (format === 'cos-python' && fresh.kind === 'aes') return
        const code = old.kind === fresh.kind ? 'SEALSTREAM_UNWRAP' : 'SEALSTREAM_KEY_KIND'
        await refused(code, () => openEnvelope(after.metadata, old, { policy: 'any' }))
      })
    }
  }
})

describe('several writers', () => {
  const ring = new Keyring({ write: [NEW, PUBLIC_RSA, NEW_RSA], read: [OLD] })

  it('are the recipients of sealed, in their order, and no reader is', async () => {
    const { metadata } = await createEnvelope(ring, { format: 'sealed' })
    expect(recipientsOf(metadata)).to.deep.equal([
      `aes.${NEW.id}`,
      `rsa.${PUBLIC_RSA.id}`,
      `rsa.${NEW_RSA.id}`,
    ])
    for (const reader of [NEW, OLD_RSA, NEW_RSA]) await openEnvelope(metadata, reader, { policy: 'any' })
    await refused('SEALSTREAM_UNWRAP', () => openEnvelope(metadata, OLD, { policy: 'any' }))
  })

  for (const format of ['cos', 'cos-python', 'cos-java-gcm'] as const) {
    it(`are refused for ${format}`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => createEnvelope(ring, { format }))
      expect(error).to.include({ option: 'masterKey' })
      expect(error.message).to.include('sealed')
    })
  }

  it('are at most 32', async () => {
    const many = Array.from({ length: 33 }, () => AesMasterKey.generate())
    const most = await createEnvelope(new Keyring({ write: many.slice(1) }), { format: 'sealed' })
    expect(recipientsOf(most.metadata).length).to.equal(32)
    for (const reader of [many[1]!, many[32]!]) await openEnvelope(most.metadata, reader, { policy: 'any' })
    await refused('SEALSTREAM_OPTION', () =>
      createEnvelope(new Keyring({ write: many }), { format: 'sealed' }),
    )
  })
})

describe('what is no Keyring', () => {
  const refusedOptions: Readonly<Record<string, [unknown, string]>> = {
    'no options': [undefined, 'options'],
    null: [null, 'options'],
    'a master key': [NEW, ''],
    'no write': [{}, 'write'],
    'an empty write': [{ write: [] }, 'write'],
    'a text as write': [{ write: 'key' }, 'write'],
    'a list with something else': [{ write: [NEW, {}] }, 'write[1]'],
    'the same key twice': [{ write: [NEW, NEW] }, 'write'],
    'the same key twice, read from bytes': [{ write: [OLD, AesMasterKey.from(RAW)] }, 'write'],
    'the two halves of a pair': [{ write: [OLD_RSA, PUBLIC_RSA] }, 'write'],
    'a Keyring in write': [{ write: new Keyring({ write: NEW }) }, 'write[0]'],
    'a Keyring in the list of write': [{ write: [OLD, new Keyring({ write: NEW })] }, 'write[1]'],
    'a Keyring in read': [{ write: OLD, read: [new Keyring({ write: NEW })] }, 'read[0]'],
    'a read that is no list': [{ write: OLD, read: NEW }, 'read'],
    'a read of null': [{ write: OLD, read: [null] }, 'read[0]'],
    'an unknown option': [{ write: OLD, reads: [NEW] }, 'reads'],
  }
  for (const [title, [options, option]] of Object.entries(refusedOptions)) {
    it(`is refused by name: ${title}`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => new Keyring(wrong(options)))
      if (option !== '') expect(error).to.have.property('option').that.includes(option)
      expectNoTrace(inspect(error, { depth: 5, showHidden: true }), RAW, 'the error')
    })
  }
})

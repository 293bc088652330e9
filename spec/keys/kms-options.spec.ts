/** The options of KmsMasterKey, each refused by its name; and secrets, which are shown nowhere. */
import { Agent } from 'node:http'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { createEnvelope, openEnvelope } from '../../lib/envelope/envelope.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { KmsMasterKey, type KmsMasterKeyOptions } from '../../lib/keys/kms-master-key.js'
import { kmsOfSpec } from '../support/kms-keys.js'
import { failureOf, refused } from '../support/refused.js'
import { expectNoTrace, PRINTERS } from '../support/secrecy.js'

const SECRET = 'a-very-secret-key-of-the-spec'
const GOOD: KmsMasterKeyOptions = {
  region: 'ap-beijing',
  keyId: '23e80852-1e38-11e9-b129-5cb9019b4b01',
  credentials: { secretId: 'AKIDofthespec', secretKey: SECRET },
}
const wrong = (value: unknown): never => value as never

describe('the options of KmsMasterKey', () => {
  const keys: KmsMasterKey[] = []
  afterEach(() => {
    for (const key of keys.splice(0)) key.close()
  })
  const make = (changes: object = {}): KmsMasterKey => {
    const key = new KmsMasterKey({ ...GOOD, ...changes })
    keys.push(key)
    return key
  }

  const taken: Readonly<Record<string, object>> = {
    'those that are needed': {},
    'a key id of one letter': { keyId: 'k' },
    'a key id of 64 letters': { keyId: 'k'.repeat(64) },
    'no credentials: they come from the environment': { credentials: undefined },
    'a function as credentials': { credentials: () => expect.fail('called') },
    'an https endpoint': { endpoint: 'https://kms.ap-beijing.tencentcloudapi.com' },
    'an endpoint without a scheme, which is https': { endpoint: 'kms.internal.tencentcloudapi.com' },
    'http on 127.0.0.1': { endpoint: 'http://127.0.0.1:9000' },
    'http on another loopback address': { endpoint: 'http://127.8.9.10:9000' },
    'http on localhost': { endpoint: 'http://localhost:9000' },
    'http on a name below localhost': { endpoint: 'http://kms.localhost:9000' },
    'http on ::1': { endpoint: 'http://[::1]:9000' },
    'cache true': { cache: true },
    'cache false': { cache: false },
    'cache undefined': { cache: undefined },
    'an empty cache': { cache: {} },
    'a whole cache': { cache: { ttl: 1, uses: 1, entries: 1 } },
    'retry and timeout': { retry: { attempts: 1, baseDelay: 0, maxDelay: 0, budget: 0 }, timeout: 1 },
    'a proxy': { proxy: 'http://proxy.example:3128' },
    'agents of its own': { agents: { http: new Agent() } },
    tls: { tls: { minVersion: 'TLSv1.3' } },
  }
  for (const [title, changes] of Object.entries(taken)) {
    it(`may be ${title}`, () => {
      expect(make(changes)).to.include({ kind: 'kms' })
    })
  }

  const refusedOptions: Readonly<Record<string, [object, string]>> = {
    'an unknown option': [{ keyID: 'k' }, 'keyID'],
    'an option of CosClient': [{ bucket: 'b' }, 'bucket'],
    'no key id': [{ keyId: undefined }, 'keyId'],
    'an empty key id': [{ keyId: '' }, 'keyId'],
    'a key id of 65 letters': [{ keyId: 'k'.repeat(65) }, 'keyId'],
    'a key id with a dot': [{ keyId: 'a.b' }, 'keyId'],
    'a key id with a slash': [{ keyId: 'alias/a' }, 'keyId'],
    'a key id with a line feed': [{ keyId: 'a\n' }, 'keyId'],
    'a number as key id': [{ keyId: 5 }, 'keyId'],
    'no region': [{ region: undefined }, 'region'],
    'an empty region': [{ region: '' }, 'region'],
    'a region with a dot': [{ region: 'ap-beijing.evil' }, 'region'],
    'a number as region': [{ region: 5 }, 'region'],
    'http elsewhere': [{ endpoint: 'http://kms.tencentcloudapi.com' }, 'endpoint'],
    'http on an address of the network': [{ endpoint: 'http://10.0.0.1:9000' }, 'endpoint'],
    'http on all addresses': [{ endpoint: 'http://0.0.0.0:9000' }, 'endpoint'],
    'http on a name that begins like localhost': [{ endpoint: 'http://localhost.example' }, 'endpoint'],
    'http on a name that ends like an address': [{ endpoint: 'http://127.0.0.1.example' }, 'endpoint'],
    'an endpoint with a path': [{ endpoint: 'https://kms.example/v3' }, 'endpoint'],
    'an endpoint of another scheme': [{ endpoint: 'ftp://kms.example' }, 'endpoint'],
    'an endpoint with a password': [{ endpoint: `https://u:${SECRET}@kms.example` }, 'endpoint'],
    'an empty endpoint': [{ endpoint: '' }, 'endpoint'],
    'a number as endpoint': [{ endpoint: 5 }, 'endpoint'],
    'a timeout of 0': [{ timeout: 0 }, 'timeout'],
    'a timeout that is no integer': [{ timeout: 1.5 }, 'timeout'],
    'a timeout past all timers': [{ timeout: 2 ** 31 }, 'timeout'],
    'a retry of 0 attempts': [{ retry: { attempts: 0 } }, 'retry.attempts'],
    'an unknown name in retry': [{ retry: { limit: 3 } }, 'retry.limit'],
    'credentials that are a text': [{ credentials: SECRET }, 'credentials'],
    'credentials without a key': [{ credentials: { secretId: 'a' } }, 'credentials.secretKey'],
    'credentials by other names': [
      { credentials: { SecretId: 'a', SecretKey: SECRET } },
      'credentials.SecretId',
    ],
    'a cache of null': [{ cache: null }, 'cache'],
    'a cache of a number': [{ cache: 5 }, 'cache'],
    'an unknown name in cache': [{ cache: { seconds: 5 } }, 'cache.seconds'],
    'a cache for no time': [{ cache: { ttl: 0 } }, 'cache.ttl'],
    'a cache for ever': [{ cache: { ttl: Infinity } }, 'cache.ttl'],
    'a cache past all timers': [{ cache: { ttl: 2 ** 31 } }, 'cache.ttl'],
    'a cache of no uses': [{ cache: { uses: 0 } }, 'cache.uses'],
    'a cache of no entries': [{ cache: { entries: 0 } }, 'cache.entries'],
    'a cache of a text': [{ cache: { entries: '5' } }, 'cache.entries'],
    'a proxy of another scheme': [{ proxy: 'socks5://proxy.example' }, 'proxy'],
    'an unknown name in tls': [{ tls: { verify: false } }, 'tls.verify'],
    'agents that are none': [{ agents: { http: {} } }, 'agents.http'],
  }
  for (const [title, [changes, option]] of Object.entries(refusedOptions)) {
    it(`may not be ${title}: the error names ${option}`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => make(changes))
      expect(error).to.include({ option })
      expect(inspect(error, { depth: 10, showHidden: true })).to.not.include(SECRET)
    })
  }

  for (const options of [undefined, null, 'key', 5]) {
    it(`may not be ${inspect(options)}`, async () => {
      await refused('SEALSTREAM_OPTION', () => new KmsMasterKey(wrong(options)))
    })
  }

  it('are no request: nothing is asked before the first object', () => {
    make({ endpoint: 'http://127.0.0.1:1' })
  })
})

describe('the secrets of KmsMasterKey', () => {
  const kms = kmsOfSpec({ credentials: { secretId: 'AKIDofthespec', secretKey: SECRET } })

  for (const [printer, print] of Object.entries(PRINTERS)) {
    it(`are hidden from ${printer}, with a cache that is not empty`, async () => {
      const master = kms.key({ cache: true })
      const { dataKey, metadata } = await createEnvelope(master, { format: 'sealed' })
      await openEnvelope(metadata, master, { policy: 'any' })
      const text = print(master)
      expectNoTrace(text, Buffer.from(SECRET), printer)
      await dataKey.withBytes((key) => expectNoTrace(text, key, printer))
    })
  }

  it('are named as hidden in JSON and by util.inspect', () => {
    const master = kms.key()
    expect(JSON.parse(JSON.stringify(master))).to.deep.equal({
      kind: 'kms',
      id: 'key-1',
      credentials: '<hidden>',
    })
    expect(inspect(master)).to.include('key-1').and.to.include('<hidden>')
  })

  it('are in no error: of KMS, of the network, of time, of a blob, of another kind', async () => {
    const { dataKey, metadata } = await createEnvelope(kms.key(), { format: 'sealed' })
    const retry = { attempts: 1 }
    kms.server().faults.add({ kind: 'internal-error', operation: 'kms:GenerateDataKey' })
    const errors = [
      await failureOf(() => createEnvelope(kms.key({ retry }), { format: 'sealed' })),
      await failureOf(() =>
        openEnvelope(metadata, kms.key({ retry, endpoint: 'http://127.0.0.1:1' }), { policy: 'any' }),
      ),
      await failureOf(() => openEnvelope(metadata, AesMasterKey.generate(), { policy: 'any' })),
      await failureOf(() => createEnvelope(kms.key({ keyId: 'under_score' }), { format: 'sealed' })),
    ]
    kms.server().faults.add({ kind: 'drop-tail', operation: 'kms:Decrypt' })
    errors.push(await failureOf(() => openEnvelope(metadata, kms.key({ retry }), { policy: 'any' })))
    kms.server().faults.add({ kind: 'stall-before-headers', operation: 'kms:Decrypt' })
    errors.push(
      await failureOf(() => openEnvelope(metadata, kms.key({ retry, timeout: 50 }), { policy: 'any' })),
    )
    for (const error of errors) {
      const shown = `${inspect(error, { depth: 10, showHidden: true })}${error.stack ?? ''}${JSON.stringify(error)}`
      expectNoTrace(shown, Buffer.from(SECRET), error.code)
      await dataKey.withBytes((key) => expectNoTrace(shown, key, error.code))
      expect(shown).to.not.match(/TC3-HMAC-SHA256|Signature=/)
    }
  })
})

import { expect } from 'chai'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { runBatch } from '../support/cli-batch.js'
import { cliKeys, object } from '../support/cli-fixture.js'
import { rawObject, sealedSize, storeRaw } from '../support/cli-store.js'
import { expectFacts, expectSecretsHidden, factsOf, vector, type Facts } from '../support/inspected.js'
import { androidHeaders, aesWrapping, legacyHeaders, newContent, storedAs } from '../support/sdk-headers.js'
import { at, sideBySide } from '../support/side-by-side.js'

const keys = cliKeys()
const AES = ['--aes-key', keys.aes]
const RSA = ['--rsa-private-key', keys.rsaPrivate]
const KMS = ['--kms-key-id', 'key-1']
const KEK = Buffer.from(keys.aesText, 'base64')

const aesIs = (scheme: string, bytes: number): Facts => ({
  kind: 'aes',
  wrappedBy: scheme,
  wrappedKeyBytes: bytes,
})
const rsaIs = (schemes: string): Facts => ({ kind: 'rsa', wrappedBy: schemes, wrappedKeyBytes: 256 })

describe('cli/inspect', () => {
  const test = sideBySide()
  const local = (): string[] => ['--local', at('store')]
  const inspect = (name: string, ...more: string[]): string[] => [
    ...['inspect', object(name), ...local()],
    ...more,
  ]

  for (const { name, args, facts } of [
    {
      name: 'sealed under an AES key',
      args: AES,
      facts: async () => ({
        ...{ format: 'sealed', dialect: 'sealstream', authenticated: true },
        recipients: [{ ...aesIs('aes-kw', 40), keyId: AesMasterKey.from(keys.aesText).id }],
        ...{ envelopeBytes: 182, ContentLength: 5, StoredLength: sealedSize(5) },
      }),
    },
    {
      name: 'sealed for an RSA, an AES and a KMS key',
      args: [...RSA, '--recipient', `aes:${keys.otherAes}`, '--recipient', 'kms:key-1'],
      facts: async () => ({
        ...{ format: 'sealed', dialect: 'sealstream', authenticated: true },
        recipients: [
          {
            ...rsaIs('rsa-oaep-sha256'),
            keyId: (await RsaMasterKey.fromFiles({ publicKey: keys.rsaPublic })).id,
          },
          { ...aesIs('aes-kw', 40), keyId: (await AesMasterKey.fromFile(keys.otherAes)).id },
          { kind: 'kms', keyId: 'key-1', wrappedBy: 'kms' },
        ],
        ...{ ContentLength: 5, StoredLength: sealedSize(5) },
      }),
    },
    {
      name: 'cos under an AES key',
      args: [...AES, '--format', 'cos'],
      facts: async () => ({
        ...{ format: 'cos', dialect: 'java', authenticated: false, recipients: [aesIs('aes-kw', 40)] },
        ...{ ContentLength: 5, StoredLength: 5 },
      }),
    },
    {
      name: 'cos under an RSA key',
      args: [...RSA, '--format', 'cos'],
      facts: async () => ({
        ...{ format: 'cos', dialect: 'bridge', authenticated: false, recipients: [rsaIs('rsa-oaep-sha1')] },
        ...{ ContentLength: 5, StoredLength: 5 },
      }),
    },
    {
      name: 'cos under a KMS key, with a context',
      args: [...KMS, '--format', 'cos', '--context', 'b=2', '--context', 'a=\u0007'],
      facts: async () => ({
        ...{ format: 'cos', dialect: 'java', authenticated: false },
        recipients: [{ kind: 'kms', wrappedBy: 'kms' }],
        ...{ description: { a: '\u0007', b: '2' }, ContentLength: 5, StoredLength: 5 },
      }),
    },
    {
      name: 'cos-python under an AES key',
      args: [...AES, '--format', 'cos-python'],
      facts: async () => ({
        ...{ format: 'cos-python', dialect: 'python', authenticated: false },
        ...{ recipients: [aesIs('aes-ctr', 32)], ContentLength: 5, StoredLength: 5 },
      }),
    },
    {
      name: 'cos-python under an RSA key',
      args: [...RSA, '--format', 'cos-python'],
      facts: async () => ({
        ...{ format: 'cos-python', dialect: 'python', authenticated: false },
        ...{ recipients: [rsaIs('rsa-oaep-sha1 or rsa-pkcs1')], ContentLength: 5, StoredLength: 5 },
      }),
    },
    {
      name: 'cos-java-gcm under an RSA key',
      args: [...RSA, '--format', 'cos-java-gcm'],
      facts: async () => ({
        ...{ format: 'cos-java-gcm', dialect: 'java', authenticated: false },
        recipients: [rsaIs('rsa-oaep-sha256-mgf1-sha1 or rsa-oaep-sha256')],
        ...{ ContentLength: 5, StoredLength: 21 },
      }),
    },
  ] satisfies { name: string; args: string[]; facts: () => Promise<Facts> }[]) {
    test(`tells what there is to tell of ${name}, as text and as JSON, and no secret`, async () => {
      const [put, ...runs] = await runBatch(
        [['put', '-', object('a'), ...local(), ...args], inspect('a'), inspect('a', '--json')],
        { stdin: 'hello' },
      )
      expect(put?.code, put?.stderr).to.equal(0)
      const raw = await rawObject(at('store'), 'a')
      expectFacts(factsOf(runs[0]!, runs[1]!), await facts(), raw)
      expectSecretsHidden(runs, raw)
    })
  }

  const ANDROID = newContent('AES/CTR/NoPadding')
  const LEGACY = newContent('AES/CBC/PKCS5Padding')
  const PLAIN = Buffer.from('hello')

  for (const { name, raw, facts } of [
    {
      name: 'the COS Java SDK with CBC, of which the stored size tells the most that it can be',
      raw: vector('cos-java-sdk', 'cbc-aeswrap256-17'),
      facts: {
        ...{ format: 'cos-java-cbc', dialect: 'java', authenticated: false },
        ...{ recipients: [aesIs('aes-kw', 40)], mostContentLength: 31, StoredLength: 32 },
      },
    },
    {
      name: 'the COS Go SDK under KMS',
      raw: vector('cos-go-sdk', 'ctr-kms-matdesc-17'),
      facts: {
        ...{ format: 'cos', dialect: 'java', authenticated: false },
        recipients: [{ kind: 'kms', wrappedBy: 'kms' }],
        ...{ description: { a: '1', b: '2' }, ContentLength: 17, StoredLength: 17 },
      },
    },
    {
      name: 'the COS Android SDK',
      raw: { headers: androidHeaders(ANDROID, aesWrapping(KEK)), body: storedAs(ANDROID, PLAIN) },
      facts: {
        ...{ format: 'cos', dialect: 'android', authenticated: false },
        recipients: [{ ...aesIs('aes-kw', 40), iv: 'in the clear' }],
        ...{ description: {}, ContentLength: 5, StoredLength: 5 },
      },
    },
    {
      name: 'an old COS Java SDK',
      raw: { headers: legacyHeaders(LEGACY, aesWrapping(KEK)), body: storedAs(LEGACY, PLAIN) },
      facts: {
        ...{ format: 'cos-java-cbc', dialect: 'java-legacy', authenticated: false },
        recipients: [{ ...aesIs('aes-kw', 40), iv: 'in the clear' }],
        ...{ mostContentLength: 15, StoredLength: 16 },
      },
    },
  ]) {
    test(`tells what there is to tell of an object of ${name}, as text and as JSON, and no secret`, async () => {
      await storeRaw(at('store'), { a: raw })
      const runs = await runBatch([inspect('a'), inspect('a', '--json')])
      expectFacts(factsOf(runs[0]!, runs[1]!), facts, raw)
      expectSecretsHidden(runs, raw)
    })
  }
})

/** What KmsMasterKey sends, and what it makes of answers that no KMS should give: a service that answers by script. */
import { inspect } from 'node:util'
import { expect } from 'chai'
import { createEnvelope, openEnvelope } from '../../lib/envelope/envelope.js'
import type { ErrorCode } from '../../lib/errors.js'
import { KmsMasterKey, type KmsMasterKeyOptions } from '../../lib/keys/kms-master-key.js'
import { cosSpec, KEYS } from '../support/cos-service.js'
import { refused } from '../support/refused.js'
import {
  scriptedService,
  type ScriptedAnswer,
  type SeenRequest,
  type Step,
} from '../support/scripted-service.js'
import { PREFIX } from '../support/sdk-headers.js'
import { Seeded } from '../support/seeded.js'

const random = new Seeded(550)
const KEY = random.bytes(32)
const IV = random.bytes(16)
const answer = (response: unknown): ScriptedAnswer => ({ body: JSON.stringify({ Response: response }) })
const failed = (Code: string): ScriptedAnswer =>
  answer({ Error: { Code, Message: 'scripted' }, RequestId: 'request-1' })
const GOOD = { KeyId: 'k', Plaintext: KEY.toString('base64'), CiphertextBlob: 'AAAA-k-BBBB', RequestId: 'r' }

type Parameters_ = Readonly<Record<string, string>>
const parametersOf = ({ body }: SeenRequest): Parameters_ => JSON.parse(body.toString()) as Parameters_

describe('KmsMasterKey and a service by script', () => {
  const spec = cosSpec()
  const keys: KmsMasterKey[] = []
  afterEach(() => {
    for (const key of keys.splice(0)) key.close()
  })
  const start = async (
    options: Partial<KmsMasterKeyOptions>,
    ...steps: [Step, ...Step[]]
  ): Promise<{ master: KmsMasterKey; seen: SeenRequest[]; endpoint: string }> => {
    const { endpoint, seen } = await scriptedService(spec, ...steps)
    const master = new KmsMasterKey({
      region: 'ap-guangzhou',
      keyId: 'key-1',
      endpoint,
      credentials: KEYS,
      retry: { attempts: 2, baseDelay: 0 },
      ...options,
    })
    keys.push(master)
    return { master, seen, endpoint }
  }

  it('sends POST / with the headers of API 3.0, and parameters as JSON', async () => {
    const credentials = { ...KEYS, token: 'the-token' }
    const { master, seen, endpoint } = await start({ credentials }, answer(GOOD))
    await createEnvelope(master, { format: 'cos', context: { a: '1' } })
    expect(seen.map(({ method, url }) => `${method} ${url}`)).to.deep.equal(['POST /', 'POST /'])
    const [generate, encrypt] = seen
    expect(generate!.headers).to.include({
      host: new URL(endpoint).host,
      'content-type': 'application/json; charset=utf-8',
      'x-tc-action': 'GenerateDataKey',
      'x-tc-version': '2019-01-18',
      'x-tc-region': 'ap-guangzhou',
      'x-tc-token': 'the-token',
      'accept-encoding': 'identity',
    })
    expect(generate!.headers['user-agent']).to.match(/^sealstream\//)
    expect(generate!.headers['x-tc-timestamp']).to.match(/^\d{10}$/)
    expect(generate!.headers.authorization).to.match(
      /^TC3-HMAC-SHA256 Credential=AKIDofthespec\/\d{4}-\d\d-\d\d\/kms\/tc3_request, /,
    )
    const EncryptionContext = '{"a":"1"}'
    expect(parametersOf(generate!)).to.deep.equal({ KeyId: 'key-1', KeySpec: 'AES_256', EncryptionContext })
    const { Plaintext, ...rest } = parametersOf(encrypt!)
    expect(rest).to.deep.equal({ KeyId: 'key-1', EncryptionContext })
    expect(Buffer.from(Plaintext!, 'base64').length).to.equal(16)
  })

  it('sends no token where there is none', async () => {
    const { master, seen } = await start({}, answer(GOOD))
    await createEnvelope(master, { format: 'sealed' })
    expect(seen[0]!.headers).to.not.have.property('x-tc-token')
  })

  it("asks for a blob without a description with '{}' first, then with '', and names no key", async () => {
    const { master, seen } = await start({}, (request) => {
      const { CiphertextBlob, EncryptionContext } = parametersOf(request)
      if (EncryptionContext !== '') return failed('InvalidParameterValue.InvalidCiphertext')
      return answer({ Plaintext: (CiphertextBlob === 'KEY' ? KEY : IV).toString('base64') })
    })
    const metadata = {
      [`${PREFIX}key`]: Buffer.from('KEY').toString('base64'),
      [`${PREFIX}start`]: Buffer.from('IV').toString('base64'),
      [`${PREFIX}cek-alg`]: 'AES/CTR/NoPadding',
      [`${PREFIX}wrap-alg`]: 'KMS/TencentCloud',
    }
    const { dataKey } = await openEnvelope(metadata, master, { policy: 'any' })
    await dataKey.withBytes((key, iv) => expect([key.equals(KEY), iv.equals(IV)]).to.deep.equal([true, true]))
    const asked = seen.map(parametersOf)
    for (const blob of ['KEY', 'IV']) {
      const contexts = asked.filter(({ CiphertextBlob }) => CiphertextBlob === blob)
      expect(contexts).to.deep.equal(
        ['{}', ''].map((EncryptionContext) => ({ CiphertextBlob: blob, EncryptionContext })),
      )
    }
    seen.length = 0
    const described = { ...metadata, [`${PREFIX}matdesc`]: '{"a":"1"}' }
    await refused('SEALSTREAM_UNWRAP', () => openEnvelope(described, master, { policy: 'any' }))
    expect(seen.map((request) => parametersOf(request).EncryptionContext)).to.deep.equal([
      '{"a":"1"}',
      '{"a":"1"}',
    ])
  })

  for (const code of ['InvalidParameterValue.InvalidCiphertext', 'FailedOperation.DecryptError']) {
    it(`takes ${code} for a blob that does not open`, async () => {
      const { master } = await start({}, failed(code))
      const wrapped = { format: 'sealed', scheme: 'kms', key: Buffer.from('B'), iv: Buffer.alloc(0) } as const
      await refused('SEALSTREAM_UNWRAP', () => master.unwrap(wrapped))
    })
  }

  for (const code of ['UnauthorizedOperation', 'ResourceUnavailable.CmkDisabled', 'InvalidParameter']) {
    it(`passes ${code} on, with the id of the request`, async () => {
      const { master, seen } = await start({}, failed(code))
      const wrapped = { format: 'sealed', scheme: 'kms', key: Buffer.from('B'), iv: Buffer.alloc(0) } as const
      const error = await refused('SEALSTREAM_SERVICE', () => master.unwrap(wrapped))
      expect(error).to.include({ serviceCode: code, requestId: 'request-1', status: 200 })
      expect(seen.length).to.equal(1)
    })
  }

  const answers: Readonly<Record<string, [ErrorCode, ScriptedAnswer]>> = {
    'no JSON': ['SEALSTREAM_ANSWER', { body: 'hello' }],
    'an empty answer': ['SEALSTREAM_ANSWER', { body: '' }],
    null: ['SEALSTREAM_ANSWER', { body: 'null' }],
    'JSON of something else': ['SEALSTREAM_ANSWER', { body: '{"Result":{}}' }],
    'a response that is a text': ['SEALSTREAM_ANSWER', { body: '{"Response":"ok"}' }],
    'an empty response': ['SEALSTREAM_ANSWER', answer({})],
    'no plaintext': ['SEALSTREAM_ANSWER', answer({ ...GOOD, Plaintext: undefined })],
    'a plaintext that is no Base64': ['SEALSTREAM_ANSWER', answer({ ...GOOD, Plaintext: '****' })],
    'a plaintext that is a number': ['SEALSTREAM_ANSWER', answer({ ...GOOD, Plaintext: 5 })],
    'no blob': ['SEALSTREAM_ANSWER', answer({ ...GOOD, CiphertextBlob: undefined })],
    'an empty blob': ['SEALSTREAM_ANSWER', answer({ ...GOOD, CiphertextBlob: '' })],
    'a blob with a blank': ['SEALSTREAM_ANSWER', answer({ ...GOOD, CiphertextBlob: 'A B' })],
    'a blob that is not ASCII': ['SEALSTREAM_ANSWER', answer({ ...GOOD, CiphertextBlob: 'é' })],
    'a data key of 16 bytes': [
      'SEALSTREAM_ANSWER',
      answer({ ...GOOD, Plaintext: Buffer.alloc(16, 7).toString('base64') }),
    ],
    'a page of a proxy, 502': ['SEALSTREAM_SERVICE', { status: 502, body: '<html>Bad Gateway</html>' }],
    'a redirection': ['SEALSTREAM_SERVICE', { status: 307, headers: { location: '/elsewhere' }, body: '' }],
    'an error without a code': ['SEALSTREAM_SERVICE', answer({ Error: {} })],
  }
  for (const [title, [code, given]] of Object.entries(answers)) {
    it(`refuses ${title} with ${code}, and shows no key in it`, async () => {
      const { master } = await start({}, given)
      const error = await refused(code, () => createEnvelope(master, { format: 'sealed' }))
      const shown = inspect(error, { depth: 10, showHidden: true })
      for (const secret of [GOOD.Plaintext, KEY.toString('hex'), KEYS.secretKey, 'Signature=']) {
        expect(shown).to.not.include(secret)
      }
    })
  }

  it('tries a 502 again, not what it cannot understand', async () => {
    const gateway = await start({}, { status: 502, body: 'x' }, answer(GOOD))
    await createEnvelope(gateway.master, { format: 'sealed' })
    expect(gateway.seen.length).to.equal(2)
    const nonsense = await start({}, { body: 'x' }, answer(GOOD))
    await refused('SEALSTREAM_ANSWER', () => createEnvelope(nonsense.master, { format: 'sealed' }))
    expect(nonsense.seen.length).to.equal(1)
  })

  it('disposes of nothing twice: a failed Encrypt for the IV is the error of the whole', async () => {
    const { master, seen } = await start({}, answer(GOOD), failed('UnauthorizedOperation'))
    const error = await refused('SEALSTREAM_SERVICE', () => createEnvelope(master, { format: 'cos' }))
    expect(error.message).to.include('kms:Encrypt')
    expect(seen.length).to.equal(2)
  })
})

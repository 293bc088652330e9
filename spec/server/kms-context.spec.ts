import { expect } from 'chai'
import type { RunningServer } from '../../lib/server/index.js'
import { serversOfSpec } from '../support/server-files.js'
import { call, DATA_KEY, INVALID_CIPHERTEXT, KEY, refusal, responseOf, send } from './kms-request.js'

describe('server: the encryption context of KMS', () => {
  const start = serversOfSpec()
  let server: RunningServer
  beforeEach(async () => (server = await start()))

  async function opens(sealing: string | undefined, opening: string | undefined): Promise<boolean> {
    for (const [action, more] of [
      ['Encrypt', { Plaintext: 'AAAA' }],
      ['GenerateDataKey', { KeySpec: 'AES_128' }],
    ] as const) {
      const given = { KeyId: KEY, ...more, EncryptionContext: sealing }
      const { CiphertextBlob } = await call(server, action, given)
      const answer = responseOf(await send(server, 'Decrypt', { CiphertextBlob, EncryptionContext: opening }))
      if (answer.Error === undefined) continue
      expect(answer.Error.Code).to.equal(INVALID_CIPHERTEXT)
      return false
    }
    return true
  }

  for (const [what, sealing, opening, expected] of [
    ['the same text', '{"a":"1","b":"2"}', '{"a":"1","b":"2"}', true],
    ['another order', '{"a":"1","b":"2"}', '{"b":"2","a":"1"}', true],
    ['other spacing', '{"a":"1"}', ' { "a" : "1" }\n', true],
    ['escapes of the same characters', '{"a":"ü"}', '{"\\u0061":"\\u00fc"}', true],
    ['none against empty text', undefined, '', true],
    ['none against no pairs', undefined, '{}', true],
    ['no pairs against none', '{}', undefined, true],
    ['empty text against no pairs', '', ' {} ', true],
    ['none against one', undefined, '{"a":"1"}', false],
    ['one against none', '{"a":"1"}', undefined, false],
    ['another value', '{"a":"1"}', '{"a":"2"}', false],
    ['another name', '{"a":"1"}', '{"A":"1"}', false],
    ['one pair less', '{"a":"1","b":"2"}', '{"a":"1"}', false],
    ['one pair more', '{"a":"1"}', '{"a":"1","b":""}', false],
    ['names and values exchanged', '{"a":"b"}', '{"b":"a"}', false],
    ['two pairs in one', '{"a":"1","b":"2"}', '{"a":"1\\",\\"b\\":\\"2"}', false],
    ['a name of the prototype', '{"__proto__":"1"}', '{}', false],
  ] as const) {
    it(`${what}: ${expected ? 'opens' : 'does not open'}`, async () => {
      expect(await opens(sealing, opening)).to.equal(expected)
    })
  }

  for (const [what, context] of [
    ['no JSON', 'a=1'],
    ['a list', '["a"]'],
    ['text', '"a"'],
    ['null', 'null'],
    ['a number as value', '{"a":1}'],
    ['null as value', '{"a":null}'],
    ['an object as value', '{"a":{}}'],
    ['an object instead of its text', { a: '1' }],
  ] as const) {
    it(`is refused when it is ${what}: InvalidParameter`, async () => {
      const more = { EncryptionContext: context }
      expect(await refusal(server, 'Encrypt', { KeyId: KEY, Plaintext: 'AAAA', ...more })).to.equal(
        'InvalidParameter',
      )
      expect(await refusal(server, 'GenerateDataKey', { ...DATA_KEY, ...more })).to.equal('InvalidParameter')
      expect(await refusal(server, 'Decrypt', { CiphertextBlob: 'AAAA', ...more })).to.equal(
        'InvalidParameter',
      )
    })
  }

  it('may have 1024 characters, of whatever size, and not 1025', async () => {
    for (const character of ['x', 'ü', '密', '🔑']) {
      const context = (length: number): string => `{"a":"${character.repeat(length - 8)}"}`
      expect(await opens(context(1024), context(1024)), character).to.equal(true)
      const parameters = { ...DATA_KEY, EncryptionContext: context(1025) }
      expect(await refusal(server, 'GenerateDataKey', parameters)).to.equal('InvalidParameter')
    }
  })
})

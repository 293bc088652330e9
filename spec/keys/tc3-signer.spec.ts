import { createHash, createHmac } from 'node:crypto'
import { expect } from 'chai'
import { tc3Authorization, type Tc3Call } from '../../lib/keys/tc3-signer.js'

/** The example of Tencent Cloud API document 213/30654, with keys that are asterisks there, too. */
const EXAMPLE: Tc3Call = {
  service: 'cvm',
  host: 'cvm.tencentcloudapi.com',
  action: 'DescribeInstances',
  body: '{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}',
  timestamp: 1551113065,
}
const KEYS = { secretId: `AKID${'*'.repeat(32)}`, secretKey: '*'.repeat(32) }

const sha = (text: string): string => createHash('sha256').update(text).digest('hex')
const mac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

/** The same from the document's text, for calls that it has no example of. */
function model({ service, host, action, body, timestamp }: Tc3Call): string {
  const canonical =
    'POST\n/\n\ncontent-type:application/json; charset=utf-8\n' +
    `host:${host}\nx-tc-action:${action.toLowerCase()}\n\ncontent-type;host;x-tc-action\n${sha(body)}`
  const date = new Date(timestamp * 1000).toISOString().slice(0, 10)
  const scope = `${date}/${service}/tc3_request`
  const text = `TC3-HMAC-SHA256\n${timestamp}\n${scope}\n${sha(canonical)}`
  const key = mac(mac(mac(`TC3${KEYS.secretKey}`, date), service), 'tc3_request')
  const signature = mac(key, text).toString('hex')
  const credential = `Credential=${KEYS.secretId}/${scope}`
  return `TC3-HMAC-SHA256 ${credential}, SignedHeaders=content-type;host;x-tc-action, Signature=${signature}`
}

describe('tc3Authorization', () => {
  it("is that of the documentation's example", () => {
    expect(tc3Authorization(EXAMPLE, KEYS)).to.equal(
      `TC3-HMAC-SHA256 Credential=${KEYS.secretId}/2019-02-25/cvm/tc3_request, ` +
        'SignedHeaders=content-type;host;x-tc-action, ' +
        'Signature=10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f',
    )
  })

  const calls: Readonly<Record<string, Partial<Tc3Call>>> = {
    'another service': { service: 'kms', action: 'Decrypt' },
    'a host with a port': { host: '127.0.0.1:9000' },
    'an empty body': { body: '' },
    'a body that is not ASCII': { body: '{"a":"中"}' },
    'the last second of a day': { timestamp: 1551139199 },
    'the first second of a day': { timestamp: 1551139200 },
    'the first day': { timestamp: 0 },
  }
  for (const [title, changes] of Object.entries(calls)) {
    it(`is what the rules give for ${title}`, () => {
      const call = { ...EXAMPLE, ...changes }
      expect(tc3Authorization(call, KEYS)).to.equal(model(call))
      expect(tc3Authorization(call, KEYS)).to.not.equal(tc3Authorization(EXAMPLE, KEYS))
    })
  }

  it('does not hold the secret key', () => {
    const secretKey = 'a-secret-key-of-the-spec'
    expect(tc3Authorization(EXAMPLE, { ...KEYS, secretKey })).to.not.include(secretKey)
  })
})

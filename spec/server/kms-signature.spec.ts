import { createHash, createHmac } from 'node:crypto'
import { expect } from 'chai'
import { KmsRefusal } from '../../lib/server/kms/refusal.js'
import {
  canonicalRequest,
  tc3Signature,
  textToSign,
  verifyKmsSignature,
} from '../../lib/server/kms/signature.js'

// The worked example of Tencent Cloud API document 213/30654, "Signature v3", in its two editions. The older one prints
// its key; in the newer one the key is masked with 32 asterisks, and its numbers are made with those very asterisks.
const EXAMPLE = {
  timestamp: '1551113065',
  scope: '2019-02-25/cvm/tc3_request',
  body: Buffer.from(
    '{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}',
  ),
  headers: {
    'content-type': 'application/json; charset=utf-8',
    host: 'cvm.tencentcloudapi.com',
    'x-tc-action': 'DescribeInstances',
  },
}
const EDITIONS = [
  {
    key: 'Gu5t9xGARNpq86cd98joQYCN3EXAMPLE',
    names: ['content-type', 'host'],
    canonicalHash: '5ffe6a04c0664d6b969fab9a13bdab201d63ee709638e2749d62a09ca18d7031',
    signature: '72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168',
  },
  {
    key: '*'.repeat(32),
    names: ['content-type', 'host', 'x-tc-action'],
    canonicalHash: '7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84',
    signature: '10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f',
  },
]

describe('server: the signature of KMS requests, on the examples of its documentation', () => {
  for (const { key, names, canonicalHash, signature } of EDITIONS) {
    const canonical = canonicalRequest(EXAMPLE.headers, names, EXAMPLE.body)

    it(`makes one text of a request with ${names.join(';')}`, () => {
      expect(canonical.split('\n').slice(0, 5)).to.deep.equal([
        'POST',
        '/',
        '',
        'content-type:application/json; charset=utf-8',
        'host:cvm.tencentcloudapi.com',
      ])
      expect(canonical).to.match(
        /\n\n[a-z;-]+\n35e9c5b0e3ae67532d3c9f17ead6c90222632e5b1ff7f6e89887f1398934f064$/,
      )
      expect(createHash('sha256').update(canonical).digest('hex')).to.equal(canonicalHash)
    })

    it(`signs it as ${signature.slice(0, 8)}...`, () => {
      const text = textToSign(EXAMPLE.timestamp, EXAMPLE.scope, canonical)
      expect(text).to.equal(`TC3-HMAC-SHA256\n1551113065\n2019-02-25/cvm/tc3_request\n${canonicalHash}`)
      expect(tc3Signature(key, EXAMPLE.scope, text)).to.equal(signature)
    })
  }
})

const CREDENTIALS = { secretId: 'AKIDspec', secretKey: 'the key' }
const NOW = Date.UTC(2026, 1, 3, 23, 59, 30)
const BODY = Buffer.from('{"KeyId":"k"}')

/** A request as it would arrive; made by hand, so that nothing of it comes from what is tested. */
interface Made {
  readonly seconds?: number
  readonly date?: string
  readonly service?: string
  readonly secretId?: string
  readonly secretKey?: string
  readonly names?: string
  readonly headers?: Record<string, string>
}

function made(changes: Made = {}): Record<string, string> {
  const { seconds = NOW / 1000, date = new Date(seconds * 1000).toISOString().slice(0, 10) } = changes
  const { service = 'kms', secretId = CREDENTIALS.secretId, names = 'content-type;host' } = changes
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    host: '127.0.0.1:1',
    'x-tc-timestamp': String(seconds),
    'x-tc-action': 'Encrypt',
    ...changes.headers,
  }
  const lines = names.split(';').map((name) => `${name}:${(headers[name] ?? '').trim().toLowerCase()}\n`)
  const hash = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex')
  const canonical = ['POST', '/', '', lines.join(''), names, hash(BODY)].join('\n')
  const scope = `${date}/${service}/tc3_request`
  const text = ['TC3-HMAC-SHA256', String(seconds), scope, hash(canonical)].join('\n')
  const mac = (key: Buffer | string, data: string): Buffer => createHmac('sha256', key).update(data).digest()
  const dateKey = mac(`TC3${changes.secretKey ?? CREDENTIALS.secretKey}`, date)
  const signature = mac(mac(mac(dateKey, service), 'tc3_request'), text).toString('hex')
  const credential = `Credential=${secretId}/${scope}`
  headers.authorization = `TC3-HMAC-SHA256 ${credential}, SignedHeaders=${names}, Signature=${signature}`
  return headers
}

/** The code of the refusal; undefined when it is accepted. */
function codeOf(headers: Record<string, string | undefined>, body = BODY, now = NOW): string | undefined {
  try {
    verifyKmsSignature({ headers }, body, CREDENTIALS, now)
    return undefined
  } catch (error) {
    if (!(error instanceof KmsRefusal)) throw error
    expect(error.message).to.not.include(CREDENTIALS.secretKey)
    return error.code
  }
}

describe('server: the check of KMS signatures', () => {
  it('accepts a right one, over two headers or more', () => {
    expect(codeOf(made())).to.equal(undefined)
    expect(codeOf(made({ names: 'content-type;host;x-tc-action' }))).to.equal(undefined)
    expect(codeOf(made({ names: 'content-type;host;x-tc-action;x-tc-timestamp' }))).to.equal(undefined)
  })

  it('takes values of headers trimmed and in lower case', () => {
    const headers = made({ headers: { 'content-type': '  Application/JSON; charset=UTF-8 ' } })
    expect(codeOf(headers)).to.equal(undefined)
  })

  it('refuses another body, header, or key with SignatureFailure', () => {
    const code = 'AuthFailure.SignatureFailure'
    expect(codeOf(made(), Buffer.from('{"KeyId":"l"}'))).to.equal(code)
    expect(codeOf({ ...made(), host: '127.0.0.1:2' })).to.equal(code)
    expect(codeOf({ ...made(), 'content-type': 'application/json; charset=utf-8' })).to.equal(code)
    expect(codeOf(made({ secretKey: 'another key' }))).to.equal(code)
    const withAction = made({ names: 'content-type;host;x-tc-action' })
    expect(codeOf({ ...withAction, 'x-tc-action': 'Decrypt' })).to.equal(code)
    expect(codeOf({ ...made(), 'x-tc-action': 'Decrypt' }), 'the action is not signed').to.equal(undefined)
  })

  for (const [what, changes] of [
    ['the date of another day', { date: '2026-02-04' }],
    ['another service', { service: 'cvm' }],
    ['no signed host', { names: 'content-type' }],
    ['no signed content-type', { names: 'host' }],
    ['names that are not sorted', { names: 'host;content-type' }],
    ['a signed header that is not there', { names: 'content-type;host;x-tc-token' }],
  ] as const) {
    it(`refuses ${what} with SignatureFailure`, () => {
      expect(codeOf(made(changes))).to.equal('AuthFailure.SignatureFailure')
    })
  }

  it('refuses a signature in upper case or cut short with SignatureFailure', () => {
    const headers = made()
    const { authorization = '' } = headers
    const upper = authorization.replace(/[0-9a-f]+$/, (hex) => hex.toUpperCase())
    expect(codeOf({ ...headers, authorization: upper })).to.equal('AuthFailure.SignatureFailure')
    const short = authorization.slice(0, -1)
    expect(codeOf({ ...headers, authorization: short })).to.equal('AuthFailure.SignatureFailure')
  })

  it('refuses another scope beside a right signature with SignatureFailure', () => {
    const headers = made()
    for (const scope of ['2026-02-04/kms/tc3_request', '2026-02-03/cvm/tc3_request', '2026-02-03/kms/tc3']) {
      const authorization = headers.authorization!.replace('2026-02-03/kms/tc3_request', scope)
      expect(codeOf({ ...headers, authorization }), scope).to.equal('AuthFailure.SignatureFailure')
    }
  })

  it('knows one secret id', () => {
    expect(codeOf(made({ secretId: 'AKIDother' }))).to.equal('AuthFailure.SecretIdNotFound')
  })

  it('accepts a difference of 5 minutes either way, and no second more', () => {
    for (const [seconds, code] of [
      [-300, undefined],
      [300, undefined],
      [-301, 'AuthFailure.SignatureExpire'],
      [301, 'AuthFailure.SignatureExpire'],
    ] as const) {
      expect(codeOf(made({ seconds: NOW / 1000 + seconds })), String(seconds)).to.equal(code)
    }
    expect(codeOf(made(), BODY, NOW + 300_999), 'the server counts whole seconds').to.equal(undefined)
  })

  it('takes the day from the time of the request, in UTC: not from its own', () => {
    expect(codeOf(made({ seconds: Date.UTC(2026, 1, 4, 0, 0, 1) / 1000 }))).to.equal(undefined)
  })

  for (const [what, authorization] of [
    ['nothing', ''],
    ['the signature of COS', 'q-sign-algorithm=sha1&q-ak=AKIDspec'],
    ['another algorithm', made().authorization!.replace('SHA256', 'SM3')],
    ['no credential', made().authorization!.replace(/Credential=[^,]*, /, '')],
    ['no signed headers', made().authorization!.replace(/SignedHeaders=[^,]*, /, '')],
    ['no signature', made().authorization!.replace(/, Signature=.*/, '')],
    ['no scope', made().authorization!.replace(/\/[^,]*/, '')],
  ] as const) {
    it(`refuses an Authorization with ${what}: InvalidAuthorization`, () => {
      expect(codeOf({ ...made(), authorization })).to.equal('AuthFailure.InvalidAuthorization')
    })
  }

  it('refuses a request without Authorization or time: MissingParameter', () => {
    expect(codeOf({ ...made(), authorization: undefined })).to.equal('MissingParameter')
    expect(codeOf({ ...made(), 'x-tc-timestamp': undefined })).to.equal('MissingParameter')
  })

  for (const time of ['', '1e9', '-1', '2026-02-03', '1770163170.5', '17701631700000']) {
    it(`refuses ${JSON.stringify(time)} as time: InvalidParameter`, () => {
      expect(codeOf({ ...made(), 'x-tc-timestamp': time })).to.equal('InvalidParameter')
    })
  }
})

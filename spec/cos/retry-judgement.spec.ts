import { expect } from 'chai'
import { judge } from '../../lib/cos/retry-judgement.js'
import { IntegrityError, LengthError, OptionError, SealstreamError, ServiceError } from '../../lib/errors.js'

function answered(status: number, serviceCode = '', retryAfter?: number): ServiceError {
  const facts = { serviceMessage: '', resource: '', requestId: '', traceId: '' }
  return new ServiceError('op', { status, serviceCode, retryAfter, ...facts })
}

function broken(code?: string): SealstreamError {
  const cause = Object.assign(new Error('cause'), code === undefined ? {} : { code })
  return new SealstreamError('SEALSTREAM_CONNECTION', 'broken', { cause })
}

function verdict(error: unknown): 'final' | 'nothing was done' | 'uncertain' {
  const { isPassing, isUncertain } = judge(error)
  if (!isPassing) {
    expect(isUncertain).to.equal(false)
    return 'final'
  }
  return isUncertain ? 'uncertain' : 'nothing was done'
}

describe('what a failure means for another attempt', () => {
  const cases: [expected: ReturnType<typeof verdict>, title: string, error: unknown][] = [
    ...['ECONNREFUSED', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH'].map((code): (typeof cases)[number] => [
      'nothing was done',
      code,
      broken(code),
    ]),
    ...['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'HPE_INVALID_CONSTANT', undefined].map(
      (code): (typeof cases)[number] => [
        'uncertain',
        `a connection with cause ${String(code)}`,
        broken(code),
      ],
    ),
    ...[
      'ENOTFOUND',
      'CERT_HAS_EXPIRED',
      'CERT_NOT_YET_VALID',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'HOSTNAME_MISMATCH',
    ].map((code): (typeof cases)[number] => ['final', code, broken(code)]),
    ['uncertain', 'a timeout', new SealstreamError('SEALSTREAM_TIMEOUT', 'slow')],
    [
      'uncertain',
      'other bytes stored',
      new IntegrityError('a', { algorithm: 'crc64', expected: '1', found: '2' }),
    ],
    [
      'final',
      'no checksum where one is required',
      new IntegrityError('a', { algorithm: 'crc64', expected: 'a checksum', found: 'none' }),
    ],
    ['final', 'a proxy that opens no tunnel', broken('ERR_PROXY_TUNNEL')],
    ['uncertain', 'a body that ended early', new LengthError('SEALSTREAM_TRUNCATED', 'a', 2, 1)],
    ['nothing was done', '429', answered(429)],
    ['nothing was done', '503 without a code', answered(503)],
    ['nothing was done', '503 SlowDown', answered(503, 'SlowDown')],
    ['nothing was done', '400 RequestTimeout', answered(400, 'RequestTimeout')],
    ['uncertain', '500', answered(500, 'InternalError')],
    ['uncertain', '502 without a code', answered(502)],
    ['uncertain', '504', answered(504)],
    ['uncertain', '200 with InternalError', answered(200, 'InternalError')],
    ['final', '501', answered(501, 'NotImplemented')],
    ['final', '200 with AccessDenied', answered(200, 'AccessDenied')],
    ...[304, 307, 400, 401, 403, 404, 405, 409, 411, 412, 416].map((status): (typeof cases)[number] => [
      'final',
      String(status),
      answered(status),
    ]),
    ['final', '403 AccessDenied', answered(403, 'AccessDenied')],
    ['final', '404 NoSuchUpload', answered(404, 'NoSuchUpload')],
    ...(
      [
        'SEALSTREAM_ABORTED',
        'SEALSTREAM_CREDENTIALS',
        'SEALSTREAM_ANSWER',
        'SEALSTREAM_SOURCE_CHANGED',
        'SEALSTREAM_SOURCE_ENDED_EARLY',
        'SEALSTREAM_UNWRAP',
      ] as const
    ).map((code): (typeof cases)[number] => ['final', code, new SealstreamError(code, 'x')]),
    ['final', 'a body of another length', new LengthError('SEALSTREAM_BODY_LENGTH', 'a', 1, 2)],
    ['final', 'a refused option', new OptionError('Key', 'must be a string')],
    ['final', 'an error of somebody else', new TypeError('x')],
    ['final', 'what is no error', undefined],
  ]
  for (const [expected, title, error] of cases) {
    it(`${title}: ${expected}`, () => expect(verdict(error)).to.equal(expected))
  }

  it('passes on the pause that the service asks for, by 429, 503 and 500', () => {
    for (const status of [429, 500, 503]) expect(judge(answered(status, '', 7000)).retryAfter).to.equal(7000)
    expect(judge(answered(503)).retryAfter).to.equal(undefined)
  })
})

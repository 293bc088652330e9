/** Calls of an embedded server's KMS, signed by code that shares nothing with the server's check, or with the client. */
import { createHash, createHmac } from 'node:crypto'
import { expect } from 'chai'
import type { RunningServer } from '../../lib/server/index.js'
import { plainRequest, type RawAnswer } from '../support/raw-request.js'

/** A key id in the form of the service. */
export const KEY = '23e80852-1e38-11e9-b129-5cb9019b4b01'

/** What is out of the ordinary in a request. */
export interface Changes {
  /** Over the ordinary ones; an empty one is left out. */
  readonly headers?: Readonly<Record<string, string>>
  /** Instead of the parameters as JSON. */
  readonly body?: string | Buffer
  readonly path?: string
  readonly secretId?: string
  /** Milliseconds. */
  readonly now?: number
  /** Without Content-Length. */
  readonly chunked?: boolean
}

/** A call of KMS, signed here and not by the code under test. */
export function send(
  server: RunningServer,
  action: string,
  parameters: object,
  changes: Changes = {},
): Promise<RawAnswer> {
  const { path = '/', body = JSON.stringify(parameters), secretId = server.credentials.secretId } = changes
  const { host } = new URL(server.kmsEndpoint)
  const seconds = Math.floor((changes.now ?? Date.now()) / 1000)
  const scope = `${new Date(seconds * 1000).toISOString().slice(0, 10)}/kms/tc3_request`
  const all: Record<string, string> = {
    Host: host,
    'Content-Type': 'application/json',
    'X-TC-Action': action,
    'X-TC-Version': '2019-01-18',
    'X-TC-Region': 'ap-guangzhou',
    'X-TC-Timestamp': String(seconds),
    ...(changes.chunked === true
      ? { 'Transfer-Encoding': 'chunked' }
      : { 'Content-Length': String(Buffer.byteLength(body)) }),
    ...changes.headers,
  }
  const headers = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
  const sha = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex')
  const mac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest()
  const type = (headers['Content-Type'] ?? '').toLowerCase()
  const canonical = `POST\n/\n\ncontent-type:${type}\nhost:${host}\n\ncontent-type;host\n${sha(body)}`
  const [date = '', service = '', last = ''] = scope.split('/')
  const key = mac(mac(mac(`TC3${server.credentials.secretKey}`, date), service), last)
  const signature = mac(key, `TC3-HMAC-SHA256\n${seconds}\n${scope}\n${sha(canonical)}`).toString('hex')
  const credential = `Credential=${secretId}/${scope}`
  headers.Authorization = `TC3-HMAC-SHA256 ${credential}, SignedHeaders=content-type;host, Signature=${signature}`
  return plainRequest(server, { method: 'POST', path, headers, body })
}

/** What stands in an answer. */
export interface Response {
  readonly RequestId: string
  readonly KeyId?: string
  readonly Plaintext?: string
  readonly CiphertextBlob?: string
  readonly Error?: { readonly Code: string; readonly Message: string }
}

/** The answer of KMS, whose form is checked. */
export function responseOf({ status, headers, text }: RawAnswer): Response {
  expect([status, headers['content-type']]).to.deep.equal([200, 'application/json'])
  return (JSON.parse(text) as { Response: Response }).Response
}

/** The answer to a call that succeeds. */
export async function call(
  server: RunningServer,
  action: string,
  parameters: object,
): Promise<Required<Omit<Response, 'Error'>>> {
  const response = responseOf(await send(server, action, parameters))
  expect(response.Error).to.equal(undefined)
  return response as Required<Response>
}

/** The code of a call that is refused. */
export async function refusal(
  server: RunningServer,
  action: string,
  parameters: object,
  changes?: Changes,
): Promise<string> {
  const response = responseOf(await send(server, action, parameters, changes))
  expect(Object.keys(response).sort()).to.deep.equal(['Error', 'RequestId'])
  expect(response.Error!.Message).to.be.a('string').and.not.equal('')
  return response.Error!.Code
}

/** The code for whatever does not open. */
export const INVALID_CIPHERTEXT = 'InvalidParameterValue.InvalidCiphertext'
/** Parameters of GenerateDataKey. */
export const DATA_KEY = { KeyId: KEY, KeySpec: 'AES_256' }
export const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64')

/** Signature of Tencent Cloud API v3, TC3-HMAC-SHA256, for JSON calls. Pure. */
import { createHash, createHmac } from 'node:crypto'

/** One call, before it is signed. */
export interface Tc3Call {
  readonly service: string
  /** As the Host header has it: with the port, unless it is the scheme's own. */
  readonly host: string
  readonly action: string
  readonly body: string
  /** Unix seconds. */
  readonly timestamp: number
}

/** Media type of every call; it is part of what is signed. */
export const TC3_CONTENT_TYPE = 'application/json; charset=utf-8'

/** Value of the Authorization header. */
export function tc3Authorization(
  { service, host, action, body, timestamp }: Tc3Call,
  { secretId, secretKey }: { readonly secretId: string; readonly secretKey: string },
): string {
  const headers = { 'content-type': TC3_CONTENT_TYPE, host, 'x-tc-action': action.toLowerCase() }
  const names = Object.keys(headers).join(';')
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`)
  const request = ['POST', '/', '', lines.join(''), names, sha256(body)].join('\n')
  const date = new Date(timestamp * 1000).toISOString().slice(0, 10)
  const scope = `${date}/${service}/tc3_request`
  const text = ['TC3-HMAC-SHA256', timestamp, scope, sha256(request)].join('\n')
  const key = hmac(hmac(hmac(`TC3${secretKey}`, date), service), 'tc3_request')
  const signature = hmac(key, text).toString('hex')
  return `TC3-HMAC-SHA256 Credential=${secretId}/${scope}, SignedHeaders=${names}, Signature=${signature}`
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

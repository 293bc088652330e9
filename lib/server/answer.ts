/** What a handler returns, and how it goes out. */
import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Refusal } from './refusal.js'
import type { RequestBody } from './request-body.js'
import { xmlDocument, type XmlElement } from './xml.js'

/** An answer to one request. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** A stream needs a `content-length` among the headers and is destroyed whatever happens. */
  readonly body?: string | Readable
  /** An error, though the status says success: those of KMS. */
  readonly isError?: boolean
}

/** An answer with an XML document. */
export interface DocumentAnswer extends Answer {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What identifies one exchange, in headers and error documents. */
export interface ExchangeIds {
  readonly requestId: string
  readonly traceId: string
}

/** What an error document is made of. A scripted one may have codes that this server gives for no other reason. */
export interface RefusalFacts extends Pick<Refusal, 'status' | 'message' | 'headers' | 'elements'> {
  readonly code: string
}

/** An answer whose body is an XML document. */
export function xmlAnswer(root: XmlElement, headers: Readonly<Record<string, string>> = {}): DocumentAnswer {
  return { status: 200, headers: { 'content-type': 'application/xml', ...headers }, body: xmlDocument(root) }
}

/**
 * The error document of a refusal.
 *
 * @param resource - Path of the request, as sent.
 */
export function refusalAnswer(refusal: RefusalFacts, resource: string, ids: ExchangeIds): DocumentAnswer {
  const root: XmlElement = [
    'Error',
    [
      ['Code', refusal.code],
      ['Message', refusal.message],
      ['Resource', resource],
      ['RequestId', ids.requestId],
      ['TraceId', ids.traceId],
      ...Object.entries(refusal.elements),
    ],
  ]
  return {
    ...xmlAnswer(root, {
      ...refusal.headers,
      'x-cos-trace-id': ids.traceId,
      // The answer to a HEAD has no body, so the code would be lost.
      'x-cos-error-code': refusal.code,
    }),
    status: refusal.status,
  }
}

/**
 * Sends an answer. Resolves when it is out; rejects when the connection or the answer's stream fails before.
 *
 * When the request's body was not read to its end, the answer goes out at once, says `Connection: close`, and the
 * connection is closed after a bounded drain.
 */
export async function sendAnswer(response: ServerResponse, body: RequestBody, answer: Answer): Promise<void> {
  const unread = body.isUnread
  const hasBody = response.req.method !== 'HEAD' && answer.status !== 204 && answer.status !== 304
  const content = hasBody ? (answer.body ?? '') : undefined
  const headers: Record<string, string | number> = { ...answer.headers }
  if (typeof content === 'string') headers['content-length'] = Buffer.byteLength(content)
  if (unread) headers.connection = 'close'
  try {
    response.writeHead(answer.status, asSpelt(headers))
  } catch (error) {
    if (typeof content === 'object') content.destroy()
    throw error
  }
  if (typeof content === 'object') {
    // A response that waits behind another on its connection does not hear of the connection's end by itself.
    const { socket } = response.req
    const onClose = (): void => void response.destroy()
    socket.once('close', onClose)
    try {
      await pipeline(content, response)
    } finally {
      socket.off('close', onClose)
    }
    return
  }
  // Bytes, because Node would write the headers in the encoding of a string that follows them: UTF-8, not Latin-1.
  const bytes = content === undefined ? undefined : Buffer.from(content)
  if (!unread) {
    response.end(bytes)
    return
  }
  // Ending a response that says close shuts the socket, so everything goes out before the drain, but not the end.
  response.flushHeaders()
  if (bytes !== undefined) response.write(bytes)
  await body.drain()
  response.end()
}

/** Names as COS spells them: the Python SDK looks them up in that very case. Its own `x-cos-` names are lower case. */
function asSpelt(headers: Readonly<Record<string, string | number>>): Record<string, string | number> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [spelling(name), value]))
}

function spelling(name: string): string {
  if (name.startsWith('x-cos-')) return name
  return name === 'etag' ? 'ETag' : name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase())
}

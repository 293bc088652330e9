/** What to do with bytes on a connection that are no HTTP request. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * Answers unreadable requests with a bare status.
 *
 * A body longer than its Content-Length is the ordinary cause: HTTP takes what follows for the next request. The
 * request before it was whole, so it gets its answer first, as from COS; only then is the connection closed.
 */
export function answerParseErrors(server: Server): void {
  const latest = new WeakMap<Duplex, ServerResponse>()
  const remember = (incoming: IncomingMessage, response: ServerResponse): void => {
    latest.set(incoming.socket, response)
  }
  server.prependListener('request', remember)
  server.prependListener('checkContinue', remember)
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const response = latest.get(socket)
    const isWaiting = response !== undefined && !response.writableFinished && !response.destroyed
    if (isWaiting && response.req.complete && socket.writable) closeAfter(response)
    else if (socket.writable && error.code !== 'ECONNRESET') socket.end(bareAnswer(error.code))
    else socket.destroy()
  })
}

function closeAfter(response: ServerResponse): void {
  if (response.headersSent) response.once('finish', () => response.socket?.end())
  else response.setHeader('Connection', 'close')
}

function bareAnswer(code: string | undefined): string {
  const status =
    code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request'
  return `HTTP/1.1 ${status}\r\nServer: sealstream\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
}

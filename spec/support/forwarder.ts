/** A service in front of an embedded server that passes everything on, and lets a spec look and act in between. */
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RunningServer } from '../../lib/server/index.js'

/** A request as it came in. */
export interface Forwarded {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: Readonly<Record<string, string | undefined>>
}

/**
 * Runs something against the forwarder.
 *
 * @param before - Awaited before a request is passed on.
 * @returns The requests, in order.
 */
export async function forwarding(
  server: RunningServer,
  run: (endpoint: string) => Promise<unknown>,
  before: (request: Forwarded) => Promise<void> = async () => undefined,
): Promise<Forwarded[]> {
  const seen: Forwarded[] = []
  const forwarder = createServer((incoming, response) => {
    const { method = '', url = '', headers } = incoming
    const request = { method, url, headers: headers as Forwarded['headers'] }
    seen.push(request)
    before(request).then(
      () => {
        const outgoing = httpRequest({ host: '127.0.0.1', port: server.port, method, path: url, headers })
        outgoing.on('response', (answer: IncomingMessage) => {
          response.writeHead(answer.statusCode!, answer.headers)
          answer.pipe(response)
        })
        outgoing.on('error', () => void response.destroy())
        incoming.pipe(outgoing)
      },
      () => void response.destroy(),
    )
  })
  await new Promise<void>((resolve) => void forwarder.listen(0, '127.0.0.1', resolve))
  try {
    await run(`http://127.0.0.1:${(forwarder.address() as AddressInfo).port}`)
  } finally {
    forwarder.closeAllConnections()
    await new Promise((resolve) => forwarder.close(resolve))
  }
  return seen
}

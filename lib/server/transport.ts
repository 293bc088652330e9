/** The listening side: one TCP port, with or without TLS, and what faults do to connections. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { SealstreamError } from '../errors.js'
import type { Identity } from './certificate.js'

/** Where to listen. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** A port that HTTP requests come in at. */
export class Transport {
  /** Gives the events of requests. */
  readonly server: Server
  readonly isHttps: boolean
  /** Below TLS; a reset is none of TLS's matters. By the client's address. */
  readonly #tcpSockets = new Map<string, Socket>()
  #address: Address = { host: '', port: 0 }
  #handshakesToFail = 0
  #pause: NodeJS.Timeout | undefined
  #resuming: Promise<void> | undefined

  /** @param identity - Makes it HTTPS. */
  constructor(identity: Identity | undefined) {
    this.isHttps = identity !== undefined
    this.server =
      identity === undefined
        ? createServer()
        : createHttpsServer({ key: identity.privateKey, cert: identity.certificate })
    if (this.isHttps) this.server.on('connection', (socket: Socket) => this.#accept(socket))
  }

  /**
   * @returns The port, where 0 was asked for.
   * @throws SealstreamError `SEALSTREAM_SERVER`
   */
  async listen({ host, port }: Address): Promise<number> {
    try {
      this.server.listen(port, host)
      await once(this.server, 'listening')
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      const problem =
        code === 'EADDRINUSE'
          ? `option port: ${port} is already in use on ${host}`
          : code === 'EACCES'
            ? `option port: ${port} may not be used by this user`
            : `option host: ${host} cannot be listened on (${code ?? 'error'})`
      throw new SealstreamError('SEALSTREAM_SERVER', problem, { cause })
    }
    this.#address = { host, port: (this.server.address() as AddressInfo).port }
    return this.#address.port
  }

  /** Stops listening and closes idle connections; listens again on the same port after `ms`. */
  refuseFor(ms: number): void {
    clearTimeout(this.#pause)
    this.server.close()
    const resume = async (): Promise<void> => {
      // Another process may have taken the port meanwhile. Clients then stay refused, which is all that can be done.
      await this.listen(this.#address).catch(() => undefined)
    }
    this.#pause = setTimeout(() => {
      this.#resuming = resume()
    }, ms)
  }

  /** Closes idle connections, and ends the next new one before its handshake. */
  failNextHandshake(): void {
    this.#handshakesToFail += 1
    this.server.closeIdleConnections()
  }

  /** Ends a connection with a TCP reset. */
  reset(socket: Socket): void {
    const tcp = this.isHttps ? this.#tcpSockets.get(addressOf(socket)) : socket
    // It is gone already.
    if (tcp === undefined || socket.destroyed) return
    tcp.resetAndDestroy()
    socket.destroy()
  }

  /** Ends every connection and stops listening. */
  async close(): Promise<void> {
    clearTimeout(this.#pause)
    await this.#resuming
    const closed = once(this.server, 'close')
    this.server.close()
    this.server.closeAllConnections()
    // Those still in their handshake are no HTTP connections yet.
    for (const socket of this.#tcpSockets.values()) socket.destroy()
    await closed
  }

  #accept(socket: Socket): void {
    const address = addressOf(socket)
    this.#tcpSockets.set(address, socket)
    socket.once('close', () => this.#tcpSockets.delete(address))
    if (this.#handshakesToFail === 0) return
    this.#handshakesToFail -= 1
    socket.destroy()
  }
}

function addressOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

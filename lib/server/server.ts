/** Starts and stops the embedded server. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SealstreamError } from '../errors.js'
import { answerParseErrors } from './parse-errors.js'
import { openDirectory } from './directory.js'
import { exchange, type Services } from './exchange.js'
import { ObjectStore } from './object-store.js'
import { type ResolvedOptions, resolveOptions, type ServerOptions } from './options.js'
import { UploadStore } from './upload-store.js'
import type { ServerCredentials } from './verify-signature.js'

/** A server that accepts requests. */
export interface RunningServer {
  /** For example `http://127.0.0.1:41231`. */
  readonly endpoint: string
  readonly port: number
  readonly credentials: ServerCredentials
  /** Where the objects are; absolute. */
  readonly directory: string
  /**
   * Ends every connection, idle or active, waits for what was under way, and removes the directory if it is temporary.
   * May be called again.
   */
  close(): Promise<void>
}

/**
 * Starts an object store that speaks COS's XML API over plain HTTP.
 *
 * It is for development, demos and tests. Every request must be signed with the one key pair, and that is all the
 * access control there is. Every bucket exists as soon as it is named: reading from one that nothing was written to
 * finds no keys. Data survives the death of the process, not a power failure. Operations it does not have are answered
 * with `NotImplemented`.
 *
 * @throws OptionError for an unknown or wrong option.
 * @throws SealstreamError `SEALSTREAM_SERVER` when the port is taken, the host is not an address of this machine, or the
 * directory cannot be written to.
 */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const resolved = resolveOptions(options)
  const { credentials, clock, log } = resolved
  const directory = await openDirectory(resolved.directory)
  const services: Services = {
    objects: new ObjectStore(directory.path),
    uploads: new UploadStore(directory.path),
    credentials,
    clock,
    log,
  }
  const { server, settled } = createHttpServer(services)
  try {
    await listen(server, resolved)
  } catch (error) {
    await directory.release()
    throw error
  }
  const { port } = server.address() as AddressInfo
  const endpoint = `http://${connectableHost(resolved.host)}:${port}`
  log(`sealstream server on ${endpoint}, for development and tests only`)

  const stop = async (): Promise<void> => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
    await settled()
    await directory.release()
  }
  let stopping: Promise<void> | undefined
  return { endpoint, port, credentials, directory: directory.path, close: () => (stopping ??= stop()) }
}

/** @returns `settled` resolves once no request is under way, not even its files. */
function createHttpServer(services: Services): { server: Server; settled: () => Promise<unknown> } {
  const underWay = new Set<Promise<void>>()
  const take = (expectsContinue: boolean) => (incoming: IncomingMessage, response: ServerResponse) => {
    const done: Promise<void> = exchange(services, incoming, response, expectsContinue)
      // Only a throwing clock or log comes this far.
      .catch(() => void response.destroy())
      .finally(() => underWay.delete(done))
    underWay.add(done)
  }
  const server = createServer()
  // Five minutes, Node's default, is not enough for 5 GiB on a slow line.
  server.requestTimeout = 0
  // Longer than clients keep idle connections, so that it is they who close them.
  server.keepAliveTimeout = 65_000
  server.on('request', take(false))
  server.on('checkContinue', take(true))
  answerParseErrors(server)
  return { server, settled: () => Promise.allSettled(underWay) }
}

async function listen(server: Server, { host, port }: ResolvedOptions): Promise<void> {
  try {
    server.listen(port, host)
    await once(server, 'listening')
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
}

/** How a client on this machine reaches `host`; the wildcards are no addresses to connect to. */
function connectableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

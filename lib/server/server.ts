/** Starts and stops the embedded server. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { answerParseErrors } from './parse-errors.js'
import { makeIdentity } from './certificate.js'
import { openDirectory } from './directory.js'
import { exchange, type Services } from './exchange.js'
import { FaultPlan } from './faults/fault-plan.js'
import { type ServerFaults, serverFaults } from './faults/server-faults.js'
import { KmsKeys } from './kms/keys.js'
import { KmsSecret } from './kms/secret.js'
import { ObjectStore } from './object-store.js'
import { Watcher } from './observers.js'
import { resolveOptions, type ServerOptions } from './options.js'
import { Transport } from './transport.js'
import { UploadStore } from './upload-store.js'
import type { ServerCredentials } from './verify-signature.js'

/** A server that accepts requests. */
export interface RunningServer {
  /** For example `http://127.0.0.1:41231`. */
  readonly endpoint: string
  /** Where the server's KMS is: the same origin. It takes the same credentials. */
  readonly kmsEndpoint: string
  readonly port: number
  readonly credentials: ServerCredentials
  /** Where the objects are; absolute. */
  readonly directory: string
  /** With the option `https`: the certificate, PEM, for a client's `ca`. */
  readonly certificate: string | undefined
  /** For tests: what goes wrong. */
  readonly faults: ServerFaults
  /**
   * Ends every connection, idle or active, waits for what was under way, and removes the directory if it is temporary.
   * May be called again.
   */
  close(): Promise<void>
}

/**
 * Starts an object store that speaks COS's XML API over plain HTTP, or over HTTPS.
 *
 * It is for development, demos and tests. Every request must be signed with the one key pair, and that is all the
 * access control there is. Every bucket exists as soon as it is named: reading from one that nothing was written to
 * finds no keys. Data survives the death of the process, not a power failure. Operations it does not have are answered
 * with `NotImplemented`.
 *
 * On the same port it is a KMS, in the manner of Tencent Cloud's (API 3.0, version 2019-01-18): GenerateDataKey, Encrypt
 * and Decrypt with symmetric keys. What its keys are made from lies in the directory: it protects nothing that lies there.
 *
 * @throws OptionError for an unknown or wrong option.
 * @throws SealstreamError `SEALSTREAM_SERVER` when the port is taken, the host is not an address of this machine, or the
 * directory cannot be written to.
 */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const resolved = resolveOptions(options)
  const { credentials, clock, log, host, onRequest, onBody } = resolved
  const identity = resolved.https ? makeIdentity(host) : undefined
  const directory = await openDirectory(resolved.directory)
  const transport = new Transport(identity)
  const faults = new FaultPlan()
  faults.add(resolved.faults)
  const watcher =
    onRequest === undefined && onBody === undefined ? undefined : new Watcher({ onRequest, onBody })
  const settled = serve({
    objects: new ObjectStore(directory.path),
    uploads: new UploadStore(directory.path),
    kms: { keys: new KmsKeys(resolved.kms), secret: new KmsSecret(directory.path) },
    credentials,
    clock,
    log,
    transport,
    faults,
    watcher,
  })
  let port: number
  try {
    port = await transport.listen(resolved)
  } catch (error) {
    await directory.release()
    throw error
  }
  const endpoint = `${resolved.https ? 'https' : 'http'}://${connectableHost(host)}:${port}`
  log(`sealstream server on ${endpoint}, for development and tests only`)

  const stop = async (): Promise<void> => {
    await transport.close()
    await settled()
    await directory.release()
  }
  let stopping: Promise<void> | undefined
  return {
    endpoint,
    kmsEndpoint: endpoint,
    port,
    credentials,
    directory: directory.path,
    certificate: identity?.certificate,
    faults: serverFaults(faults, resolved.https),
    close: () => (stopping ??= stop()),
  }
}

/**
 * Takes requests.
 *
 * @returns A function whose promise resolves once no request is under way, not even its files.
 */
function serve(services: Services): () => Promise<unknown> {
  const { server } = services.transport
  const underWay = new Set<Promise<void>>()
  const take = (expectsContinue: boolean) => (incoming: IncomingMessage, response: ServerResponse) => {
    const done: Promise<void> = exchange(services, incoming, response, expectsContinue)
      // Only a throwing clock or log comes this far.
      .catch(() => void response.destroy())
      .finally(() => underWay.delete(done))
    underWay.add(done)
  }
  // Five minutes, Node's default, is not enough for 5 GiB on a slow line.
  server.requestTimeout = 0
  // Longer than clients keep idle connections, so that it is they who close them.
  server.keepAliveTimeout = 65_000
  server.on('request', take(false))
  server.on('checkContinue', take(true))
  answerParseErrors(server)
  return () => Promise.allSettled(underWay)
}

/** How a client on this machine reaches `host`; the wildcards are no addresses to connect to. */
function connectableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

/** A failure to resolve a name, in the middle of a client's work. */
import { Agent, type ClientRequest, type ClientRequestArgs } from 'node:http'

/** Which requests an operation makes. */
const REQUESTS: Record<string, (method: string, path: string) => boolean> = {
  putObject: (method, path) => method === 'PUT' && !path.includes('?'),
  uploadPart: (method, path) => method === 'PUT' && path.includes('partNumber='),
  completeMultipartUpload: (method, path) => method === 'POST' && path.includes('uploadId='),
  createMultipartUpload: (method, path) => method === 'POST' && path.includes('uploads'),
  getObject: (method, path) => method === 'GET' && !path.includes('?'),
  headObject: (method) => method === 'HEAD',
  listObjects: (method, path) => method === 'GET' && path.includes('max-keys='),
  listParts: (method, path) => method === 'GET' && path.includes('uploadId='),
}

/** What Node calls for each request; its types do not have it. */
interface RequestTaker {
  addRequest(this: Agent, request: ClientRequest, options: ClientRequestArgs): void
}

/** Makes one connection for each request; for one of them, the name of the host is one that does not exist. */
export class NamelessAgent extends Agent {
  /** How many requests had no host: 1 in the end. */
  hits = 0
  #calls = 0
  readonly #operation: string
  readonly #where: { call?: number; partNumber?: number }

  constructor(operation: string, where: { call?: number; partNumber?: number }) {
    super({ keepAlive: false })
    this.#operation = operation
    this.#where = where
  }

  addRequest(request: ClientRequest, options: ClientRequestArgs): void {
    const host = this.#isStruck(request) ? { host: 'nowhere.invalid' } : {}
    const prototype = Agent.prototype as unknown as RequestTaker
    prototype.addRequest.call(this, request, { ...options, ...host })
  }

  #isStruck({ method, path }: ClientRequest): boolean {
    if (REQUESTS[this.#operation]?.(method, path) !== true) return false
    this.#calls += 1
    const { call, partNumber } = this.#where
    const isNext =
      partNumber === undefined ? this.#calls === call : path.includes(`partNumber=${partNumber}&`)
    if (this.hits > 0 || !isNext) return false
    this.hits += 1
    return true
  }
}

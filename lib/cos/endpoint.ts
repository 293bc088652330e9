/** Where a bucket lives, and how its URLs are made. */
import { isIP } from 'node:net'
import { OptionError } from '../errors.js'
import { encodePath } from './encode.js'

/** A request's target. */
export interface Target {
  /** Scheme and host, for example `https://examplebucket-1250000000.cos.ap-beijing.myqcloud.com`. */
  readonly origin: string
  /** Value of the Host header: port included unless it is the scheme's own. */
  readonly host: string
  /** Decoded path, as it is signed. */
  readonly path: string
  /** Percent-encoded path, as it is sent. */
  readonly encodedPath: string
}

/** Options that name an endpoint. */
export interface EndpointOptions {
  /** For example `ap-beijing`. Makes the endpoint unless `endpoint` is given. */
  region?: string | undefined
  /** For example `http://127.0.0.1:9000`. Without a scheme: HTTPS. */
  endpoint?: string | undefined
  /** Whether the bucket stands in the path. Defaults to true where the endpoint's host is an IP address or localhost. */
  pathStyle?: boolean | undefined
}

/** Makes the URLs of one service. */
export class Endpoint {
  readonly #url: URL
  readonly #pathStyle: boolean

  /** @throws {@link OptionError} when neither region nor endpoint is given, or one is malformed. */
  constructor({ region, endpoint, pathStyle }: EndpointOptions) {
    this.#url = endpoint === undefined ? regionUrl(region) : endpointUrl(endpoint)
    if (pathStyle !== undefined && typeof pathStyle !== 'boolean') {
      throw new OptionError('pathStyle', 'must be true or false', { value: pathStyle })
    }
    this.#pathStyle = pathStyle ?? isLocal(this.#url.hostname)
  }

  /** The target of a request to a bucket, or to one of its objects. */
  target(bucket: string, key = ''): Target {
    const host = this.#pathStyle ? this.#url.host : `${bucket}.${this.#url.host}`
    const path = this.#pathStyle ? `/${bucket}/${key}` : `/${key}`
    return { origin: `${this.#url.protocol}//${host}`, host, path, encodedPath: encodePath(path) }
  }
}

function regionUrl(region: string | undefined): URL {
  if (region === undefined) {
    throw new OptionError('region', 'or endpoint must be given', { hint: 'for example ap-beijing' })
  }
  // The region becomes part of a host name: nothing but a label may stand there.
  if (typeof region !== 'string' || !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(region)) {
    throw new OptionError('region', 'must be a region name such as ap-beijing', { value: region })
  }
  return new URL(`https://cos.${region}.myqcloud.com`)
}

function endpointUrl(endpoint: string): URL {
  const text = typeof endpoint === 'string' && !endpoint.includes('://') ? `https://${endpoint}` : endpoint
  const url = URL.canParse(text) ? new URL(text) : undefined
  const bare =
    url?.pathname === '/' &&
    url.search === '' &&
    url.hash === '' &&
    url.username === '' &&
    url.password === ''
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || !bare) {
    // A password that strayed into it must not end up in a log.
    const value = typeof endpoint === 'string' && endpoint.includes('@') ? {} : { value: endpoint }
    throw new OptionError('endpoint', 'must be a scheme, host and port, such as http://127.0.0.1:9000', value)
  }
  return url
}

function isLocal(hostname: string): boolean {
  return hostname === 'localhost' || isIP(hostname.replace(/^\[(.*)\]$/, '$1')) !== 0
}

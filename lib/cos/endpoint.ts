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

/** Names of {@link EndpointOptions}, for checks. */
export const ENDPOINT_OPTIONS = ['region', 'endpoint', 'pathStyle']

/** The domains of the service; a redirect may lead from one to the other. */
const SERVICE_DOMAINS = ['myqcloud.com', 'tencentcos.cn']

/** Makes the URLs of one service. */
export class Endpoint {
  readonly #url: URL
  readonly #region: string | undefined
  readonly #isCustom: boolean
  readonly #pathStyle: boolean

  /** @throws {@link OptionError} when neither region nor endpoint is given, or one is malformed. */
  constructor({ region, endpoint, pathStyle }: EndpointOptions) {
    this.#url = endpoint === undefined ? regionUrl(region) : endpointUrl(endpoint)
    if (pathStyle !== undefined && typeof pathStyle !== 'boolean') {
      throw new OptionError('pathStyle', 'must be true or false', { value: pathStyle })
    }
    if (region !== undefined) assertRegion(region)
    this.#region = region
    this.#isCustom = endpoint !== undefined
    this.#pathStyle = pathStyle ?? isLocal(this.#url.hostname)
  }

  /** Whether requests go over TLS. */
  get isSecure(): boolean {
    return this.#url.protocol === 'https:'
  }

  /** Whether requests go to this machine. */
  get isLoopback(): boolean {
    return isLoopback(this.#url.hostname)
  }

  /**
   * The target of a request to a bucket, or to one of its objects.
   *
   * @param region - Another than the client's. An endpoint that was given by URL serves all regions there are.
   */
  target(bucket: string, key = '', region?: string): Target {
    const url = region === undefined || this.#isCustom ? this.#url : regionUrl(region)
    const host = this.#pathStyle ? url.host : `${bucket}.${url.host}`
    const path = this.#pathStyle ? `/${bucket}/${key}` : `/${key}`
    return { origin: `${url.protocol}//${host}`, host, path, encodedPath: encodePath(path) }
  }

  /** The host that a copy names as its source: always the service's own form (wire-formats F2). */
  sourceHost(bucket: string, region = this.#region): string {
    if (region === undefined) {
      if (!isLocal(this.#url.hostname)) return `${bucket}.${this.#url.host}`
      // Who serves on an address of this machine has one region, whatever its name.
      return `${bucket}.cos.local.myqcloud.com`
    }
    return `${bucket}.${regionUrl(region).host}`
  }

  /**
   * The same request at the host a redirect names.
   *
   * @returns undefined when that is no host of this service, another path, or not as private as it was.
   */
  redirected(target: Target, location: string | undefined): Target | undefined {
    const url = URL.canParse(location ?? '', target.origin)
      ? new URL(location ?? '', target.origin)
      : undefined
    if (url === undefined || url.username !== '' || url.password !== '') return undefined
    const now = new URL(target.encodedPath, target.origin)
    if (url.pathname !== now.pathname) return undefined
    // The signature, a token and a customer's key go there: to this very host, or to the same bucket in another region.
    const isHere = url.host === now.host && (url.protocol === now.protocol || url.protocol === 'https:')
    const [bucket = ''] = now.hostname.split('.')
    const isService =
      !this.#isCustom &&
      url.protocol === 'https:' &&
      SERVICE_DOMAINS.some(
        (domain) => url.host.startsWith(`${bucket}.cos.`) && url.host.endsWith(`.${domain}`),
      )
    if (!isHere && !isService) return undefined
    return { ...target, origin: url.origin, host: url.host }
  }
}

function regionUrl(region: string | undefined): URL {
  if (region === undefined) {
    throw new OptionError('region', 'or endpoint must be given', { hint: 'for example ap-beijing' })
  }
  assertRegion(region)
  return new URL(`https://cos.${region}.myqcloud.com`)
}

/** The region becomes part of a host name: nothing but a label may stand there. @throws {@link OptionError} */
export function assertRegion(region: unknown, option = 'region'): asserts region is string {
  if (typeof region === 'string' && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(region)) return
  throw new OptionError(option, 'must be a region name such as ap-beijing', { value: region })
}

/** @throws {@link OptionError} unless it is a scheme and a host, or a host alone: then HTTPS. */
export function endpointUrl(endpoint: string): URL {
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

/** Whether a host is this machine. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname)
}

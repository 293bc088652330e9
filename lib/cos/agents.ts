/** The connections of one client: kept alive, trusted, through a proxy where one is named. */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { HttpProxyAgent } from 'http-proxy-agent'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { OptionError } from '../errors.js'
import { assertKnown } from '../internal/assert.js'

/** What of TLS is the caller's decision; each as in `node:tls`. */
export interface TlsOptions extends Pick<
  SecureContextOptions,
  'ca' | 'cert' | 'key' | 'passphrase' | 'minVersion'
> {
  /** False trusts any certificate, and so anybody in between. Default true. */
  rejectUnauthorized?: boolean | undefined
}

/**
 * What an `Agent` of `node:https` can do. Not that class itself: agents that tunnel HTTPS through a proxy are derived from the
 * `Agent` of `node:http` alone.
 */
export type SecureAgent = Pick<HttpsAgent, keyof HttpsAgent>

/** Options that make connections. */
export interface AgentOptions {
  tls?: TlsOptions | undefined
  /** `http://[user:password@]host:port` or `https://...`. The environment is not looked at. */
  proxy?: string | undefined
  /** Connections of your own making, instead of `tls` and `proxy`. The client does not close them. */
  agents?: { http?: HttpAgent; https?: SecureAgent } | undefined
}

/** Names of {@link AgentOptions}, for checks. */
export const AGENT_OPTIONS = ['tls', 'proxy', 'agents']

/** One agent for each scheme. */
export interface ClientAgents {
  readonly http: HttpAgent
  readonly https: SecureAgent
  /** Whether nobody stands in between. */
  readonly isDirect: boolean
  /** Closes what the client itself opened. */
  destroy(): void
}

/** @throws {@link OptionError} on a malformed option; a proxy's password is never quoted. */
export function makeAgents({ tls = {}, proxy, agents }: AgentOptions): ClientAgents {
  assertKnown(tls, 'tls', ['ca', 'cert', 'key', 'passphrase', 'minVersion', 'rejectUnauthorized'])
  if (agents !== undefined) {
    if (proxy !== undefined) throw new OptionError('proxy', 'must not be given beside agents')
    if (Object.keys(tls).length > 0) throw new OptionError('tls', 'must not be given beside agents')
  }
  const own = proxy === undefined ? directAgents(tls) : proxyAgents(proxyUrl(proxy), tls)
  const given = checkAgents(agents ?? {})
  return {
    ...own,
    ...given,
    isDirect: proxy === undefined && agents === undefined,
    destroy: () => {
      own.http.destroy()
      own.https.destroy()
    },
  }
}

function directAgents(tls: TlsOptions): { http: HttpAgent; https: SecureAgent } {
  return { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true, ...tls }) }
}

/** Through a proxy that opens a tunnel, or not at all: a refusal must never pass for an answer of the service. */
class TunnelAgent extends HttpsProxyAgent<string> {
  readonly #tls: TlsOptions

  constructor(proxy: URL, tls: TlsOptions) {
    super(proxy, { keepAlive: true, ...tls })
    this.#tls = tls
  }

  override async connect(
    ...[request, options]: Parameters<HttpsProxyAgent<string>['connect']>
  ): Promise<Socket> {
    let status = 200
    request.once('proxyConnect', ({ statusCode }: { statusCode: number }) => (status = statusCode))
    const socket = await super.connect(request, { ...options, ...this.#tls })
    if (status === 200) return socket
    socket.destroy()
    throw Object.assign(new Error(`the proxy opens no tunnel: it answered CONNECT with ${status}`), {
      code: 'ERR_PROXY_TUNNEL',
    })
  }
}

function proxyAgents(proxy: URL, tls: TlsOptions): { http: HttpAgent; https: SecureAgent } {
  return {
    http: new HttpProxyAgent(proxy, { keepAlive: true }),
    https: new TunnelAgent(proxy, tls),
  }
}

function checkAgents(agents: object): { http?: HttpAgent; https?: SecureAgent } {
  assertKnown(agents, 'agents', ['http', 'https'])
  for (const [name, agent] of Object.entries(agents)) {
    if (agent === undefined || agent instanceof HttpAgent) continue
    throw new OptionError(`agents.${name}`, `must be an Agent of node:${name}`, { value: agent })
  }
  return agents
}

function proxyUrl(proxy: unknown): URL {
  const url = typeof proxy === 'string' && URL.canParse(proxy) ? new URL(proxy) : undefined
  if (url !== undefined && ['http:', 'https:'].includes(url.protocol) && url.hostname !== '') return url
  throw new OptionError('proxy', 'must be the URL of an HTTP proxy, such as http://proxy.example:3128')
}

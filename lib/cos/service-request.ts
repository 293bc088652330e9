/** A request before it is signed, and its answer. */
import type { Digest } from '../checksum/body-digest.js'
import type { RequestBody } from './exchange.js'
import type { Repeatable } from './retry.js'

/** A request to the service. Everything is decoded; encoding and signing happen here. */
export interface ServiceRequest {
  /** For messages: `putObject`. */
  readonly operation: string
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly bucket: string
  readonly key?: string
  /** Of another region than the client's, for the source of a copy. */
  readonly region?: string | undefined
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: RequestBody
  readonly signal?: AbortSignal | undefined
  /** Whether repeating it is harmless. Default `always`; a body that is a stream is never sent twice. */
  readonly repeat?: Repeatable['repeat']
  /** Whether closing the client lets it end: what cleans up after the others. */
  readonly outlives?: boolean
  /** Called when an attempt failed and the service may have acted all the same. */
  readonly onUncertain?: ((error: Error) => void) | undefined
}

/** What came back, read whole. */
export interface Answer {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Of the request's body, as it went out; undefined when there was none. */
  readonly sent: Digest | undefined
}

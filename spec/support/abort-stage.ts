/** Where battery B16 plays: a server that tells of everything that happens on it, and a folder. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RunningServer, startServer } from '../../lib/server/index.js'
import { makeClient } from './fault-runner.js'
import type { AnyClient } from './fault-workloads.js'
import { BUCKET } from './raw-request.js'

export type Side = 'encrypting' | 'plain'

/** What is waited for takes so long, which is much longer than an abort may take. */
export const WAIT_MS = 4000

export class Stage {
  readonly server: RunningServer
  readonly folder: string
  /** What happened on the server since the call. */
  events = 0
  onEvent: ((number: number) => void) | undefined

  private constructor(server: RunningServer, folder: string) {
    this.server = server
    this.folder = folder
  }

  static async open(): Promise<Stage> {
    const event = (): void => {
      if (stage === undefined) return
      stage.events += 1
      stage.onEvent?.(stage.events)
    }
    let stage: Stage | undefined = undefined as Stage | undefined
    const server = await startServer({
      // Asked for the time when a request arrives, and while it is carried out.
      clock: () => {
        event()
        return Date.now()
      },
      onBody: event,
      onRequest: event,
    })
    stage = new Stage(server, await mkdtemp(join(tmpdir(), 'sealstream-spec-')))
    return stage
  }

  readonly path = (name: string): string => join(this.folder, name)

  client(side: Side, onRetry?: () => void): AnyClient {
    const { endpoint, credentials } = this.server
    const options = { endpoint, credentials, bucket: BUCKET, timeouts: { stall: WAIT_MS } }
    return makeClient(side, { ...options, ...(onRetry === undefined ? {} : { onRetry }) })
  }

  async close(): Promise<void> {
    await this.server.close()
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** An embedded server's KMS for the specs of one describe block, and master keys that use it. */
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { KmsMasterKey, type KmsMasterKeyOptions } from '../../lib/keys/kms-master-key.js'
import { type RunningServer, type ServerOptions, startServer } from '../../lib/server/index.js'
import { eventually } from './eventually.js'

/** Calls by the name of the action. */
export type KmsCounts = Readonly<Record<'GenerateDataKey' | 'Encrypt' | 'Decrypt', number>>

export interface KmsOfSpec {
  readonly server: () => RunningServer
  /** A master key of the running server; closed afterwards. Never waits before it tries again. */
  readonly key: (options?: Partial<KmsMasterKeyOptions>) => KmsMasterKey
  /** Forgets the calls that were counted. */
  readonly reset: () => void
  /** Waits until the calls since then are these, and fails if there are more. Zero where nothing is said. */
  readonly expectCalls: (expected: Partial<KmsCounts>) => Promise<void>
}

/** Call inside `describe`: one server for all of its tests, counted anew for each. */
export function kmsOfSpec(options: ServerOptions = {}): KmsOfSpec {
  let running: RunningServer | undefined
  let seen: string[] = []
  const keys: KmsMasterKey[] = []
  before(async () => {
    running = await startServer({ ...options, onRequest: ({ operation }) => void seen.push(operation) })
  })
  beforeEach(() => {
    seen = []
  })
  afterEach(() => {
    running?.faults.clear()
    for (const key of keys.splice(0)) key.close()
  })
  after(() => running?.close())
  const server = (): RunningServer => running!
  return {
    server,
    key(changes = {}) {
      const key = new KmsMasterKey({
        region: 'ap-beijing',
        keyId: 'key-1',
        endpoint: server().kmsEndpoint,
        credentials: server().credentials,
        retry: { attempts: 3, baseDelay: 0, maxDelay: 0 },
        ...changes,
      })
      keys.push(key)
      return key
    },
    reset() {
      seen = []
    },
    async expectCalls({ GenerateDataKey = 0, Encrypt = 0, Decrypt = 0 }) {
      const expected: KmsCounts = { GenerateDataKey, Encrypt, Decrypt }
      await eventually(() => expect(countsOf(seen)).to.deep.equal(expected))
      // The server hears of the end of an answer after the client has it: one more would show by now.
      await delay(5)
      expect(countsOf(seen)).to.deep.equal(expected)
    },
  }
}

function countsOf(operations: readonly string[]): KmsCounts {
  const count = (name: string): number => operations.filter((each) => each === `kms:${name}`).length
  return {
    GenerateDataKey: count('GenerateDataKey'),
    Encrypt: count('Encrypt'),
    Decrypt: count('Decrypt'),
  }
}

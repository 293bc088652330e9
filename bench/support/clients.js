// Clients of a store in memory, in a process of its own.
import { AesMasterKey, CosClient, CosEncryptionClient } from '../../dist/index.js'
import { startMemoryStore } from './memory-store.js'

export const KEY_PAIR = { secretId: 'id', secretKey: 'key' }
export const BUCKET = 'bench-1250000000'

/**
 * A store and a client for it; `close` ends both.
 *
 * @param options - `format`: encrypts; without it the client is plain. `integrity` as the client takes it. `keep` as the store takes it.
 */
export async function openClient({ format, integrity = 'md5+crc64', keep = false }) {
  const store = await startMemoryStore({ keep })
  const common = { endpoint: store.endpoint, credentials: KEY_PAIR, bucket: BUCKET, integrity }
  const client =
    format === undefined
      ? new CosClient(common)
      : new CosEncryptionClient({ ...common, format, masterKey: AesMasterKey.generate() })
  const close = async () => {
    await client.close()
    store.close()
  }
  return { client, store, close }
}

/** Whether a text was written by somebody who has an object's data key (RULES 1.4). */
import { createHmac, createSecretKey, hkdfSync } from 'node:crypto'
import { wipe } from '../internal/bytes.js'
import type { DataKey } from './data-key.js'

/** HMAC-SHA-256 of texts, under a key derived from the data key; Base64. */
export async function checkpointMac(dataKey: DataKey): Promise<(text: string) => string> {
  const key = await dataKey.withBytes((bytes, iv) => {
    const derived = Buffer.from(hkdfSync('sha256', bytes, iv, 'sealstream checkpoint', 32))
    try {
      return createSecretKey(derived)
    } finally {
      wipe(derived)
    }
  })
  return (text) => createHmac('sha256', key).update(text).digest('base64')
}

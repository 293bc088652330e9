/** How much plaintext an object holds. */
import type { GetObjectParams } from '../cos/get-object.js'
import type { Service } from '../cos/service.js'
import { BLOCK_BYTES } from '../crypto/counter.js'
import type { DataKey } from '../crypto/data-key.js'
import { FORMATS } from '../crypto/format.js'
import { readPinnedRange, type Described } from './pinned-range.js'

/**
 * Plaintext bytes of an object; of `cos-java-cbc` by what its last block says.
 *
 * @throws LengthError `SEALSTREAM_TRUNCATED` where no object of the format is as long.
 */
export async function plaintextSize(
  service: Service,
  params: GetObjectParams,
  object: Described,
  dataKey: DataKey,
): Promise<number> {
  const { StoredLength: stored } = object
  const most = dataKey.plaintextSize(stored)
  if (FORMATS[dataKey.format].cipher.isSizeExact) return most
  const last = { start: Math.max(0, stored - 2 * BLOCK_BYTES), end: stored - 1 }
  const bytes = await readPinnedRange(service, params, object, last)
  const start = stored - BLOCK_BYTES
  const decryptor = dataKey.decryptor({ start })
  try {
    return start + decryptor.update(bytes).length + decryptor.final().length
  } finally {
    decryptor.close()
  }
}

/** How much plaintext an object holds. */
import type { GetObjectParams } from '../cos/get-object.js'
import type { Service } from '../cos/service.js'
import { BLOCK_BYTES } from '../crypto/counter.js'
import type { DataKey } from '../crypto/data-key.js'
import { FORMATS } from '../crypto/format.js'
import { DATA_SIZE_HEADER, UNENCRYPTED_LENGTH_HEADER } from '../envelope/headers.js'
import { LengthError } from '../errors.js'
import { readPinnedRange, type Described } from './pinned-range.js'

/**
 * Plaintext bytes of an object; of `cos-java-cbc` by what its last block says.
 *
 * The COS Java SDK loses the last block of what it writes in parts with CBC (wire-formats C3), and what is left may look padded: a
 * stated size that is another decides.
 *
 * @throws LengthError `SEALSTREAM_TRUNCATED` where no object of the format is as long, or where its end was never stored.
 */
export async function plaintextSize(
  service: Service,
  params: GetObjectParams,
  object: Described,
  dataKey: DataKey,
): Promise<number> {
  const { StoredLength: stored } = object
  const { isSizeExact } = FORMATS[dataKey.format].cipher
  const stated = isSizeExact ? undefined : statedSize(object.$metadata.headers)
  if (stated !== undefined && stated > 0 && stated === stored) return stored
  if (stated !== undefined && stated > stored) {
    throw new LengthError('SEALSTREAM_TRUNCATED', 'ciphertext', stated, stored)
  }
  const most = dataKey.plaintextSize(stored)
  if (isSizeExact) return most
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

/** Plaintext bytes as the headers of the SDKs state them. Nobody vouches for it. */
export function statedSize(headers: Readonly<Record<string, string>>): number | undefined {
  const text = headers[UNENCRYPTED_LENGTH_HEADER] ?? headers[DATA_SIZE_HEADER]
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

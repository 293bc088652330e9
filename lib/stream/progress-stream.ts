/** Reports how many bytes have passed. */
import type { Transform } from 'node:stream'
import { OptionError } from '../errors.js'
import { assertInteger } from '../internal/assert.js'
import type { ProgressListener } from '../internal/progress.js'
import { assertStreamOptions, ByteTransform, type StreamOptions } from './byte-transform.js'

/** Passes bytes through unchanged and reports them: after each chunk, and once more at the end of an empty stream. */
export function progressStream(
  options: StreamOptions & { total?: number | undefined; onProgress: ProgressListener },
): Transform {
  assertStreamOptions(options, ['total', 'onProgress'])
  const { total, onProgress } = options
  if (total !== undefined) assertInteger(total, 'total', 0)
  if (typeof onProgress !== 'function') {
    throw new OptionError('onProgress', 'must be a function', { value: onProgress })
  }
  let bytes = 0
  return new ByteTransform(
    {
      update(chunk) {
        bytes += chunk.length
        onProgress({ bytes, total })
        return chunk
      },
      final() {
        if (bytes === 0) onProgress({ bytes, total })
        return Buffer.alloc(0)
      },
    },
    options,
  )
}

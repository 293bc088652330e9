/** What `.pipe()` leaves out: a source that fails takes its destination with it (RULES 8.3). */
import { errorMonitor } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { SealstreamError } from '../errors.js'

/**
 * Makes `stream` destroy itself with `SEALSTREAM_SOURCE_ENDED_EARLY` when a stream piped into it errors or closes
 * before its end. Without this, the destination of a failed `.pipe()` waits forever, or worse, is ended by hand.
 */
export function failWithSource(stream: Writable): void {
  stream.on('pipe', (source: Readable) => {
    let isPiped = true
    const onFailure = (error?: Error | null): void => {
      // A tick later, so that a pipeline() which owns both passes its own, original error first.
      process.nextTick(() => {
        if (!isPiped || source.readableEnded || stream.writableEnded || stream.destroyed) return
        stream.destroy(
          new SealstreamError(
            'SEALSTREAM_SOURCE_ENDED_EARLY',
            'the stream piped in failed or closed before its end',
            { cause: error ?? source.errored },
          ),
        )
      })
    }
    const onClose = (): void => onFailure()
    // The monitor does not count as a handler: an error nobody handles must still end the process.
    source.on(errorMonitor, onFailure)
    source.on('close', onClose)
    stream.on('unpipe', function onUnpipe(unpiped: Readable) {
      if (unpiped !== source) return
      isPiped = false
      source.off(errorMonitor, onFailure)
      source.off('close', onClose)
      stream.off('unpipe', onUnpipe)
    })
    if (source.destroyed) onFailure(source.errored)
  })
}

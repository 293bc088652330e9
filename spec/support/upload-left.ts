/** The process warning about uploads that may have been left on the service. */

/** Counts the warnings `SEALSTREAM_UPLOAD_LEFT` that speak of `text`, from now until `stop`. */
export function uploadLeftWarnings(text: string): { count: () => number; stop: () => void } {
  let count = 0
  const listener = (warning: Error & { code?: string; detail?: string }): void => {
    const isMeant = `${warning.message} ${warning.detail ?? ''}`.includes(text)
    if (warning.code === 'SEALSTREAM_UPLOAD_LEFT' && isMeant) count += 1
  }
  process.on('warning', listener)
  return { count: () => count, stop: () => process.off('warning', listener) }
}

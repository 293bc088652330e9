/** What the process is warned of while a test runs. */

/** A warning that carries a code. */
export type CodedWarning = Error & { code?: string; detail?: string }

/** Call inside `describe`; the array that it gives holds the warnings with this code in the running test. */
export function warningsOf(code: string): readonly CodedWarning[] {
  const seen: CodedWarning[] = []
  const listen = (warning: CodedWarning): void => {
    if (warning.code === code) seen.push(warning)
  }
  beforeEach(() => {
    seen.length = 0
    process.on('warning', listen)
  })
  afterEach(() => void process.off('warning', listen))
  return seen
}

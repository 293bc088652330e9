/** Long work that lets others have the thread, by time and not by amount: how fast a machine is nobody knows. */

/** Longest that work goes on before timers, sockets and aborts get their turn, in milliseconds. */
const MOST_MS = 8

let since = 0
const waiting: (() => void)[] = []

/** Call it between pieces of work. Resolves at once, or after the other events that wait. */
export function breathe(): Promise<void> | undefined {
  if (performance.now() - since <= MOST_MS) return undefined
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(next)
  })
}

/** One at a time: if all went on in the same turn, each would take as long again. */
function next(): void {
  since = performance.now()
  waiting.shift()?.()
  if (waiting.length > 0) setImmediate(next)
}

/** Long work that lets others have the thread, by time and not by amount: how fast a machine is nobody knows. */
import { setImmediate } from 'node:timers/promises'

/** Longest that work goes on before timers, sockets and aborts get their turn, in milliseconds. */
const MOST_MS = 8

let since = 0
let turn: Promise<void> | undefined

/** Call it between pieces of work. Resolves at once, or after the other events that wait. */
export async function breathe(): Promise<void> {
  // Whoever resumes late, when those before it have used the turn up, waits for the next one.
  while (performance.now() - since > MOST_MS) await (turn ??= nextTurn())
}

async function nextTurn(): Promise<void> {
  await setImmediate()
  since = performance.now()
  turn = undefined
}

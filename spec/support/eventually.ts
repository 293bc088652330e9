/** Waiting for what must come to be, within generous bounds. */
import { setTimeout as delay } from 'node:timers/promises'

/** Asks until the answer is yes, for at most so many milliseconds. */
export async function eventually(ask: () => boolean | Promise<boolean>, mostMs = 5000): Promise<boolean> {
  const end = performance.now() + mostMs
  for (;;) {
    if (await ask()) return true
    if (performance.now() > end) return false
    await delay(10)
  }
}

/** Which of the processor's ways to compute AES-CTR is the fastest here; all give the same bytes. */
import { createSecretKey, randomBytes } from 'node:crypto'
import { reclaim } from '../internal/reclaim.js'
import { BLOCK_BYTES } from './counter.js'
import { plainCtr, type CtrBackEnd } from './ctr-keystream.js'
import { ctrThroughGcm } from './ctr-through-gcm.js'

/** Enough for the costs of a call to count as little as they do later on. */
const RACE_BYTES = 32 * 1024
const ROUNDS = 16
/** Another way has to be so much faster to be worth its detour. */
const LEAST_GAIN = 1.25

let fastest: CtrBackEnd | undefined

/**
 * The winner of a race of some five milliseconds, which is run once. Not before Node.js 22: its OpenSSL has no faster GCM, and as memory is
 * not given back at once there, page faults would decide the race.
 */
export function fastestCtr(): CtrBackEnd {
  return (fastest ??= 'transfer' in ArrayBuffer.prototype ? race(plainCtr, ctrThroughGcm) : plainCtr)
}

/** @returns `challenger` where it gives the same bytes in clearly less time. */
export function race(champion: CtrBackEnd, challenger: CtrBackEnd): CtrBackEnd {
  const key = createSecretKey(randomBytes(32))
  const bytes = Buffer.alloc(RACE_BYTES)
  const times: [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const counter = randomBytes(BLOCK_BYTES)
      const outputs = [champion, challenger].map((backEnd, index) => {
        const { cipher } = backEnd(key, counter)
        const started = performance.now()
        const output = cipher.update(bytes)
        times[index] = Math.min(times[index] as number, performance.now() - started)
        return output
      }) as [Buffer, Buffer]
      if (!outputs[0].equals(outputs[1])) return champion
      // Otherwise each output would lie in fresh memory, and page faults are what would be compared.
      outputs.forEach(reclaim)
    }
  } catch {
    return champion
  }
  return times[0] > LEAST_GAIN * times[1] ? challenger : champion
}

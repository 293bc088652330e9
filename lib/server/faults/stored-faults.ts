/** Faults in the bytes that are stored. */
import type { Act } from './faulty-exchange.js'
import { requestLength } from './faulty-exchange.js'
import { byteIn, flipBit, placeIn } from './answer-body.js'

export const flipBitStored: Act = async (exchange, { at }) => {
  const place = byteIn(requestLength(exchange), at)
  exchange.body.alter({
    async *alter(bytes) {
      let offset = 0
      for await (const chunk of bytes) {
        yield flipBit(chunk, offset, place)
        offset += chunk.length
      }
    },
  })
  await exchange.send(await exchange.carryOut(exchange.request))
}

export const dropStoredTail: Act = async (exchange, { at }) => {
  const length = placeIn(requestLength(exchange), at)
  exchange.body.alter({
    length,
    async *alter(bytes) {
      let left = length
      // To the end, so that the whole request is read before its answer.
      for await (const chunk of bytes) {
        if (left > 0) yield chunk.subarray(0, left)
        left -= Math.min(left, chunk.length)
      }
    },
  })
  await exchange.send(await exchange.carryOut(exchange.request))
}

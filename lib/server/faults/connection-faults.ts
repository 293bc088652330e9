/** Faults of the connection: resets, early ends, silence. */
import type { ServerResponse } from 'node:http'
import type { Answer } from '../answer.js'
import { bytesOf, discard, lengthOf, placeIn } from './answer-body.js'
import { type Act, type FaultyExchange, readBody, requestLength, reset } from './faulty-exchange.js'

export const connectRefused: Act = async (exchange, { ms = 50 }) => {
  exchange.transport.refuseFor(ms)
  await reset(exchange)
}

export const tlsFailure: Act = async (exchange) => {
  exchange.transport.failNextHandshake()
  await reset(exchange)
}

export const resetBeforeHeaders: Act = (exchange) => reset(exchange)

export const resetInRequestBody: Act = async (exchange, { at }) => {
  const length = requestLength(exchange)
  await readBody(exchange, at ?? Math.floor(length / 2))
  await reset(exchange)
}

export const answerLost: Act = async (exchange) => {
  discard(await exchange.carryOut(exchange.request))
  await reset(exchange)
}

export const resetInResponseBody: Act = async (exchange, { at }) => {
  const answer = await exchange.carryOut(exchange.request)
  await sendWithHalt(exchange, answer, at, () => reset(exchange))
}

export const earlyClose: Act = async (exchange, { at }) => {
  const answer = await exchange.carryOut(exchange.request)
  await sendWithHalt(exchange, answer, at, async () => {
    const { socket } = exchange.response.req
    socket.destroySoon()
    await untilGone(socket)
  })
}

export const stallBeforeHeaders: Act = async (exchange, { ms }) => {
  const answer = await exchange.carryOut(exchange.request)
  await stall(exchange, ms)
  await exchange.send(answer)
}

export const stallInBody: Act = async (exchange, { at, ms }) => {
  const answer = await exchange.carryOut(exchange.request)
  await sendWithHalt(exchange, answer, at, () => stall(exchange, ms))
}

/** Sends an answer, with something happening when `at` bytes of its body are out. */
async function sendWithHalt(
  { response, request }: FaultyExchange,
  answer: Answer,
  at: number | undefined,
  halt: () => Promise<void>,
): Promise<void> {
  const { status } = answer
  const canHaveBody = status !== 204 && status !== 304
  const length = lengthOf(answer)
  response.writeHead(status, {
    ...answer.headers,
    ...(canHaveBody ? { 'content-length': length } : {}),
  })
  response.flushHeaders()
  const hasBody = canHaveBody && request.method !== 'HEAD' && length > 0
  let left = hasBody ? placeIn(length, at) : 0
  if (left === 0) await halt()
  if (hasBody) {
    for await (const chunk of bytesOf(answer)) {
      const isHere = left > 0 && left <= chunk.length
      if (isHere) {
        await write(response, chunk.subarray(0, left))
        await halt()
      }
      if (response.req.socket.destroyed) break
      await write(response, isHere ? chunk.subarray(left) : chunk)
      left -= Math.min(left, chunk.length)
    }
  }
  if (!response.req.socket.destroyed) response.end()
}

/** Resolves when the bytes have gone to the operating system, or the connection has ended. */
function write(response: ServerResponse, bytes: Buffer): Promise<void> {
  if (bytes.length === 0) return Promise.resolve()
  return new Promise((resolve) => void response.write(bytes, () => resolve()))
}

async function stall({ response, body }: FaultyExchange, ms: number | undefined): Promise<void> {
  // Unread bytes would hide that the client has gone.
  if (body.isUnread) response.req.resume()
  await untilGone(response.req.socket, ms)
}

/** Waits until a connection has ended, at most `ms`. */
function untilGone(socket: ServerResponse['req']['socket'], ms?: number): Promise<void> {
  if (socket.destroyed) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = ms === undefined ? undefined : setTimeout(resolve, ms)
    socket.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

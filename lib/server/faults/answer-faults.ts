/** Faults in answers to operations that were carried out. */
import type { Answer } from '../answer.js'
import { alterBody, byteIn, discard, flipBit, isSuccess, lengthOf, placeIn } from './answer-body.js'
import type { Fault } from './fault.js'
import type { Act, FaultyExchange } from './faulty-exchange.js'

/** Alters the answer if it is a success. */
function altering(alter: (answer: Answer, exchange: FaultyExchange, fault: Fault) => Answer): Act {
  return async (exchange, fault) => {
    const answer = await exchange.carryOut(exchange.request)
    await exchange.send(isSuccess(answer) ? alter(answer, exchange, fault) : answer)
  }
}

export const shortBody = altering((answer, { request }, { bytes = 1 }) =>
  alterBody(answer, request.method, { keep: Math.max(0, lengthOf(answer) - bytes) }),
)

export const longBody = altering((answer, { request }, { bytes = 1 }) =>
  alterBody(answer, request.method, { append: Buffer.alloc(bytes) }),
)

export const flipBitSent = altering((answer, { request }, { at }) => {
  const place = byteIn(lengthOf(answer), at)
  return alterBody(answer, request.method, { change: (chunk, offset) => flipBit(chunk, offset, place) })
})

export const dropAnswerTail = altering((answer, { request }, { at }) => {
  const keep = placeIn(lengthOf(answer), at)
  const headers = { ...answer.headers }
  const [, first] = /^bytes (\d+)-/.exec(headers['content-range'] ?? '') ?? []
  // Content-Range cannot tell of no bytes.
  if (first !== undefined && keep > 0) {
    const end = Number(first) + keep
    headers['content-range'] = `bytes ${first}-${end - 1}/${end}`
  }
  return alterBody({ ...answer, headers }, request.method, { keep })
})

export const wrongEtag = altering((answer) => ({
  ...withHeader(answer, 'etag', otherEtag),
  ...withElement(answer, 'ETag', otherEtag),
}))

export const wrongCrc64 = altering((answer) => ({
  ...withHeader(answer, 'x-cos-hash-crc64ecma', otherNumber),
  ...withElement(answer, 'CRC64', otherNumber),
}))

export const malformedXml = altering((answer, exchange) => {
  const document = documentOf(answer, exchange)
  return { ...document, body: document.body.replace(/<\/[^<>]*>\s*$/, '</Unexpected>') }
})

export const truncatedXml = altering((answer, exchange, { at }) => {
  const document = documentOf(answer, exchange)
  const bytes = Buffer.from(document.body)
  return { ...document, body: bytes.subarray(0, placeIn(bytes.length, at)).toString() }
})

export const repeatRange: Act = async (exchange, { at }) => {
  const { request } = exchange
  const answer = await exchange.carryOut(request)
  const range = otherRange(answer.headers?.['content-range'] ?? '', at)
  if (range === undefined) return exchange.send(answer)
  const other = await exchange.carryOut({ ...request, headers: { ...request.headers, range } })
  discard(answer)
  await exchange.send({ ...answer, ...(other.body === undefined ? {} : { body: other.body }) })
}

/** Another range of the same length; undefined where there is none. */
function otherRange(contentRange: string, at: number | undefined): string | undefined {
  const [first = NaN, last = NaN, size = NaN] =
    /^bytes (\d+)-(\d+)\/(\d+)$/.exec(contentRange)?.slice(1).map(Number) ?? []
  const length = last - first + 1
  const latest = size - length
  if (!(latest > 0)) return undefined
  const before = first - length
  const start = at ?? (before >= 0 ? before : last < latest ? last + 1 : first === 0 ? latest : 0)
  const from = Math.min(start, latest)
  return `bytes=${from}-${from + length - 1}`
}

/** The document that an operation answered with, or that of a 500 where it answered without. */
function documentOf(answer: Answer, exchange: FaultyExchange): Answer & { readonly body: string } {
  const { body } = answer
  if (typeof body === 'string' && body !== '') return { ...answer, body }
  discard(answer)
  const message = 'We encountered an internal error. Please try again.'
  return exchange.refusal({ status: 500, code: 'InternalError', message, headers: {}, elements: {} })
}

function withHeader(answer: Answer, name: string, change: (value: string) => string): Answer {
  const value = answer.headers?.[name]
  return value === undefined ? answer : { ...answer, headers: { ...answer.headers, [name]: change(value) } }
}

/** The body alone, with the text of every element of that name changed. */
function withElement(
  { body }: Answer,
  name: string,
  change: (value: string) => string,
): Pick<Answer, 'body'> {
  if (typeof body !== 'string') return {}
  const element = new RegExp(`(?<=<${name}>)[^<]*(?=</${name}>)`, 'g')
  return { body: body.replace(element, change) }
}

/** Of the same form, quotes and all. */
function otherEtag(etag: string): string {
  return etag.replace(/[0-9a-f]/, (digit) => (digit === '0' ? '1' : '0'))
}

function otherNumber(decimal: string): string {
  return String(BigInt(decimal) ^ 1n)
}

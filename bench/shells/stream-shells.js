// Each way to compose our Transforms against the bare loop that they wrap.
import { createCipheriv } from 'node:crypto'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import chain from 'stream-chain'
import { DataKey, encryptStream, ownedChain } from '../../dist/index.js'
import { assertSame, bytesOf, IV, KEY, KEY_BYTES } from '../support/inputs.js'

export const question = 'What do the stream shells cost?'

export const params = (mode) =>
  (mode === 'toy' ? [65536] : mode === 'quick' ? [65536, 262144] : [16384, 65536, 262144, 1048576]).map(
    (chunk) => ({
      chunk,
      total: mode === 'toy' ? 2 ** 24 : 128 * 2 ** 20,
    }),
  )

const newKey = () => DataKey.from({ format: 'cos', key: KEY_BYTES, iv: IV })

function* source({ chunk, total }) {
  const bytes = bytesOf(chunk)
  for (let done = 0; done < total; done += chunk) yield bytes
}

/** Takes everything and keeps nothing. */
const sink = (highWaterMark) =>
  new Writable({
    highWaterMark,
    write(_chunk, _encoding, done) {
      done()
    },
  })

const contestant = (run) => ({ prepare: (param) => ({ bytes: param.total, run: () => run(param) }) })

const from = (param) => Readable.from(source(param), { objectMode: false, highWaterMark: 2 * param.chunk })

export const contestants = {
  'bare update loop': contestant((param) => {
    const cipher = createCipheriv('aes-256-ctr', KEY, IV)
    for (const bytes of source(param)) cipher.update(bytes)
  }),
  'encryptStream, written to': contestant(async (param) => {
    const stream = encryptStream(newKey())
    stream.on('data', () => undefined)
    for (const bytes of source(param)) {
      if (!stream.write(bytes)) await new Promise((resolve) => stream.once('drain', resolve))
    }
    stream.end()
    await new Promise((resolve) => stream.once('end', resolve))
  }),
  'encryptStream in pipeline()': contestant((param) =>
    pipeline(from(param), encryptStream(newKey()), sink(2 * param.chunk)),
  ),
  'Cipher in pipeline()': {
    ...contestant((param) =>
      pipeline(from(param), createCipheriv('aes-256-ctr', KEY, IV), sink(2 * param.chunk)),
    ),
    isExtra: true,
  },
  'encryptStream in pipe()': {
    ...contestant(
      (param) =>
        new Promise((resolve, reject) => {
          from(param)
            .pipe(encryptStream(newKey()))
            .on('error', reject)
            .pipe(sink(2 * param.chunk))
            .on('finish', resolve)
        }),
    ),
    isExtra: true,
  },
  'stream-chain stage': contestant(async (param) => {
    const stream = ownedChain([encryptStream(newKey())])
    await pipeline(from(param), stream, sink(2 * param.chunk))
  }),
  'stream-chain function': contestant(async (param) => {
    const cipher = createCipheriv('aes-256-ctr', KEY, IV)
    const stream = chain([(bytes) => cipher.update(bytes)], {
      readableObjectMode: false,
      writableObjectMode: false,
    })
    await pipeline(from(param), stream, sink(2 * param.chunk))
  }),
}

const atLeast = (small, large) => [
  { atLeast: small, when: ({ chunk }) => chunk === 65536 },
  { atLeast: large, when: ({ chunk }) => chunk === 262144 },
]

export const ratios = [
  ...atLeast(0.9, 0.95).map((each) => ({ of: 'encryptStream, written to', to: 'bare update loop', ...each })),
  ...atLeast(0.75, 0.9).map((each) => ({ of: 'stream-chain stage', to: 'bare update loop', ...each })),
]

export async function prove() {
  const bytes = bytesOf(1_000_000)
  const collect = async (stream) => Buffer.concat(await stream.toArray()).toString('base64')
  const cut = () =>
    Readable.from([bytes.subarray(0, 300_001), bytes.subarray(300_001)], { objectMode: false })
  assertSame('ciphertext', {
    node: createCipheriv('aes-256-ctr', KEY, IV).update(bytes).toString('base64'),
    encryptStream: await collect(cut().pipe(encryptStream(newKey()))),
    'stream-chain': await collect(cut().pipe(ownedChain([encryptStream(newKey())]))),
  })
  return 'the same ciphertext from the cipher, the Transform and the chain.'
}

// Small objects and ranges: what one costs, whatever its size.
import { BUCKET, openClient } from '../support/clients.js'
import { bytesOf } from '../support/inputs.js'

export const question = 'How many small objects and ranges in a second?'
export const unit = 'per second'

const OBJECT_BYTES = 16 * 2 ** 20

export const params = (mode) => {
  const [sizes, counts] =
    mode === 'full'
      ? [
          [1024, 65536],
          [1, 4, 16],
        ]
      : [[1024], [4]]
  const count = mode === 'toy' ? 16 : 200
  return sizes.flatMap((size) => counts.map((inFlight) => ({ size, count, inFlight })))
}

const manyTimes = ({ count, inFlight }, once) => {
  let next = 0
  const worker = async () => {
    for (let at = next++; at < count; at = next++) await once(at)
  }
  return Promise.all(Array.from({ length: inFlight }, worker))
}

const contestant = (options, begin) => ({
  async prepare(param) {
    const { client, close } = await openClient({ ...options, keep: true })
    const once = await begin(client, param)
    // Counted are operations, not bytes.
    return { bytes: param.count, run: () => manyTimes(param, once).then(() => undefined), close }
  },
})

const put = (client, { size }) => {
  const Body = bytesOf(size)
  return (at) => client.putObject({ Bucket: BUCKET, Key: `o-${at}`, Body })
}

const range = async (client, { size }) => {
  await client.putObject({ Bucket: BUCKET, Key: 'k', Body: bytesOf(OBJECT_BYTES) })
  return async (at) => {
    const start = (at * 1_000_003) % (OBJECT_BYTES - size)
    const { Body } = await client.getObject({
      Bucket: BUCKET,
      Key: 'k',
      Range: `bytes=${start}-${start + size - 1}`,
    })
    await Body.transformToByteArray()
  }
}

export const contestants = {
  'sealstream, plain client: put': contestant({}, put),
  'sealstream, cos: put': contestant({ format: 'cos' }, put),
  'sealstream, sealed: put': contestant({ format: 'sealed' }, put),
  'sealstream, plain client: range': contestant({}, range),
  'sealstream, cos: range': contestant({ format: 'cos' }, range),
  'sealstream, sealed: range': contestant({ format: 'sealed' }, range),
}

export const ratios = [
  { of: 'sealstream, cos: put', to: 'sealstream, plain client: put' },
  { of: 'sealstream, sealed: put', to: 'sealstream, plain client: put' },
]

export const notes = [
  'A range of an encrypted object is a HEAD and a GET; of sealed one more GET, for its head.',
]

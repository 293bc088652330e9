// What others notice of an upload at full speed on the thread that they share.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import { BUCKET, openClient } from '../support/clients.js'
import { bytesOf, fileOf } from '../support/inputs.js'

export const question = 'How long does the event loop wait during an upload on the main thread?'

export const params = (mode) => [
  { bytes: (mode === 'toy' ? 16 : mode === 'quick' ? 64 : 256) * 2 ** 20, inFlight: 12 },
]

/** The 99th percentile of the delay, in milliseconds, beside what every sample has. */
async function withDelay(run) {
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  histogram.enable()
  await run()
  histogram.disable()
  return { p99: histogram.percentile(99) / 1e6, longest: histogram.max / 1e6 }
}

const contestant = (options, upload) => ({
  async prepare({ bytes, inFlight, folder }) {
    const { client, close } = await openClient(options)
    return { bytes, run: () => withDelay(() => upload(client, { bytes, inFlight, folder })), close }
  },
})

const file = (client, { bytes, inFlight, folder }) =>
  client.uploadFile({
    Bucket: BUCKET,
    Key: 'k',
    LocalFilePath: fileOf(folder, bytes),
    Concurrency: inFlight,
    threads: 1,
  })

const memory = (client, { bytes, inFlight }) =>
  client.upload({ Bucket: BUCKET, Key: 'k', Body: bytesOf(bytes), Concurrency: inFlight })

const stream = (client, { bytes, inFlight }) => {
  const chunk = bytesOf(2 ** 20)
  const chunks = Array.from({ length: bytes / chunk.length }, () => chunk)
  return client.upload({ Bucket: BUCKET, Key: 'k', Body: Readable.from(chunks), Concurrency: inFlight })
}

export const contestants = {
  'sealstream, cos, a file': contestant({ format: 'cos' }, file),
  'sealstream, sealed, a file': contestant({ format: 'sealed' }, file),
  'sealstream, cos, bytes in memory': contestant({ format: 'cos' }, memory),
  'sealstream, cos, a stream': contestant({ format: 'cos' }, stream),
}

export const ratios = Object.keys(contestants).map((of) => ({
  name: `99th percentile of the delay, ms: ${of}`,
  of,
  value: ({ p99 }) => p99,
  atMost: 20,
}))

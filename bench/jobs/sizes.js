// Does a byte cost the same in a large object as in a small one?
import { BUCKET, openClient } from '../support/clients.js'
import { fileOf } from '../support/inputs.js'
import { sizeText } from '../support/report.js'

export const question = 'Does a byte of a large object cost what one of a small object costs?'

const MIB = 2 ** 20
const GIB = 2 ** 30
const SIZES = [MIB, 32 * MIB, 128 * MIB, GIB, 10 * GIB]

/** What runs before, so that no sample pays for compilation, nor for the start of threads where it has some. */
const WARM_UP_BYTES = 256 * MIB

export const params = (mode) => {
  const most = mode === 'full' ? 10 * GIB : 32 * MIB
  return ['cos', 'sealed'].map((format) => ({ format, most }))
}

const ours = (bytes) => ({
  only: ({ most }) => bytes <= most,
  warmUps: 0,
  async prepare({ format, folder }) {
    const { client, close } = await openClient({ format })
    const upload = (length) =>
      client.uploadFile({ Bucket: BUCKET, Key: 'k', LocalFilePath: fileOf(folder, length), Concurrency: 16 })
    await upload(Math.min(bytes, WARM_UP_BYTES))
    return { bytes, run: async () => void (await upload(bytes)), close }
  },
})

export const contestants = Object.fromEntries(
  SIZES.map((bytes) => [`sealstream, ${sizeText(bytes)}`, ours(bytes)]),
)

export const ratios = [
  {
    name: 'cost per byte (CPU): 10 GiB / 1 GiB',
    of: 'sealstream, 10 GiB',
    to: 'sealstream, 1 GiB',
    value: ({ cpuSeconds, bytes }) => cpuSeconds / bytes,
    atLeast: 0.95,
    atMost: 1.05,
  },
]

export const notes = [
  'CPU s/GB is what to compare: small objects fit one part, whose MD5 has no others to be computed along with.',
]

// Does a byte cost the same in a large object as in a small one?
import { BUCKET, openClient } from '../support/clients.js'
import { fileOf } from '../support/inputs.js'

export const question = 'Does a byte of a large object cost what one of a small object costs?'

const MIB = 2 ** 20

export const params = (mode) =>
  (mode === 'toy'
    ? [MIB, 32 * MIB]
    : mode === 'quick'
      ? [MIB, 128 * MIB]
      : [1024, MIB, 64 * MIB, 1024 * MIB, 10240 * MIB]
  ).map((bytes) => ({ bytes }))

const ours = (format) => ({
  async prepare({ bytes, folder }) {
    const { client, close } = await openClient({ format })
    const LocalFilePath = fileOf(folder, bytes)
    return {
      bytes,
      run: async () =>
        void (await client.uploadFile({
          Bucket: BUCKET,
          Key: 'k',
          LocalFilePath,
          Concurrency: 12,
          threads: 1,
        })),
      close,
    }
  },
})

export const contestants = { 'sealstream, cos': ours('cos'), 'sealstream, sealed': ours('sealed') }

export const notes = [
  'CPU s/GB is what to compare: small objects fit one part, whose MD5 has no others to be computed along with.',
]

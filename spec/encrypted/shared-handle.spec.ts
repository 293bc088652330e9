/** Parts by hand out of one open file, whose streams share its descriptor. */
import { open, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { encryptingStore } from '../support/encrypting-store.js'
import { Seeded } from '../support/seeded.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const MIB = 1024 * 1024

describe('parts by hand from streams of one file handle', () => {
  const store = encryptingStore()
  const path = temporaryFolder()

  it('may go out at once: the end of one stream closes no other', async () => {
    const data = new Seeded(3).bytes(4 * MIB + 5)
    await writeFile(path('source'), data)
    const client = store.client()
    const { UploadId } = await client.createMultipartUpload({ Key: 'k', PartSize: MIB })
    const handle = await open(path('source'))
    await Promise.all(
      [5, 3, 1, 4, 2].map((PartNumber) => {
        const start = (PartNumber - 1) * MIB
        const Body = handle.createReadStream({ start, end: start + MIB - 1, autoClose: false })
        const ContentLength = Math.min(MIB, data.length - start)
        return client.uploadPart({ Key: 'k', UploadId, PartNumber, Body, ContentLength })
      }),
    )
    expect((await handle.stat()).size).to.equal(data.length)
    await handle.close()
    await client.completeMultipartUpload({ Key: 'k', UploadId })
    const { Body } = await client.getObject({ Key: 'k' })
    expect(data.equals(await Body.transformToByteArray())).to.equal(true)
  })
})

/**
 * What lib does not do yet; not part of the suite. Becomes a spec, by its name, once it holds:
 *
 *   npx mocha --no-config --node-option import=ts-blank-space/register --extension ts spec/census/suffix-range.fault.ts
 */
import { expect } from 'chai'
import { encryptingStore } from '../support/encrypting-store.js'
import { put } from '../support/raw-request.js'
import { releasedBy } from '../support/released.js'
import { CONTEXT, makeKeys, mastersOf, sealObject, type SealedObject } from '../support/sealed-object.js'
import { Seeded } from '../support/seeded.js'

/** So much that it comes in several pieces: what is given out too early is seen. */
const SIZE = 2 * 1024 * 1024
const PLAIN = new Seeded(670).bytes(SIZE)
const MASTERS = mastersOf(makeKeys(671))

describe('census: a suffix of a sealed object that begins in its first chunk', () => {
  const store = encryptingStore()
  let object: SealedObject
  before(async () => {
    object = await sealObject(MASTERS, PLAIN)
  })

  for (const [title, change] of [
    ['5000 bytes appended', (stored: Buffer) => Buffer.concat([stored, Buffer.alloc(5000)])],
    ['its last 5000 bytes cut', (stored: Buffer) => stored.subarray(0, -5000)],
  ] as const) {
    for (const count of [SIZE - 7000, SIZE - 6000]) {
      it(`gives no byte of bytes=-${count} with ${title}: where that begins is not known`, async () => {
        await put(store.server, 'k', change(object.stored), object.metadata)
        const client = store.client({ format: 'sealed', masterKey: MASTERS.aes, context: CONTEXT })
        async function* body(): AsyncGenerator {
          const { Body } = await client.getObject({ Key: 'k', Range: `bytes=-${count}` })
          yield* Body
        }
        const { bytes, error } = await releasedBy(body())
        expect([error?.code, bytes.length]).to.deep.equal(['SEALSTREAM_AUTHENTICATION', 0])
      })
    }
  }
})

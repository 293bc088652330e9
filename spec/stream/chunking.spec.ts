/** Battery B5: the bytes do not depend on how they were cut, nor on how they are consumed. */
import { expect } from 'chai'
import { createCipheriv, createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { crc64 } from '../../lib/checksum/crc64.js'
import { DataKey } from '../../lib/crypto/data-key.js'
import { crc64Stream, md5Stream } from '../../lib/stream/checksum-stream.js'
import { decryptStream, encryptStream } from '../../lib/stream/cipher-stream.js'
import { ownedChain } from '../../lib/stream/owned-chain.js'
import { partStream } from '../../lib/stream/part-stream.js'
import { IS_WHOLE } from '../support/whole.js'
import { CONSUMERS, randomCut, seeded, seededBytes, sourceOf } from './helpers.js'

const PART = 4096
/** Each run is two chunkings: the battery's short flavour has 250 a style. */
const RUNS = Number(process.env.SEALSTREAM_B5_RUNS ?? (IS_WHOLE ? 125 : 40))
const CHECKSUM_RUNS = Math.ceil(RUNS / 3)
const BYTES = seededBytes(5, 4 * PART)

for (const [style, consume] of Object.entries(CONSUMERS)) {
  describe(`random chunking through ${style}`, () => {
    it(`encrypts and decrypts ${RUNS} random stretches, cut at random`, async () => {
      for (let seed = 1; seed <= RUNS; seed++) {
        const random = seeded(seed)
        const key = seededBytes(seed, 32)
        const iv = seededBytes(-seed, 16)
        const dataKey = DataKey.from({ format: 'cos', key, iv })
        const start = random(2) === 0 ? 0 : random(PART)
        const plain = BYTES.subarray(start, start + random(3 * PART + 1))
        const whole = createCipheriv('aes-256-ctr', key, iv).update(BYTES)
        const expected = whole.subarray(start, start + plain.length)

        const sealed = await consume(sourceOf(randomCut(plain, random)), encryptStream(dataKey, { start }))
        expect(sealed.equals(expected), `encrypt, seed ${seed}`).to.equal(true)

        const end = plain.length === 0 || random(2) === 0 ? undefined : start + random(plain.length)
        const opening = decryptStream(dataKey, end === undefined ? { start } : { start, end })
        const opened = await consume(sourceOf(randomCut(sealed, random)), opening)
        const wanted = end === undefined ? plain : BYTES.subarray(start, end + 1)
        expect(opened.equals(wanted), `decrypt, seed ${seed}`).to.equal(true)
      }
    })

    it(`hashes, encrypts and cuts into parts ${CHECKSUM_RUNS} random inputs, cut at random`, async () => {
      for (let seed = 1; seed <= CHECKSUM_RUNS; seed++) {
        const random = seeded(seed)
        const key = seededBytes(seed, 32)
        const dataKey = DataKey.from({ format: 'cos', key, iv: Buffer.alloc(16) })
        const plain = BYTES.subarray(0, random(3 * PART + 1))
        const expected = createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(plain)
        const [md5, crc] = [md5Stream(), crc64Stream()]
        const partSize = 16 * (1 + random(PART / 16))
        const whole: Duplex = ownedChain([md5, encryptStream(dataKey), crc, partStream({ partSize })], {
          readableObjectMode: true,
        })
        const output = await consume(sourceOf(randomCut(plain, random)), whole)
        expect(output.equals(expected), `seed ${seed}`).to.equal(true)
        expect(await md5.digest, `seed ${seed}`).to.deep.equal(createHash('md5').update(plain).digest())
        expect(await crc.digest, `seed ${seed}`).to.equal(crc64(expected))
      }
    })
  })
}

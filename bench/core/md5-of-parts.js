// MD5 of several parts at once against one after another.
import { createHash } from 'node:crypto'
import { openMd5 } from '../../dist/checksum/md5-group.js'
import { Md5Lanes } from '../../dist/checksum/md5-lanes.js'
import { assertSame, bytesOf } from '../support/inputs.js'

export const question = 'How much faster is MD5 of several parts at once?'

export const params = (mode) =>
  (mode === 'toy' ? [4] : [4, 8, 12]).map((parts) => ({
    parts,
    each: mode === 'toy' ? 2 ** 20 : mode === 'quick' ? 8 * 2 ** 20 : 16 * 2 ** 20,
  }))

const PIECE_BYTES = 128 * 1024

/** All from the same memory, which is in the processor's cache, as that is in which pieces have just been encrypted. */
const pieces = (parts) => Array(parts).fill(bytesOf(PIECE_BYTES))

export const contestants = {
  "createHash('md5')": {
    prepare({ parts, each }) {
      const all = pieces(parts)
      return {
        bytes: parts * each,
        run() {
          for (const piece of all) {
            const hash = createHash('md5')
            for (let done = 0; done < each; done += PIECE_BYTES) hash.update(piece)
            hash.digest('hex')
          }
        },
      }
    },
  },
  'sealstream, lanes': {
    prepare({ parts, each }) {
      const all = pieces(parts)
      const lanes = Md5Lanes.load()
      return {
        bytes: parts * each,
        run() {
          const slots = all.map(() => lanes.open())
          for (let done = 0; done < each; done += PIECE_BYTES) {
            slots.forEach((slot, at) => slot.put(all[at]))
            lanes.run(slots)
          }
          for (const slot of slots) {
            lanes.digest(slot)
            lanes.close(slot)
          }
        },
      }
    },
  },
  'sealstream, lanes that wait for each other': {
    prepare({ parts, each }) {
      const all = pieces(parts)
      return {
        bytes: parts * each,
        run: () =>
          Promise.all(
            all.map(async (piece) => {
              const md5 = openMd5(parts)
              for (let done = 0; done < each; done += PIECE_BYTES) await md5.update(piece)
              await md5.digest()
              md5.close()
            }),
          ),
      }
    },
  },
}

const wanted = { 4: 1.5, 8: 3, 12: 4 }

export const ratios = Object.entries(wanted).map(([parts, atLeast]) => ({
  of: 'sealstream, lanes',
  to: "createHash('md5')",
  atLeast,
  when: (param) => param.parts === Number(parts),
}))

export async function prove() {
  const parts = Array.from({ length: 7 }, (_, at) => bytesOf(PIECE_BYTES + at).subarray(at))
  const digests = await Promise.all(
    parts.map(async (bytes) => {
      const md5 = openMd5(parts.length)
      await md5.update(bytes)
      const digest = await md5.digest()
      md5.close()
      return digest
    }),
  )
  parts.forEach((bytes, at) =>
    assertSame('MD5', { createHash: createHash('md5').update(bytes).digest('hex'), sealstream: digests[at] }),
  )
  return 'the same MD5 of seven parts.'
}

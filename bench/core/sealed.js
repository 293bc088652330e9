// Format `sealed`: 16 KiB chunks of AES-256-GCM, against the least that Node.js can do for them.
import { createCipheriv } from 'node:crypto'
import { DataKey } from '../../dist/crypto/data-key.js'
import { reclaim } from '../../dist/internal/reclaim.js'
import { assertSame, bytesOf, KEY, KEY_BYTES } from '../support/inputs.js'

export const question = 'How fast is format sealed?'

const PIECE_BYTES = 128 * 1024
const CHUNK_BYTES = 16 * 1024

export const params = (mode) => [{ total: mode === 'toy' ? 2 ** 24 : 128 * 2 ** 20 }]

const newKey = () => DataKey.from({ format: 'sealed', key: KEY_BYTES, iv: Buffer.alloc(24, 1) })

export const contestants = {
  'bare loop: a GCM cipher for each 16 KiB': {
    prepare({ total }) {
      const bytes = bytesOf(CHUNK_BYTES)
      const nonce = Buffer.alloc(12)
      return {
        bytes: total,
        run() {
          for (let done = 0; done < total; done += CHUNK_BYTES) {
            nonce.writeUInt32BE(done / CHUNK_BYTES, 8)
            const cipher = createCipheriv('aes-256-gcm', KEY, nonce)
            cipher.update(bytes)
            cipher.final()
            cipher.getAuthTag()
          }
        },
      }
    },
  },
  'sealstream, encrypt': {
    prepare({ total }) {
      const bytes = bytesOf(PIECE_BYTES)
      return {
        bytes: total,
        run() {
          const running = newKey().encryptor()
          for (let done = 0; done < total; done += PIECE_BYTES) reclaim(running.update(bytes))
          running.final()
          running.close()
        },
      }
    },
  },
  'sealstream, decrypt': {
    prepare({ total }) {
      const running = newKey().encryptor()
      const chunks = Array.from({ length: 64 }, () => Buffer.from(running.update(bytesOf(PIECE_BYTES))))
      const whole = Buffer.concat([...chunks, running.final()])
      const rounds = Math.max(1, Math.floor(total / (64 * PIECE_BYTES)))
      return {
        bytes: rounds * 64 * PIECE_BYTES,
        run() {
          for (let round = 0; round < rounds; round++) {
            const opened = newKey().decryptor()
            for (let at = 0; at < whole.length; at += PIECE_BYTES)
              reclaim(opened.update(whole.subarray(at, at + PIECE_BYTES)))
            opened.final()
            opened.close()
          }
        },
      }
    },
  },
}

export const ratios = [
  { of: 'sealstream, encrypt', to: 'bare loop: a GCM cipher for each 16 KiB' },
  { of: 'sealstream, decrypt', to: 'bare loop: a GCM cipher for each 16 KiB' },
]

export function prove() {
  const bytes = bytesOf(300_000)
  const [encryptor, decryptor] = [newKey().encryptor(), newKey().decryptor()]
  const sealed = Buffer.concat([encryptor.update(bytes), encryptor.final()])
  const opened = Buffer.concat([decryptor.update(sealed), decryptor.final()])
  assertSame('plaintext', { before: bytes.toString('base64'), after: opened.toString('base64') })
  return 'what was sealed opens to the same bytes.'
}

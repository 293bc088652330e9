/** encryptStream and decryptStream of the formats besides CTR keep what every Transform of ours keeps. */
import { createCipheriv } from 'node:crypto'
import type { RunningCipher } from '../../lib/crypto/content-cipher.js'
import { DataKey } from '../../lib/crypto/data-key.js'
import type { DecryptorOptions } from '../../lib/crypto/data-key-options.js'
import type { Format } from '../../lib/crypto/format.js'
import { decryptStream, encryptStream } from '../../lib/stream/cipher-stream.js'
import { CobblestoneModel, sealedContextModel } from '../support/cobblestone-model.js'
import { seededBytes } from './helpers.js'
import { transformContract } from './transform-contract.js'

const key = seededBytes(1, 32)
const ivs = {
  sealed: seededBytes(2, 24),
  'cos-java-gcm': seededBytes(2, 12),
  'cos-java-cbc': seededBytes(2, 16),
}
const dataKey = (format: keyof typeof ivs): DataKey => DataKey.from({ format, key, iv: ivs[format] })

const sealedModel = new CobblestoneModel(key, ivs.sealed, sealedContextModel([]))

function gcmReference(plain: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, ivs['cos-java-gcm'])
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** What lib does not write. */
function cbcEncryptor(): RunningCipher {
  const cipher = createCipheriv('aes-256-cbc', key, ivs['cos-java-cbc'])
  return { update: (bytes) => cipher.update(bytes), final: () => cipher.final(), close: () => undefined }
}

/**
 * A data key whose decryptors take plaintext, and get what encrypting makes of it: the contract writes what it likes, and these
 * ciphers decrypt nothing but what was encrypted.
 */
function fedBy(made: DataKey, encryption: RunningCipher): DataKey {
  const decryptor = made.decryptor.bind(made)
  made.decryptor = (options?: DecryptorOptions) => {
    const running = decryptor(options)
    return {
      update: (bytes) => running.update(encryption.update(bytes)),
      final: () => Buffer.concat([running.update(encryption.final()), running.final()]),
      close: () => running.close(),
    }
  }
  return made
}

const fed = (format: Exclude<Format, 'cos' | 'cos-python' | 'cos-java-cbc'>): DataKey =>
  fedBy(dataKey(format), dataKey(format).encryptor())

describe('encryptStream of sealed', () => {
  transformContract({
    make: (options) => encryptStream(dataKey('sealed'), options),
    reference: (plain) => sealedModel.message(plain),
    passesThrough: false,
  })
})

describe('decryptStream of sealed', () => {
  transformContract({
    make: (options) => decryptStream(fed('sealed'), options),
    reference: (plain) => plain,
    passesThrough: false,
  })
})

describe('encryptStream of cos-java-gcm', () => {
  transformContract({
    make: (options) => encryptStream(dataKey('cos-java-gcm'), options),
    reference: gcmReference,
    passesThrough: false,
  })
})

// Without it everything is held to the end, and back-pressure is not to be seen: see cipher-stream-errors.spec.ts.
describe('decryptStream of cos-java-gcm with releaseUnverified', () => {
  transformContract({
    make: (options) => decryptStream(fed('cos-java-gcm'), { releaseUnverified: true, ...options }),
    reference: (plain) => plain,
    passesThrough: false,
  })
})

describe('decryptStream of cos-java-cbc', () => {
  transformContract({
    make: (options) => decryptStream(fedBy(dataKey('cos-java-cbc'), cbcEncryptor()), options),
    reference: (plain) => plain,
    passesThrough: false,
  })
})

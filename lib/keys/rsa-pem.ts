/** RSA keys as PEM text, KeyObjects or files: read, checked, never quoted. */
import { createPrivateKey, createPublicKey, KeyObject, type PrivateKeyInput } from 'node:crypto'
import { KeyError, OptionError } from '../errors.js'
import { malformedKeyFile, readKeyFile } from './key-file.js'

/** Modulus lengths in bits: below 2048 nothing new is written; old objects are still read from 1024 on. */
export const LEAST_BITS_TO_WRITE = 2048
const LEAST_BITS_TO_READ = 1024
export const MOST_BITS = 8192

/** OpenSSL writes a key under a longer passphrase, but does not read it back. */
const MOST_PASSPHRASE_BYTES = 1024

export const EXPECTED_PUBLIC = 'a PEM public key (SPKI or PKCS#1)'
export const EXPECTED_PRIVATE = 'a PEM private key (PKCS#1 or PKCS#8)'

/** PEM text, or a Node KeyObject. */
export type RsaKeyInput = string | Uint8Array | KeyObject

/** @throws KeyError `SEALSTREAM_KEY_FORMAT` unless it is the public half of an RSA key. */
export function readPublic(input: RsaKeyInput): KeyObject {
  if (input instanceof KeyObject) return checkRsa(input, 'public', 'publicKey')
  const pem = pemText(input, 'publicKey', EXPECTED_PUBLIC)
  if (pem.includes('PRIVATE KEY')) {
    // Node would quietly derive the public key; a private key in the wrong place deserves a word.
    throw new KeyError('SEALSTREAM_KEY_FORMAT', 'publicKey holds a private key', {
      hint: 'give it as privateKey; the public half is derived from it',
    })
  }
  try {
    return checkRsa(createPublicKey(pem), 'public', 'publicKey')
  } catch (error) {
    throw unreadable('publicKey', EXPECTED_PUBLIC, error)
  }
}

/** @throws KeyError `SEALSTREAM_KEY_FORMAT` unless it is a private RSA key, and the passphrase opens it. */
export function readPrivate(input: RsaKeyInput, passphrase: string | Uint8Array | undefined): KeyObject {
  if (input instanceof KeyObject) return checkRsa(input, 'private', 'privateKey')
  const options: PrivateKeyInput = { key: pemText(input, 'privateKey', EXPECTED_PRIVATE) }
  if (passphrase !== undefined) options.passphrase = Buffer.from(passphrase as Uint8Array)
  try {
    return checkRsa(createPrivateKey(options), 'private', 'privateKey')
  } catch (error) {
    throw unreadable('privateKey', `${EXPECTED_PRIVATE}, and its passphrase if it is encrypted`, error)
  }
}

function checkRsa(key: KeyObject, type: 'public' | 'private', option: string): KeyObject {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  if (key.type !== type || key.asymmetricKeyType !== 'rsa') {
    throw new KeyError('SEALSTREAM_KEY_FORMAT', `${option} is not an RSA ${type} key`)
  }
  if (bits < LEAST_BITS_TO_READ || bits > MOST_BITS) {
    throw new KeyError(
      'SEALSTREAM_KEY_FORMAT',
      `${option} has ${bits} bits, not ${LEAST_BITS_TO_READ} to ${MOST_BITS}`,
    )
  }
  return key
}

function pemText(input: string | Uint8Array, option: string, expected: string): string {
  // Never quoted: whatever it is, it was meant to be a key.
  if (typeof input !== 'string' && !(input instanceof Uint8Array)) throw unreadable(option, expected)
  const text = typeof input === 'string' ? input : Buffer.from(input).toString('latin1')
  if (!text.includes('-----BEGIN ')) throw unreadable(option, expected)
  return text
}

function unreadable(option: string, expected: string, cause?: unknown): KeyError {
  if (cause instanceof KeyError) return cause
  return new KeyError('SEALSTREAM_KEY_FORMAT', `${option} is not readable: expected ${expected}`, { cause })
}

/** A key in a PEM file. @throws KeyError `SEALSTREAM_KEY_FILE` */
export async function fromPemFile(
  path: string,
  option: string,
  expected: string,
  read: (pem: string) => KeyObject,
): Promise<KeyObject> {
  const text = await readKeyFile(path, option, expected)
  try {
    return read(text)
  } catch (error) {
    throw malformedKeyFile(path, expected, error)
  }
}

/** @throws {@link OptionError} that never quotes it. */
export function assertPassphrase(passphrase: string | Uint8Array | undefined): void {
  if (passphrase === undefined) return
  if (typeof passphrase !== 'string' && !(passphrase instanceof Uint8Array)) {
    throw new OptionError('passphrase', 'must be a string or bytes')
  }
  if (Buffer.byteLength(passphrase) > MOST_PASSPHRASE_BYTES) {
    throw new OptionError('passphrase', `must have at most ${MOST_PASSPHRASE_BYTES} bytes`)
  }
}

/** The public key's SPKI, DER. */
export function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}

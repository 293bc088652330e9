/** Format `sealed`: our own envelope, one wrapped data key for every recipient (docs/format.md, RULES 3). */
import { AES_WRAP_OVERHEAD } from '../crypto/aes-key-wrap.js'
import { FORMATS } from '../crypto/format.js'
import { EnvelopeError, OptionError } from '../errors.js'
import { kindOf, type KeyKind, type Wrapped, type WrapScheme } from '../keys/master-key.js'
import { isRsaLength, malformed, requireLength, unknownAlgorithm } from './encoding.js'
import {
  SEALED_CONTENT_HEADER,
  SEALED_RECIPIENT_PREFIX,
  SEALED_VERSION_HEADER,
  type EnvelopeHeaders,
} from './headers.js'

const VERSION = '1'
const CONTENT = 'cobblestone-256'

/** As many as anybody needs; metadata limits come first where keys are RSA. */
const MOST_RECIPIENTS = 32

const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/

/** How each kind of master key wraps here. */
const SCHEMES: Readonly<Record<KeyKind, WrapScheme>> = {
  aes: 'aes-kw',
  rsa: 'rsa-oaep-sha256',
  kms: 'kms',
  custom: 'custom',
}

/** The value of a recipient's header: kind, key id and wrapped data key. */
export function writeRecipient({ scheme, key, keyId = '' }: Wrapped): string {
  const kind = kindOf(scheme)
  if (SCHEMES[kind] !== scheme)
    throw new OptionError('masterKey', `wraps by ${scheme}, not as format sealed asks for`)
  if (!KEY_ID.test(keyId)) {
    throw new OptionError('masterKey', 'has an id that format sealed has no form for', {
      value: keyId,
      hint: 'an id has 1 to 64 letters, digits, - and _',
    })
  }
  return `${kind}.${keyId}.${Buffer.from(key).toString('base64url')}`
}

/** @param recipients - Values of headers, the first to be number 1. */
export function writeSealed(recipients: readonly string[]): Record<string, string> {
  if (recipients.length === 0) throw new OptionError('masterKey', 'must leave at least one recipient')
  if (recipients.length > MOST_RECIPIENTS) {
    throw new OptionError('masterKey', `must be at most ${MOST_RECIPIENTS} recipients`, {
      value: recipients.length,
    })
  }
  const numbered = recipients.map(
    (value, index) => [`${SEALED_RECIPIENT_PREFIX}${index + 1}`, value] as const,
  )
  return {
    [SEALED_VERSION_HEADER]: VERSION,
    [SEALED_CONTENT_HEADER]: CONTENT,
    ...(Object.fromEntries(numbered) as Record<string, string>),
  }
}

/**
 * The recipients of an object, as they are numbered.
 *
 * @throws EnvelopeError Of another version or content algorithm, or where a header is not one of ours.
 */
export function readSealed(headers: EnvelopeHeaders): Wrapped[] {
  const version = headers.require(SEALED_VERSION_HEADER)
  if (version !== VERSION) throw unknownAlgorithm(SEALED_VERSION_HEADER, version)
  const content = headers.require(SEALED_CONTENT_HEADER)
  if (content !== CONTENT) throw unknownAlgorithm(SEALED_CONTENT_HEADER, content)
  const known = [SEALED_VERSION_HEADER, SEALED_CONTENT_HEADER]
  const others = headers.names.filter((name) => !known.includes(name))
  const stranger = others.find((name) => !name.startsWith(SEALED_RECIPIENT_PREFIX))
  if (stranger !== undefined) throw malformed(stranger, 'is not part of format sealed')
  if (others.length > MOST_RECIPIENTS) throw malformed(SEALED_RECIPIENT_PREFIX, 'comes too often')
  return Array.from({ length: Math.max(1, others.length) }, (_, index) => {
    const header = `${SEALED_RECIPIENT_PREFIX}${index + 1}`
    return readRecipient(header, headers.require(header))
  })
}

/** The values of the recipients' headers, as they are numbered. */
export function recipientValues(headers: EnvelopeHeaders): string[] {
  return readSealed(headers).map((_, index) => headers.require(`${SEALED_RECIPIENT_PREFIX}${index + 1}`))
}

function readRecipient(header: string, value: string): Wrapped {
  const [kind = '', keyId = '', encoded = '', ...rest] = value.split('.')
  if (!Object.hasOwn(SCHEMES, kind)) throw unknownAlgorithm(header, kind)
  if (rest.length > 0 || !KEY_ID.test(keyId)) throw malformed(header, 'is not kind.keyId.wrappedKey')
  const key = Buffer.from(encoded, 'base64url')
  if (key.length === 0 || key.toString('base64url') !== encoded) throw malformed(header, 'is not Base64url')
  const scheme = SCHEMES[kind as KeyKind]
  if (scheme === 'aes-kw') requireLength(header, key, FORMATS.sealed.cipher.keyBytes + AES_WRAP_OVERHEAD)
  if (scheme === 'rsa-oaep-sha256' && !isRsaLength(key)) {
    throw malformed(header, `has ${key.length} bytes, which no RSA key wraps to`)
  }
  return { format: 'sealed', scheme, key, iv: Buffer.alloc(0), keyId }
}

/** Two envelopes of which each claims the object. */
export function ambiguous(problem: string, header?: string): EnvelopeError {
  return new EnvelopeError('SEALSTREAM_AMBIGUOUS_ENVELOPE', problem, header === undefined ? {} : { header })
}

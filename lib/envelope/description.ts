/** The material description of the SDKs: the encryption context, in the headers for everyone to read. */
import { descriptionText, isSameContext, type EncryptionContext } from '../crypto/encryption-context.js'
import { EnvelopeError } from '../errors.js'
import { malformed } from './encoding.js'

/** An entry that the SDKs add themselves when KMS wraps. */
const KMS_KEY_ENTRY = 'kms_cmk_id'

/**
 * A description as it stands in a header.
 *
 * @returns The text that its writer meant.
 * @throws EnvelopeError `SEALSTREAM_ENVELOPE_MALFORMED` unless it is a JSON object of texts.
 */
export function checkDescription(header: string, text: string): string {
  parse(header, text)
  return asUtf8(text)
}

/**
 * Compares what the object says with what its reader expects.
 *
 * @throws EnvelopeError `SEALSTREAM_CONTEXT` where they differ.
 */
export function assertSameDescription(text: string | undefined, expected: EncryptionContext): void {
  const found = text === undefined ? {} : parseDescription('matdesc', text)
  const { [KMS_KEY_ENTRY]: _, ...wanted } = expected
  if (isSameContext(found, wanted)) return
  throw new EnvelopeError('SEALSTREAM_CONTEXT', 'the object was written with another encryption context', {
    hint: `it says ${descriptionText(found).slice(0, 200)}`,
  })
}

/** The context in a description, without what the SDKs add of their own. @throws EnvelopeError */
export function parseDescription(header: string, text: string): EncryptionContext {
  const { [KMS_KEY_ENTRY]: _, ...context } = parse(header, text)
  return context
}

function parse(header: string, text: string): Record<string, string> {
  let value: unknown
  try {
    value = JSON.parse(asUtf8(text))
  } catch {
    throw malformed(header, 'is not JSON')
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (isObject && Object.values(value as object).every((each) => typeof each === 'string')) {
    return value as Record<string, string>
  }
  throw malformed(header, 'is not a JSON object of texts')
}

/** Go writes UTF-8 into the header; HTTP libraries read headers as Latin-1. */
function asUtf8(text: string): string {
  const bytes = Buffer.from(text, 'latin1')
  const isLatin1 = bytes.toString('latin1') === text
  const decoded = bytes.toString('utf8')
  return isLatin1 && Buffer.from(decoded, 'utf8').equals(bytes) ? decoded : text
}

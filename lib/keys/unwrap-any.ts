/** Finding the master key that opens an envelope, among several keys and several recipients (RULES 3.1). */
import type { DataKey } from '../crypto/data-key.js'
import { OptionError, SealstreamError } from '../errors.js'
import { unwrapFailed, type MasterKey, type Wrapped } from './master-key.js'

/** Most keys that are tried where no key id matches, so that headers cannot make a reader work without end. */
const MOST_TRIED = 8

/** What went wrong, the most telling last: that a key is of another kind says least. */
const TELLING = ['SEALSTREAM_KEY_KIND', 'SEALSTREAM_KEY_CANNOT_UNWRAP', 'SEALSTREAM_UNWRAP']

/**
 * The data key, by whichever reader opens one of the recipients. Key ids are hints: they say where to begin.
 *
 * @throws KeyError `SEALSTREAM_UNWRAP` where none does; `SEALSTREAM_KEY_KIND` or `SEALSTREAM_KEY_CANNOT_UNWRAP` where no
 *   reader could even try; what a key service failed with, since it may have been the one.
 */
export async function unwrapAny(
  recipients: readonly Wrapped[],
  readers: readonly MasterKey[],
): Promise<DataKey> {
  assertTellable(recipients, readers)
  const pairs = recipients.flatMap((wrapped) => readers.map((reader) => ({ wrapped, reader })))
  const isNamed = ({ wrapped, reader }: (typeof pairs)[number]): boolean => wrapped.keyId === reader.id
  const ordered = [...pairs.filter(isNamed).slice(0, MOST_TRIED), ...pairs.filter((pair) => !isNamed(pair))]
  let failure: Error | undefined
  let unnamed = 0
  for (const pair of ordered) {
    if (unnamed >= MOST_TRIED) break
    try {
      return await pair.reader.unwrap(pair.wrapped)
    } catch (error) {
      // A key of another kind has tried nothing.
      if (!isNamed(pair) && codeOf(error) !== 'SEALSTREAM_KEY_KIND') unnamed += 1
      if (failure === undefined || rank(error) > rank(failure)) failure = error as Error
    }
  }
  throw failure ?? unwrapFailed()
}

/** What COS Python wraps under an AES key opens under every AES key, to something else. */
function assertTellable(recipients: readonly Wrapped[], readers: readonly MasterKey[]): void {
  const isUntold = recipients.some(({ scheme }) => scheme === 'aes-ctr')
  const sameKind = readers.filter(({ kind }) => kind === 'aes')
  if (!isUntold || sameKind.length < 2) return
  throw new OptionError('masterKey', 'must not be several AES keys to read format cos-python', {
    hint: 'nothing in such an object tells which key is the right one: give only that one',
  })
}

function rank(error: unknown): number {
  const at = TELLING.indexOf(codeOf(error) ?? '')
  return at === -1 ? TELLING.length : at
}

function codeOf(error: unknown): string | undefined {
  return error instanceof SealstreamError ? error.code : undefined
}

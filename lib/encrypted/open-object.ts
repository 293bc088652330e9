/** The envelope of a stored object, opened: from its own headers, or from an instruction file where the caller says so. */
import { getObject } from '../cos/get-object.js'
import type { HeadObjectResult } from '../cos/head-object.js'
import { present, type ObjectParams } from '../cos/service.js'
import { customerKeyOf, type CustomerKeyParams } from '../cos/sse.js'
import { openEnvelope, type OpenedEnvelope } from '../envelope/envelope.js'
import { MOST_INSTRUCTION_BYTES, readInstructionFile } from '../envelope/legacy-dialect.js'
import type { ForeignMetadata } from '../envelope/read-envelope.js'
import { EnvelopeError, OptionError } from '../errors.js'
import { unlessAborted } from '../internal/abort.js'
import { asBody } from '../stream/body.js'
import { contextOption, type Encryption } from './encryption.js'
import { plaintextSize } from './plaintext-size.js'

/** Where the envelope is looked for. */
export interface InstructionFileParams {
  /**
   * Takes the envelope from the object's instruction file, as the COS Java SDK can write it: true, or the suffix that its key has
   * after the object's. Never tried unless asked for: it is not authenticated, and whoever can write it chooses the data key.
   */
  InstructionFile?: boolean | string | undefined
}

/** Names of {@link InstructionFileParams}, for checks. */
export const INSTRUCTION_FILE_PARAMS: readonly string[] = ['InstructionFile']

const SUFFIX = '.instruction'

/** Opens the envelope of an object whose headers are known. @throws EnvelopeError, KeyError; as getObject for the file. */
export async function openObject(
  encryption: Encryption,
  params: ObjectParams & InstructionFileParams & CustomerKeyParams,
  headers: Readonly<Record<string, string>>,
): Promise<OpenedEnvelope> {
  const { masterKey, policy, context } = encryption
  const metadata = await envelopeOf(encryption, params, headers)
  const opening = openEnvelope(metadata, masterKey, { policy, ...contextOption(context) })
  // A key that comes when nobody waits any more is let go.
  return unlessAborted(opening, params.signal).catch((error: unknown) => {
    void opening.then(({ dataKey }) => dataKey.dispose()).catch(() => undefined)
    throw error
  })
}

/** The same, with the plaintext bytes of the object. Whoever asked for it disposes the data key. */
export async function openSized(
  encryption: Encryption,
  params: ObjectParams & InstructionFileParams & CustomerKeyParams & { VersionId?: string },
  head: HeadObjectResult,
): Promise<OpenedEnvelope & { readonly size: number }> {
  const opened = await openObject(encryption, params, head.$metadata.headers)
  const { Bucket, Key, VersionId, signal } = params
  const get = { ...present({ Bucket, VersionId, signal }), Key, ...customerKeyOf(params) }
  const object = { ...head, StoredLength: head.ContentLength }
  try {
    return { ...opened, size: await plaintextSize(encryption.service, get, object, opened.dataKey) }
  } catch (error) {
    opened.dataKey.dispose()
    throw error
  }
}

/** The headers that hold the envelope. */
export async function envelopeOf(
  { service }: Pick<Encryption, 'service'>,
  params: ObjectParams & InstructionFileParams & CustomerKeyParams,
  headers: Readonly<Record<string, string>>,
): Promise<ForeignMetadata> {
  const suffix = instructionSuffix(params.InstructionFile)
  if (suffix === undefined) return headers
  const { Bucket, Key, signal } = params
  const answer = await getObject(service, {
    ...(Bucket === undefined ? {} : { Bucket }),
    Key: Key + suffix,
    ...customerKeyOf(params),
    signal,
  })
  if (answer.ContentLength > MOST_INSTRUCTION_BYTES) {
    answer.Body.destroy()
    throw new EnvelopeError(
      'SEALSTREAM_ENVELOPE_MALFORMED',
      `the instruction file has more than ${MOST_INSTRUCTION_BYTES} bytes`,
    )
  }
  return readInstructionFile(Buffer.from(await asBody(answer.Body).transformToByteArray()))
}

/** @throws OptionError unless it is a boolean, or a suffix. */
export function instructionSuffix(value: unknown): string | undefined {
  if (value === undefined || value === false) return undefined
  if (value === true) return SUFFIX
  if (typeof value === 'string' && value !== '') return value
  throw new OptionError('InstructionFile', 'must be true, or the suffix of its key', { value })
}

/** The parameters without those that only say where the envelope is. */
export function withoutInstructionFile<Params extends InstructionFileParams>(
  params: Params,
): Omit<Params, 'InstructionFile'> {
  const { InstructionFile, ...rest } = params
  instructionSuffix(InstructionFile)
  return rest
}

/** The ciphertext of one part of an upload by hand, at its place in the object (RULES 2.3). */
import type { RunningCipher } from '../crypto/content-cipher.js'
import type { DataKey } from '../crypto/data-key.js'
import { FORMATS } from '../crypto/format.js'
import { OptionError } from '../errors.js'
import type { ListedPart } from '../cos/list-parts.js'
import type { SizedBody } from '../cos/request-body.js'
import { MOST_PARTS } from '../cos/upload-part.js'
import { encryptPart, type EncryptPartOptions } from './encrypt-part.js'
import type { EncryptedPartParams } from './multipart-params.js'
import { storedFull } from './part-list.js'
import { endsObject, partOffset, partUnit, type UploadContext } from './upload-context.js'

/** A part as it is asked for. */
export interface HandPart {
  readonly number: number
  /** Position in the plaintext. */
  readonly offset: number
  /** Whether it ends the object. */
  readonly isLast: boolean
}

/** Which parts an upload has, by whomever they were sent. */
export interface TakenPlaces {
  readonly upload: UploadContext
  /** What the service had when this client took the upload over: parts of others, which the context may not know. */
  readonly stored: ReadonlyMap<number, ListedPart>
  /** Parts that were given a place, and whether they end the object: also those that are still being encrypted. */
  readonly places: Map<number, boolean>
}

type Reading = Pick<EncryptPartOptions, 'md5' | 'signal'>

/** Makes the ciphertext of parts. */
export type HandParts = (part: HandPart, sized: SizedBody, reading: Reading) => Promise<Buffer>

/** As the format of the data key has it: each part on its own, or one after the other. */
export function handParts(dataKey: DataKey): HandParts {
  return FORMATS[dataKey.format].cipher.isSerial ? inOrder(dataKey) : anywhere(dataKey)
}

function anywhere(dataKey: DataKey): HandParts {
  return ({ offset, isLast }, sized, reading) => {
    // The digest of what comes out is compared before any of it leaves: a repeated part is the same part.
    const encryptor = dataKey.encryptor({ start: offset, sameBytes: true, final: isLast })
    // All there is of an object of this size is more than any part of it.
    return encryptPart(sized, { ...reading, encryptor, length: dataKey.ciphertextSize(sized.length) })
  }
}

/** One cipher runs through all parts. The plaintext is taken whole first: what fails must not have moved it on. */
function inOrder(dataKey: DataKey): HandParts {
  const running = dataKey.encryptor()
  let next = 1
  let tag: Buffer | undefined
  return async (part, sized, reading) => {
    const { number, offset, isLast } = part
    if (number > next) {
      throw new OptionError('PartNumber', `must be ${next}: parts of format cos-java-gcm come in order`, {
        value: number,
      })
    }
    const plain = await encryptPart(sized, { ...reading, encryptor: UNCHANGED, length: sized.length })
    if (number < next)
      return Buffer.concat([again(dataKey, plain, offset), isLast ? (tag ?? NOTHING) : NOTHING])
    const ciphertext = running.update(plain)
    next += 1
    if (!isLast) return ciphertext
    tag = running.final()
    return Buffer.concat([ciphertext, tag])
  }
}

/** The same bytes as before, which GCM gives by way of its counter alone. */
function again(dataKey: DataKey, plain: Buffer, offset: number): Buffer {
  if (plain.length === 0) return NOTHING
  const end = offset + plain.length - 1
  return dataKey.decryptor({ start: offset, end, releaseUnverified: true }).update(plain)
}

const NOTHING = Buffer.alloc(0)

const UNCHANGED: RunningCipher = {
  update: (bytes) => bytes as Buffer,
  final: () => NOTHING,
  close: () => undefined,
}

/** Where a part lies, and whether it ends the object; from now on it is taken. @throws OptionError where it has no place. */
export function planPart(
  { upload, stored, places }: TakenPlaces,
  { PartNumber: number, Last: isFlagged = false }: Pick<EncryptedPartParams, 'PartNumber' | 'Last'>,
  sized: SizedBody,
): HandPart {
  try {
    const offset = partOffset(upload, number)
    const { cipher } = FORMATS[upload.Format]
    const marksEnd = cipher.ciphertextSize(0) > 0
    // No part can follow the last number there is.
    const mustEnd = endsObject(upload, sized.length) || number === MOST_PARTS
    const isLast = isFlagged || (marksEnd && mustEnd)
    if (isLast && cipher.isSerial && !isFlagged) {
      throw new OptionError(
        'Last',
        'must be true for the last part of format cos-java-gcm, and for no other',
        {
          hint: `every other part has PartSize bytes, or a multiple of ${partUnit(upload.Format)}`,
        },
      )
    }
    if (marksEnd) assertOnlyEnd({ upload, stored, places }, number, isLast)
    places.set(number, isLast)
    return { number, offset, isLast }
  } catch (error) {
    sized.discard()
    throw error
  }
}

/**
 * What ends an object has the nonce of what would follow it: nothing may follow, whoever sent it, and in whatever order.
 *
 * @throws OptionError
 */
function assertOnlyEnd({ upload, stored, places }: TakenPlaces, number: number, isLast: boolean): void {
  const ends = new Map<number, boolean>()
  const { PartSize } = upload
  for (const { PartNumber, Size } of stored.values()) {
    if (PartSize !== undefined) ends.set(PartNumber, Size !== storedFull(upload, PartNumber))
  }
  for (const [name, { Last }] of Object.entries(upload.Parts)) ends.set(Number(name), Last === true)
  for (const [place, isEnd] of places) ends.set(place, isEnd)
  for (const [other, isEnd] of ends) {
    if (isEnd && other < number) {
      throw new OptionError('PartNumber', 'must not follow the part that ended the object', { value: number })
    }
    if (isLast && other > number) {
      throw new OptionError('Last', `cannot be part ${number}: part ${other} was sent, or begun, after it`)
    }
  }
}

/** Whether the place of a part, or its ciphertext, hangs on the parts before it. */
export function isOrdered({ PartSize, Format }: UploadContext): boolean {
  return PartSize === undefined || FORMATS[Format].cipher.isSerial
}

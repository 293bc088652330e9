/** Who may read or add to what is encrypted: COS wants the customer's key with every request that touches the bytes. */
import { isKeyOf, type KeyHeaders, readCustomerKey } from './customer-key.js'
import { Refusal } from './refusal.js'
import { type CosRequest, headerValue } from './request.js'
import { asksForServiceKeys, type Encryption, encryptionOf } from './server-side-encryption.js'

/**
 * Checks a GET, HEAD or restore of an object.
 *
 * @throws `InvalidRequest` for headers that belong to writes, a key that is missing, or one that the object does not
 * have; `AccessDenied` for a wrong key.
 */
export function assertReadable(encryption: Encryption | undefined, request: CosRequest): void {
  if (asksForServiceKeys(request)) {
    throw new Refusal('InvalidRequest', 'x-cos-server-side-encryption headers are for writes.')
  }
  assertKey(encryption, request, 'x-cos-server-side-encryption-customer')
}

/** Checks the source of a copy, which has headers of its own. Throws as {@link assertReadable}. */
export function assertSourceReadable(encryption: Encryption | undefined, request: CosRequest): void {
  assertKey(encryption, request, 'x-cos-copy-source-server-side-encryption-customer')
}

/**
 * Checks a part: it carries the key that the upload began with. SDKs repeat the headers of the other modes, which is
 * no fault as long as they say the same.
 *
 * @throws `InvalidRequest`
 */
export function assertSameEncryption(upload: Encryption | undefined, request: CosRequest): void {
  const customerKey = readCustomerKey(request, 'x-cos-server-side-encryption-customer')
  const hasRightKey =
    upload?.mode === 'customer'
      ? customerKey !== undefined && isKeyOf(upload, customerKey)
      : customerKey === undefined
  if (!hasRightKey) {
    throw new Refusal('InvalidRequest', 'A part carries the key that its upload began with, or none.')
  }
  assertSameServiceKeys(upload, request)
}

/** Checks Complete: SDKs send no headers with it; those that are there say what the upload began with. */
export function assertCompletable(upload: Encryption | undefined, request: CosRequest): void {
  const isSilent =
    readCustomerKey(request, 'x-cos-server-side-encryption-customer') === undefined &&
    !asksForServiceKeys(request)
  if (!isSilent) assertSameEncryption(upload, request)
}

function assertKey(encryption: Encryption | undefined, request: CosRequest, prefix: KeyHeaders): void {
  const key = readCustomerKey(request, prefix)
  if (encryption?.mode !== 'customer') {
    if (key === undefined) return
    throw new Refusal('InvalidRequest', 'The object is not encrypted with a key of yours.')
  }
  if (key === undefined) throw new Refusal('InvalidRequest', 'The object needs the key it was stored with.')
  if (!isKeyOf(encryption, key)) {
    throw new Refusal('AccessDenied', 'The key is not the one the object was stored with.')
  }
}

function assertSameServiceKeys(upload: Encryption | undefined, request: CosRequest): void {
  if (!asksForServiceKeys(request)) return
  const asked = encryptionOf(request)
  const isSame =
    asked?.mode === 'cos' && upload?.mode === 'cos'
      ? asked.algorithm === upload.algorithm
      : asked?.mode === 'kms' && upload?.mode === 'kms' && namesSameKey(upload.keyId, request)
  if (!isSame) throw new Refusal('InvalidRequest', 'The upload began with another encryption.')
}

function namesSameKey(keyId: string, request: CosRequest): boolean {
  return (headerValue(request, 'x-cos-server-side-encryption-cos-kms-key-id') ?? keyId) === keyId
}

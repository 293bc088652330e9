/**
 * What KMS refuses, in the codes of Tencent Cloud API 3.0. The HTTP status is 200 for all of them.
 *
 * Codes: the common error codes of API 3.0, and `kms/v20190118/errors.go` of tencentcloud-sdk-go.
 */

/** Code → the message where the thrower has nothing more to say. */
const MESSAGES = {
  'AuthFailure.InvalidAuthorization': 'The Authorization header does not have the form of TC3-HMAC-SHA256.',
  'AuthFailure.SecretIdNotFound': 'The SecretId is not found.',
  'AuthFailure.SignatureExpire':
    'The signature has expired: X-TC-Timestamp and the time of the server differ by more than five minutes.',
  'AuthFailure.SignatureFailure': 'The signature calculated does not match the one provided.',
  'AuthFailure.TokenFailure': 'The token is wrong or has expired.',
  InternalError: 'Internal error.',
  InvalidAction: 'The action does not exist.',
  InvalidParameter: 'A parameter is wrong.',
  'InvalidParameterValue.InvalidCiphertext':
    'The ciphertext was not made by this KMS, was altered, or belongs to another encryption context.',
  'InvalidParameterValue.InvalidKeyId': 'KeyId must be 1 to 64 letters, digits and dashes.',
  'InvalidParameterValue.InvalidPlaintext': 'Plaintext must be the Base64 of 1 to 4096 bytes.',
  MissingParameter: 'A parameter is missing.',
  NoSuchVersion: 'The version of the API does not exist.',
  RequestLimitExceeded: 'The rate of requests is too high.',
  RequestSizeLimitExceeded: 'The request is too large.',
  'ResourceUnavailable.CmkDisabled': 'The key is disabled.',
  'ResourceUnavailable.CmkNotFound': 'The key does not exist.',
  UnknownParameter: 'A parameter is not known.',
  UnsupportedOperation: 'The embedded server does not do this.',
} as const satisfies Record<string, string>

/** The error codes that this KMS gives. */
export type KmsRefusalCode = keyof typeof MESSAGES

/** A request that KMS refuses. */
export class KmsRefusal extends Error {
  readonly code: KmsRefusalCode

  /** @param message - Shown to the client; never holds a secret, a plaintext or a right signature. */
  constructor(code: KmsRefusalCode, message: string = MESSAGES[code]) {
    super(message)
    this.name = 'KmsRefusal'
    this.code = code
  }
}

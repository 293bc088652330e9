/** What the server refuses, in COS's codes. Thrown anywhere, turned into an answer in one place (`answer.ts`). */

/** Code → HTTP status and the message where the thrower has nothing more to say. */
const REFUSALS = {
  AccessDenied: [403, 'Access denied.'],
  BadDigest: [400, 'The Content-MD5 you specified did not match what was received.'],
  EntityTooLarge: [400, 'Your proposed upload exceeds the maximum allowed size.'],
  EntityTooSmall: [400, 'Your proposed upload is smaller than the minimum allowed size.'],
  FileAlreadyExists: [409, 'The object exists, and the request forbids to overwrite it.'],
  InternalError: [500, 'We encountered an internal error. Please try again.'],
  InvalidAccessKeyId: [403, 'The access key id you provided does not exist in our records.'],
  InvalidArgument: [400, 'Invalid argument.'],
  InvalidBucketName: [400, 'The specified bucket is not valid.'],
  InvalidDigest: [400, 'The Content-MD5 you specified is not valid.'],
  InvalidObjectState: [403, "The operation is not valid for the object's storage class."],
  InvalidPart: [400, 'One or more of the specified parts could not be found.'],
  InvalidPartOrder: [400, 'The list of parts was not in ascending order.'],
  InvalidRange: [416, 'The requested range cannot be satisfied.'],
  InvalidRequest: [400, 'The request is not valid.'],
  InvalidURI: [400, 'The URI could not be parsed.'],
  KeyTooLong: [400, 'Your key is too long.'],
  MalformedXML: [400, 'The XML you provided was not well-formed or did not validate.'],
  MetadataTooLarge: [400, 'Your metadata headers exceed the maximum allowed metadata size.'],
  MethodNotAllowed: [405, 'The specified method is not allowed against this resource.'],
  MissingContentLength: [411, 'You must provide the Content-Length HTTP header.'],
  NoSuchKey: [404, 'The specified key does not exist.'],
  NoSuchUpload: [404, 'The specified multipart upload does not exist.'],
  NoSuchVersion: [404, 'The specified version does not exist.'],
  NotImplemented: [501, 'The embedded server does not implement this operation.'],
  PreconditionFailed: [412, 'At least one of the preconditions you specified did not hold.'],
  RequestTimeTooSkewed: [403, 'The difference between the request time and the current time is too large.'],
  SignatureDoesNotMatch: [403, 'The request signature we calculated does not match the one you provided.'],
} as const satisfies Record<string, readonly [status: number, message: string]>

/** COS's error codes that this server gives. */
export type RefusalCode = keyof typeof REFUSALS

/** What a refusal may carry besides code and message. */
export interface RefusalDetails {
  /** Headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>
  /** Elements added to the `Error` document. */
  readonly elements?: Readonly<Record<string, string>>
}

/** A request that the server refuses, as COS would. */
export class Refusal extends Error {
  readonly code: RefusalCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly elements: Readonly<Record<string, string>>

  /** @param message - Shown to the client; never holds a secret or a right signature. */
  constructor(code: RefusalCode, message: string = REFUSALS[code][1], details: RefusalDetails = {}) {
    super(message)
    this.name = 'Refusal'
    this.code = code
    this.status = REFUSALS[code][0]
    this.headers = details.headers ?? {}
    this.elements = details.elements ?? {}
  }
}

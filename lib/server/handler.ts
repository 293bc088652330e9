/** What an operation is given and must return. */
import type { Answer } from './answer.js'
import type { ObjectStore } from './object-store.js'
import type { RequestBody } from './request-body.js'
import type { CosRequest } from './request.js'
import type { UploadStore } from './upload-store.js'

/** One call of an operation. The signature is already verified. */
export interface Call {
  readonly request: CosRequest
  readonly body: RequestBody
  readonly objects: ObjectStore
  readonly uploads: UploadStore
  /** The server's clock: milliseconds since 1970. */
  readonly now: () => number
}

/** One operation of the COS API. Throws a `Refusal` to refuse; anything else thrown is an internal error. */
export type Handler = (call: Call) => Promise<Answer>

/** What a write says about its object besides the bytes; the same for PUT, Copy and Initiate. */
import { aclOf, type CannedAcl } from './acl.js'
import { headersToStore, type StoredHeaders } from './metadata.js'
import type { CosRequest } from './request.js'
import { type Encryption, encryptionOf } from './server-side-encryption.js'
import { type Tag, tagsOf } from './tagging.js'

/** Stored as JSON, within the record of an object or upload. */
export interface ObjectProperties {
  readonly headers: StoredHeaders
  readonly encryption?: Encryption
  readonly acl?: CannedAcl
  readonly tags?: readonly Tag[]
}

/** Reads them. Throws what the readers of the single properties throw. */
export function propertiesOf(request: CosRequest): ObjectProperties {
  const encryption = encryptionOf(request)
  const acl = aclOf(request)
  const tags = tagsOf(request)
  return {
    headers: headersToStore(request),
    ...(encryption === undefined ? {} : { encryption }),
    ...(acl === undefined ? {} : { acl }),
    ...(tags.length === 0 ? {} : { tags }),
  }
}

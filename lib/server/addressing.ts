/** Which bucket and key a request means: path style for IP addresses and localhost, else virtual-host style. */
import { isIP } from 'node:net'
import { Refusal } from './refusal.js'

/** COS's `name-appid`. Also what makes a bucket name safe as a directory name. */
const BUCKET_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?-[0-9]{1,20}$/

/** COS counts the UTF-8 bytes of a key. */
const MAX_KEY_BYTES = 850

/** An empty key means the bucket itself; an empty bucket the service itself. */
export interface Target {
  readonly bucket: string
  readonly key: string
}

/**
 * Finds the target of a request.
 *
 * @param host - Host header, with or without port.
 * @param path - Decoded path, from its leading slash. Only that one slash is taken off: `//a` is the key `/a`.
 * @throws `InvalidBucketName`, `KeyTooLong`
 */
export function targetOf(host: string, path: string): Target {
  // KMS clients sign the first label of their host as the service's name, so its own name has to be taken for itself.
  if (path === '/' && hostName(host).startsWith('kms.')) return { bucket: '', key: '' }
  const target = isPathStyle(host) ? splitPath(path) : { bucket: firstLabel(host), key: path.slice(1) }
  if (target.bucket === '' && target.key === '') return target
  if (!BUCKET_NAME.test(target.bucket)) {
    throw new Refusal(
      'InvalidBucketName',
      'A bucket is named like examplebucket-1250000000, as the first label of the host name, or as the first ' +
        'segment of the path when the host is an IP address or localhost.',
    )
  }
  if (Buffer.byteLength(target.key) > MAX_KEY_BYTES) throw new Refusal('KeyTooLong')
  return target
}

/** The number behind the last hyphen of a bucket name: the account that owns it. */
export function appIdOf(bucket: string): string {
  return bucket.slice(bucket.lastIndexOf('-') + 1)
}

function isPathStyle(host: string): boolean {
  const name = hostName(host)
  return name === '' || name === 'localhost' || isIP(name) !== 0
}

function hostName(host: string): string {
  if (host.startsWith('[')) return host.slice(1, Math.max(1, host.indexOf(']')))
  return host.replace(/:[0-9]*$/, '').toLowerCase()
}

function firstLabel(host: string): string {
  return hostName(host).split('.', 1)[0] ?? ''
}

function splitPath(path: string): Target {
  const slash = path.indexOf('/', 1)
  if (slash === -1) return { bucket: path.slice(1), key: '' }
  return { bucket: path.slice(1, slash), key: path.slice(slash + 1) }
}

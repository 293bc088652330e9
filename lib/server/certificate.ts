/** A self-signed certificate for this machine: RFC 5280, with a key of RFC 5480 and a signature of RFC 5758. */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIP, isIPv4 } from 'node:net'
import {
  bitString,
  der,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  trueValue,
  utf8String,
} from './der.js'

/** A server's key and what it shows for it. PEM. */
export interface Identity {
  readonly certificate: string
  /** PKCS #8, not encrypted: to be kept in memory. */
  readonly privateKey: string
}

const DAY_MS = 24 * 60 * 60 * 1000
const VALID_DAYS = 30

// TLS clients do not take a wildcard right below a top-level name: not Node's, for one. Hence the second wildcard.
const DNS_NAMES = ['localhost', '*.localhost', '*.cos.localhost']
const IP_ADDRESSES = ['127.0.0.1', '::1']

/**
 * Makes a P-256 key and a certificate for localhost and the loopback addresses, valid from a day ago for 30 days.
 *
 * @param host - One more name or address that clients may use.
 */
export function makeIdentity(host: string): Identity {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicKey = keys.publicKey.export({ type: 'spki', format: 'der' })
  const ecdsaWithSha256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'))
  const name = sequence(set(sequence(objectIdentifier('2.5.4.3'), utf8String('localhost'))))
  const now = Date.now()
  // RFC 5280, 4.1: TBSCertificate and Certificate.
  const content = sequence(
    der(0xa0, integer(Buffer.from([2]))), // Version 3.
    integer(serialNumber()),
    ecdsaWithSha256,
    name,
    sequence(time(new Date(now - DAY_MS)), time(new Date(now + VALID_DAYS * DAY_MS))),
    name,
    publicKey,
    der(0xa3, extensions(host, publicKey)),
  )
  const signature = sign('sha256', content, keys.privateKey)
  return {
    certificate: pem('CERTIFICATE', sequence(content, ecdsaWithSha256, bitString(signature))),
    privateKey: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  }
}

/** Not zero, and positive as it stands. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40
  return bytes
}

/** RFC 5280, 4.2.1. It signs nothing but itself, so that trusting it means trusting this one server. */
function extensions(host: string, publicKey: Buffer): Buffer {
  const keyId = createHash('sha1').update(publicKey).digest()
  const digitalSignature = der(0x03, Buffer.from([7, 0x80]))
  const serverAuth = objectIdentifier('1.3.6.1.5.5.7.3.1')
  return sequence(
    critical('2.5.29.19', sequence()), // Basic constraints: no CA.
    critical('2.5.29.15', digitalSignature), // Key usage.
    extension('2.5.29.37', sequence(serverAuth)), // Extended key usage.
    extension('2.5.29.14', octetString(keyId)), // Subject key identifier.
    extension('2.5.29.35', sequence(der(0x80, keyId))), // Authority key identifier.
    extension('2.5.29.17', sequence(...alternativeNames(host))), // Subject alternative name.
  )
}

function critical(oid: string, value: Buffer): Buffer {
  return sequence(objectIdentifier(oid), trueValue(), octetString(value))
}

function extension(oid: string, value: Buffer): Buffer {
  return sequence(objectIdentifier(oid), octetString(value))
}

/** RFC 5280, 4.2.1.6: dNSName is [2], iPAddress [7]. */
function alternativeNames(host: string): Buffer[] {
  const address = host.replace(/%.*$/, '') // Without the zone of a link-local address.
  const isAddress = isIP(address) !== 0
  const names = new Set([...DNS_NAMES, ...(isAddress ? [] : [host])])
  const addresses = new Set([...IP_ADDRESSES, ...(isAddress ? [address] : [])])
  return [
    ...[...names].map((name) => der(0x82, Buffer.from(name))),
    ...[...addresses].map((text) => der(0x87, addressBytes(text))),
  ]
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  // The URL parser leaves hexadecimal groups and at most one `::`.
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = [], tail = []] = groups
    .split('::')
    .map((side) => side.split(':').filter((group) => group !== ''))
  const zeros = Array<string>(8 - head.length - tail.length).fill('0')
  const words = [...head, ...zeros, ...tail].map((group) => parseInt(group, 16))
  return Buffer.from(words.flatMap((word) => [word >> 8, word & 0xff]))
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}

/** One RSA pair in every form, and the pairs that are none for a master key. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import type { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import { testPair } from './test-keys.js'

export const { privateKey: PRIVATE, publicKey: PUBLIC } = testPair('2048')
export const OTHER = testPair('2048-other')
export const SHORT = testPair('1024')
export const TINY = generateKeyPairSync('rsa', { modulusLength: 768 })
export const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const PSS = generateKeyPairSync('rsa-pss', { modulusLength: 1024 })

export const PASSPHRASE = 'correct horse'

export function pem(key: KeyObject, type: 'spki' | 'pkcs1' | 'pkcs8' | 'sec1', passphrase?: string): string {
  const encryption = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase }
  return key.export({ type, format: 'pem', ...encryption } as never) as unknown as string
}

export const PKCS1 = pem(PRIVATE, 'pkcs1')
export const PKCS8 = pem(PRIVATE, 'pkcs8')
export const SPKI = pem(PUBLIC, 'spki')
export const SPKI_PKCS1 = pem(PUBLIC, 'pkcs1')
export const ENCRYPTED: Readonly<Record<string, string>> = {
  'encrypted PKCS#8': pem(PRIVATE, 'pkcs8', PASSPHRASE),
  'encrypted PKCS#1': pem(PRIVATE, 'pkcs1', PASSPHRASE),
}

/** No line of a private PEM may be shown anywhere. */
export function expectNoPem(text: string, ...pems: string[]): void {
  for (const line of pems.flatMap((whole) => whole.split('\n'))) {
    if (line.length < 40) continue
    expect(text.includes(line.slice(0, 40)), 'a line of the private key is shown').to.equal(false)
  }
}

/** What the one writes, the other reads. */
export async function expectPair(writer: RsaMasterKey, reader: RsaMasterKey): Promise<void> {
  const dataKey = await reader.unwrap(await writer.wrap(DataKey.generate('cos')))
  expect(dataKey.format).to.equal('cos')
}

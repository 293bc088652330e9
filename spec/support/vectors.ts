/** The vectors of spec/vectors, typed. Their README says where each file comes from. */
import { readFileSync } from 'node:fs'

const FOLDER = new URL('../vectors/', import.meta.url)

/** The master key of an object case. */
export type VectorMaster =
  | { kind: 'aes'; key: string }
  | {
      kind: 'rsa'
      publicKey: string
      /** PKCS#1, or encrypted PKCS#8 where a passphrase is there; the Python cases have it. */
      privateKey?: string
      privateKeyPkcs8?: string
      passphrase?: string
      padding: string
    }
  | { kind: 'fake-kms'; rule: string }

/** One stored object; plaintext and ciphertext are Base64. */
export interface ObjectCase {
  name: string
  master: VectorMaster
  metadata: Record<string, string>
  size: number
  partSize: number | null
  plaintext: string
  ciphertext: string
  plaintextSha256: string
  instructionMetadata?: Record<string, string>
  instructionBody?: string
}

/** The objects of one writer: the folder's name below spec/vectors. */
export function objectCases(writer: 'cos-python-sdk' | 'cos-bridge' | 'cos-java-sdk'): ObjectCase[] {
  return (load(`${writer}/objects.json`) as { cases: ObjectCase[] }).cases
}

/** One direction of NIST SP 800-38A F.5; all values are hex. */
export interface CtrVector {
  name: string
  direction: 'encrypt' | 'decrypt'
  key: string
  initialCounter: string
  blocks: { input: string; output: string; plaintext: string; ciphertext: string }[]
}

export function nistCtrVectors(): CtrVector[] {
  return (load('nist-sp800-38a-ctr-aes256.json') as { vectors: CtrVector[] }).vectors
}

interface WycheproofTest {
  tcId: number
  comment: string
  flags: string[]
  msg: string
  ct: string
  result: 'valid' | 'invalid' | 'acceptable'
}

/** A Wycheproof key wrap test: `msg` is the key to wrap, `ct` the wrapped one. */
export interface KeyWrapTest extends WycheproofTest {
  key: string
}

export function wycheproofKeyWrap(): KeyWrapTest[] {
  const { testGroups } = load('wycheproof/aes_wrap_test.json') as { testGroups: { tests: KeyWrapTest[] }[] }
  return testGroups.flatMap((group) => group.tests)
}

/** A Wycheproof OAEP test with the private key of its group. */
export interface OaepTest extends WycheproofTest {
  label: string
  privateKeyPem: string
}

export function wycheproofOaepSha1(): OaepTest[] {
  const { testGroups } = load('wycheproof/rsa_oaep_2048_sha1_mgf1sha1_test.json') as {
    testGroups: { privateKeyPem: string; tests: Omit<OaepTest, 'privateKeyPem'>[] }[]
  }
  return testGroups.flatMap(({ privateKeyPem, tests }) => tests.map((test) => ({ ...test, privateKeyPem })))
}

function load(file: string): unknown {
  return JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'))
}

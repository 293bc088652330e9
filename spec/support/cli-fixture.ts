/** Keys in files and objects in stores, for runs of the command. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CosEncryptionClient } from '../../lib/client.js'
import { CosClient } from '../../lib/cos-client.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { type RunningServer, startServer } from '../../lib/server/index.js'
import { BUCKET } from './raw-request.js'

export { BUCKET }

/** Paths of key files, made by Node's own cryptography, and what some of them hold. */
export interface CliKeys {
  readonly aes: string
  readonly otherAes: string
  /** Base64, as in the file `aes`. */
  readonly aesText: string
  readonly rsaPrivate: string
  readonly rsaPublic: string
  readonly otherRsaPrivate: string
  /** The same key as `rsaPrivate`. */
  readonly rsaEncrypted: string
  readonly passphrase: string
  readonly passphraseText: string
}

let made: CliKeys | undefined

/** The same keys for all specs of a run, in a folder that is removed when it ends. */
export function cliKeys(): CliKeys {
  return (made ??= makeKeys())
}

function makeKeys(): CliKeys {
  const folder = mkdtempSync(join(tmpdir(), 'sealstream-cli-keys-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = { type: 'pkcs8', format: 'pem' } as const
  const aesText = randomBytes(32).toString('base64')
  const passphraseText = `open ${randomBytes(6).toString('hex')} sesame`
  return {
    aes: write('aes.key', `${aesText}\n`),
    otherAes: write('other-aes.key', `${randomBytes(32).toString('base64')}\n`),
    aesText,
    rsaPrivate: write('rsa.pem', pair.privateKey.export(pem) as string),
    rsaPublic: write('rsa-public.pem', pair.publicKey.export({ type: 'spki', format: 'pem' }) as string),
    otherRsaPrivate: write('other-rsa.pem', other.privateKey.export(pem) as string),
    rsaEncrypted: write(
      'rsa-encrypted.pem',
      pair.privateKey.export({ ...pem, cipher: 'aes-256-cbc', passphrase: passphraseText }) as string,
    ),
    passphrase: write('passphrase.txt', `${passphraseText}\n`),
    passphraseText,
  }
}

/** `cos://BUCKET/key` */
export function object(key: string): string {
  return `cos://${BUCKET}/${key}`
}

/** Stores objects in a directory through the library: under `aes`, or, where `plain`, as they are. */
export async function store(
  directory: string,
  objects: Readonly<Record<string, Buffer | { plain: Buffer }>>,
): Promise<void> {
  const server = await startServer({ directory })
  try {
    await storeOn(server, objects)
  } finally {
    await server.close()
  }
}

/** The same on a server that runs already. */
export async function storeOn(
  { endpoint, credentials }: RunningServer,
  objects: Readonly<Record<string, Buffer | { plain: Buffer }>>,
): Promise<void> {
  const options = { endpoint, credentials, bucket: BUCKET }
  const client = new CosEncryptionClient({
    ...options,
    format: 'cos',
    masterKey: AesMasterKey.from(cliKeys().aesText),
  })
  const plain = new CosClient(options)
  try {
    for (const [Key, content] of Object.entries(objects)) {
      if (Buffer.isBuffer(content)) await client.putObject({ Key, Body: content })
      else await plain.putObject({ Key, Body: content.plain })
    }
  } finally {
    void plain.close()
    await client.close()
  }
}

/** Names below one of the bucket's folders; none when it was never made. */
export function stored(
  directory: string,
  folder: 'objects' | 'data' | 'uploads',
  bucket = BUCKET,
): Promise<string[]> {
  return readdir(join(directory, bucket, folder)).catch(() => [])
}

/** The paths of all files below a directory. */
export async function filesBelow(directory: string): Promise<string[]> {
  const names = await readdir(directory, { recursive: true })
  const paths = names.map((name) => join(directory, name))
  const kinds = await Promise.all(paths.map(async (path) => (await stat(path)).isFile()))
  return paths.filter((_, at) => kinds[at])
}

/** Whether any file below a directory holds the bytes. */
export async function someFileHolds(directory: string, bytes: Buffer): Promise<boolean> {
  const contents = await Promise.all((await filesBelow(directory)).map((path) => readFile(path)))
  return contents.some((content) => content.includes(bytes))
}

/** Permission bits, such as `600`. */
export async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8)
}

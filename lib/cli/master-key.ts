/** The master keys of a run: from files, the environment, or a key service. Never from arguments, which others can see. */
import { existsSync } from 'node:fs'
import { Option, type Command } from 'commander'
import { KeyError, OptionError } from '../errors.js'
import { decodeBase64 } from '../internal/bytes.js'
import { AesMasterKey } from '../keys/aes-master-key.js'
import { readKeyFile } from '../keys/key-file.js'
import { Keyring } from '../keys/keyring.js'
import { KmsMasterKey } from '../keys/kms-master-key.js'
import type { MasterKey } from '../keys/master-key.js'
import { RsaMasterKey, type RsaKeys, type RsaPadding } from '../keys/rsa-master-key.js'
import type { Connection } from './connection.js'

/** Options that name a master key. */
export interface KeyOptions {
  aesKey?: string
  rsaPublicKey?: string
  rsaPrivateKey?: string
  passphraseFile?: string
  rsaPadding?: string
  kmsKeyId?: string
  kmsRegion?: string
  kmsEndpoint?: string
}

/** Adds the options that name a master key. */
export function addKeyOptions(command: Command): Command {
  return command
    .option('--aes-key <file>', 'AES master key: Base64 text (or SEALSTREAM_AES_KEY in the environment)')
    .option('--rsa-public-key <file>', 'RSA public key, PEM: enough to write')
    .option('--rsa-private-key <file>', 'RSA private key, PEM: needed to read')
    .option('--passphrase-file <file>', 'passphrase of the private key (or SEALSTREAM_PASSPHRASE)')
    .option('--rsa-padding <padding>', 'of cos-python objects: oaep, pkcs1 or any (both)', 'oaep')
    .option('--kms-key-id <id>', 'a key in Tencent KMS; with --local, in the embedded one')
    .option('--kms-region <region>', 'where it is (or --region, COS_REGION)')
    .option('--kms-endpoint <url>', 'another endpoint of KMS')
}

/** Adds `--recipient`: further keys that can each read what is written. */
export function addRecipientOption(command: Command, description: string): Command {
  return addRepeatable(
    command,
    '--recipient <key>',
    `${description}: aes:FILE, rsa:PUBLIC-KEY-FILE or kms:KEY-ID`,
  )
}

/**
 * @param recipients - Texts of `--recipient`.
 * @throws OptionError where none or two are named; KeyError where one cannot be read.
 */
export async function readMasterKey(
  options: KeyOptions,
  connection: Connection,
  recipients: readonly string[] = [],
): Promise<MasterKey> {
  const own = await readOwnKey(options, connection)
  if (recipients.length === 0) return own
  return new Keyring({ write: [own, ...(await readRecipients(recipients, options, connection))] })
}

/** Keys by the texts of `--recipient`. @throws OptionError, KeyError */
export async function readRecipients(
  recipients: readonly string[],
  options: KeyOptions,
  connection: Connection,
): Promise<MasterKey[]> {
  return Promise.all(recipients.map((text) => readRecipient(text, options, connection)))
}

async function readRecipient(text: string, options: KeyOptions, connection: Connection): Promise<MasterKey> {
  const [, kind, name = ''] = /^(aes|rsa|kms):(.+)$/s.exec(text) ?? []
  switch (kind) {
    case 'aes':
      assertNoKey(name)
      return AesMasterKey.fromFile(name)
    case 'rsa':
      return RsaMasterKey.fromFiles({ publicKey: name })
    case 'kms':
      return kmsKey(name, options, connection)
    default:
      // Not quoted: it may be a key in the wrong place.
      throw new OptionError('--recipient', 'must be aes:FILE, rsa:PUBLIC-KEY-FILE or kms:KEY-ID')
  }
}

async function readOwnKey(options: KeyOptions, connection: Connection): Promise<MasterKey> {
  // Also where no RSA key is: whoever misspells it means something.
  paddingOf(options)
  const { aesKey, rsaPublicKey, rsaPrivateKey, kmsKeyId } = options
  const isRsa = rsaPublicKey !== undefined || rsaPrivateKey !== undefined
  if ([aesKey !== undefined, isRsa, kmsKeyId !== undefined].filter(Boolean).length > 1) {
    throw new OptionError('--aes-key', ', an RSA key and a KMS key cannot all be the master key', {
      hint: 'name one; others can be recipients of what is written',
    })
  }
  if (aesKey !== undefined) {
    assertNoKey(aesKey)
    return AesMasterKey.fromFile(aesKey)
  }
  if (isRsa) return readRsa(options)
  if (kmsKeyId !== undefined) return kmsKey(kmsKeyId, options, connection)
  const fromEnvironment = process.env.SEALSTREAM_AES_KEY
  if (fromEnvironment !== undefined && fromEnvironment !== '') return AesMasterKey.from(fromEnvironment)
  throw new OptionError(
    '--aes-key',
    'or --rsa-public-key, --rsa-private-key, --kms-key-id must name a master key',
    {
      hint: 'make one with: sealstream keygen aes FILE',
    },
  )
}

/** Adds an option that may be given several times: a list of its texts, empty without it. */
export function addRepeatable(command: Command, flags: string, description: string): Command {
  const collect = (value: string, previous: string[]): string[] => [...previous, value]
  return command.addOption(
    new Option(flags, `${description}; may be repeated`).argParser(collect).default([], 'none'),
  )
}

/** The passphrase from a file or the environment; without the newline that editors add. */
export async function readPassphrase(file: string | undefined): Promise<string | undefined> {
  // Set to nothing is as good as not set: an empty passphrase protects nothing.
  if (file === undefined) return process.env.SEALSTREAM_PASSPHRASE || undefined
  return (await readKeyFile(file, '--passphrase-file', 'a passphrase')).replace(/\r?\n$/, '')
}

/** A key in place of its file's name must not be repeated in an error. */
function assertNoKey(file: string): void {
  const isKey = [16, 24, 32].includes(decodeBase64(file)?.length ?? 0)
  if (isKey && !existsSync(file)) {
    throw new KeyError('SEALSTREAM_KEY_FILE', 'option --aes-key takes the name of a file, not the key itself')
  }
}

async function readRsa(options: KeyOptions): Promise<RsaMasterKey> {
  const paths: RsaKeys<string> = { padding: paddingOf(options) }
  if (options.rsaPublicKey !== undefined) paths.publicKey = options.rsaPublicKey
  if (options.rsaPrivateKey !== undefined) paths.privateKey = options.rsaPrivateKey
  const passphrase = await readPassphrase(options.passphraseFile)
  if (passphrase !== undefined) paths.passphrase = passphrase
  return RsaMasterKey.fromFiles(paths)
}

function paddingOf({ rsaPadding = 'oaep' }: KeyOptions): RsaPadding {
  if (['oaep', 'pkcs1', 'any'].includes(rsaPadding)) return rsaPadding as RsaPadding
  throw new OptionError('--rsa-padding', 'must be oaep, pkcs1 or any', { value: rsaPadding })
}

function kmsKey(keyId: string, options: KeyOptions, { kms }: Connection): KmsMasterKey {
  const region = options.kmsRegion ?? kms.region
  const endpoint = options.kmsEndpoint ?? kms.endpoint
  if (region === undefined) throw new OptionError('--kms-region', '(or COS_REGION) must say where the key is')
  return new KmsMasterKey({
    keyId,
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(kms.credentials === undefined ? {} : { credentials: kms.credentials }),
    cache: true,
  })
}

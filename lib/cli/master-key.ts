/** The master key of a run: from files, or from the environment. Never from arguments, which others can see. */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { KeyError, OptionError } from '../errors.js'
import { decodeBase64 } from '../internal/bytes.js'
import { AesMasterKey } from '../keys/aes-master-key.js'
import { readKeyFile } from '../keys/key-file.js'
import type { MasterKey } from '../keys/master-key.js'
import { RsaMasterKey, type RsaKeys } from '../keys/rsa-master-key.js'

/** Options that name a master key. */
export interface KeyOptions {
  aesKey?: string
  rsaPublicKey?: string
  rsaPrivateKey?: string
  passphraseFile?: string
}

/** Adds the options that name a master key. */
export function addKeyOptions(command: Command): Command {
  return command
    .option('--aes-key <file>', 'AES master key: Base64 text (or SEALSTREAM_AES_KEY in the environment)')
    .option('--rsa-public-key <file>', 'RSA public key, PEM: enough to write')
    .option('--rsa-private-key <file>', 'RSA private key, PEM: needed to read')
    .option('--passphrase-file <file>', 'passphrase of the private key (or SEALSTREAM_PASSPHRASE)')
}

/** @throws OptionError where none or two are named; KeyError where it cannot be read. */
export async function readMasterKey(options: KeyOptions): Promise<MasterKey> {
  const { aesKey, rsaPublicKey, rsaPrivateKey } = options
  const isRsa = rsaPublicKey !== undefined || rsaPrivateKey !== undefined
  if (aesKey !== undefined && isRsa) {
    throw new OptionError('--aes-key', 'and an RSA key cannot both be the master key')
  }
  if (aesKey !== undefined) {
    assertNoKey(aesKey)
    return AesMasterKey.fromFile(aesKey)
  }
  if (isRsa) return readRsa(options)
  const fromEnvironment = process.env.SEALSTREAM_AES_KEY
  if (fromEnvironment !== undefined && fromEnvironment !== '') return AesMasterKey.from(fromEnvironment)
  throw new OptionError('--aes-key', 'or --rsa-public-key, --rsa-private-key must name a master key', {
    hint: 'make one with: sealstream keygen aes FILE',
  })
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
  const paths: RsaKeys<string> = {}
  if (options.rsaPublicKey !== undefined) paths.publicKey = options.rsaPublicKey
  if (options.rsaPrivateKey !== undefined) paths.privateKey = options.rsaPrivateKey
  const passphrase = await readPassphrase(options.passphraseFile)
  if (passphrase !== undefined) paths.passphrase = passphrase
  return RsaMasterKey.fromFiles(paths)
}

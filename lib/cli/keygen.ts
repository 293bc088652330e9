/** `sealstream keygen`: new key files, never over existing ones. */
import type { Command } from 'commander'
import { OptionError } from '../errors.js'
import { AesMasterKey } from '../keys/aes-master-key.js'
import { RsaMasterKey } from '../keys/rsa-master-key.js'
import { readPassphrase } from './master-key.js'
import { Output } from './output.js'

interface KeygenOptions {
  bits?: string
  passphraseFile?: string
  json?: boolean
}

export function addKeygen(program: Command): void {
  const keygen = program
    .command('keygen')
    .description('make a master key in new files, readable by you alone')
  keygen
    .command('aes <file>')
    .description('an AES key, as Base64 text')
    .option('--bits <bits>', '128, 192 or 256', '256')
    .option('--json', 'for scripts')
    .action(keygenAes)
  keygen
    .command('rsa <private-key-file> <public-key-file>')
    .description('an RSA pair, as PEM')
    .option('--bits <bits>', '2048 to 8192', '3072')
    .option('--passphrase-file <file>', 'encrypt the private key (or SEALSTREAM_PASSPHRASE)')
    .option('--json', 'for scripts')
    .action(keygenRsa)
}

async function keygenAes(file: string, options: KeygenOptions): Promise<void> {
  const bits = Number(options.bits)
  const key = AesMasterKey.generate(bits as 128 | 192 | 256)
  await key.toFile(file)
  new Output({ json: options.json ?? false }).result(
    `AES-${bits} master key ${key.id} in ${file}: keep a copy, without it the objects are lost`,
    {
      kind: 'aes',
      bits,
      id: key.id,
      file,
    },
  )
}

async function keygenRsa(privateKey: string, publicKey: string, options: KeygenOptions): Promise<void> {
  if (privateKey === publicKey)
    throw new OptionError('public-key-file', 'must be another file', { value: publicKey })
  const passphrase = await readPassphrase(options.passphraseFile)
  const key = await RsaMasterKey.generate(Number(options.bits))
  await key.toFiles({ privateKey, publicKey, ...(passphrase === undefined ? {} : { passphrase }) })
  const secured = passphrase === undefined ? 'not encrypted' : 'encrypted'
  new Output({ json: options.json ?? false }).result(
    `RSA-${key.bits} master key ${key.id}: private key (${secured}) in ${privateKey}, public key in ${publicKey}: keep a copy of the private key, without it the objects are lost`,
    { kind: 'rsa', bits: key.bits, id: key.id, privateKey, publicKey, encrypted: passphrase !== undefined },
  )
}

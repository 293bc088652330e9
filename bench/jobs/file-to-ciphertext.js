// A file to its ciphertext in another file: this package, and programs that people use for it.
import { createCipheriv, randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync, mkdirSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { spawnSync } from 'node:child_process'
import { DataKey } from '../../dist/crypto/data-key.js'
import { cipherFile } from '../../dist/transfer/cipher-file.js'
import { openFileSource } from '../../dist/transfer/seekable-source.js'
import { isInstalled, runCommand } from '../support/commands.js'
import { assertSame, fileOf, IV, KEY_BYTES, sha256Of } from '../support/inputs.js'

export const question = 'How fast does a file become ciphertext?'

export const params = (mode) => [
  { bytes: mode === 'toy' ? 4 * 2 ** 20 : mode === 'quick' ? 64 * 2 ** 20 : 2 ** 30 },
]

const PYTHON = '/usr/bin/python3'
const hasPackage = (name) => {
  try {
    import.meta.resolve(name)
    return true
  } catch {
    return false
  }
}

/** A contestant that makes `out` of `from`. */
const filing = (make, more = {}) => ({
  ...more,
  prepare: async ({ bytes, folder }) => {
    const from = fileOf(folder, bytes)
    const run = await make({ from, folder })
    return {
      bytes,
      run: async () => {
        const out = join(folder, 'out')
        rmSync(out, { force: true, recursive: true })
        return run(out)
      },
    }
  },
})

const ours = (format) =>
  filing(({ from }) => async (out) => {
    const iv = format === 'cos' ? IV : Buffer.alloc(24, 1)
    const running = DataKey.from({ format, key: KEY_BYTES, iv }).encryptor()
    const [source, handle] = [await openFileSource(from, 'file'), await open(out, 'w', 0o600)]
    await cipherFile(source, running, { write: async (bytes) => void (await handle.write(bytes)) })
    await handle.close()
    await source.close()
  })

const naive = (highWaterMark) =>
  filing(
    ({ from }) =>
      (out) =>
        pipeline(
          createReadStream(from, { highWaterMark }),
          createCipheriv('aes-256-ctr', KEY_BYTES, IV),
          createWriteStream(out),
        ),
  )

const aws = (frameLength) =>
  filing(
    async ({ from }) => {
      const sdk = await import('@aws-crypto/client-node')
      const { encryptStream } = sdk.buildClient(sdk.CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
      const keyring = new sdk.RawAesKeyringNode({
        keyName: 'k',
        keyNamespace: 'bench',
        unencryptedMasterKey: new Uint8Array(randomBytes(32)),
        wrappingSuite: sdk.RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
      })
      // Without a signature: the fastest that commits to its key.
      const suiteId = sdk.AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY
      return (out) =>
        pipeline(
          createReadStream(from),
          encryptStream(keyring, { suiteId, frameLength }),
          createWriteStream(out),
        )
    },
    { isThere: () => hasPackage('@aws-crypto/client-node') },
  )

const PYTHON_PROGRAM = `
import sys
try:
    from Cryptodome.Cipher import AES
except ImportError:
    from Crypto.Cipher import AES
key, iv, src, dst = bytes.fromhex(sys.argv[1]), bytes.fromhex(sys.argv[2]), open(sys.argv[3], 'rb', 0), open(sys.argv[4], 'wb', 0)
cipher = AES.new(key, AES.MODE_CTR, nonce=b'', initial_value=iv)
buf, out = bytearray(1 << 20), bytearray(1 << 20)
vb, vo = memoryview(buf), memoryview(out)
while (n := src.readinto(buf)):
    cipher.encrypt(vb[:n], output=vo[:n])
    dst.write(vo[:n])
`

const [KEY_HEX, IV_HEX] = [KEY_BYTES.toString('hex'), IV.toString('hex')]

export const contestants = {
  'sealstream, format cos': ours('cos'),
  'sealstream, format sealed': ours('sealed'),
  'Node.js pipeline, 64 KiB': naive(65536),
  'Node.js pipeline, 1 MiB': naive(1048576),
  'openssl enc': filing(
    ({ from }) =>
      (out) =>
        runCommand('openssl', [
          'enc',
          '-aes-256-ctr',
          '-K',
          KEY_HEX,
          '-iv',
          IV_HEX,
          '-bufsize',
          '1024k',
          '-in',
          from,
          '-out',
          out,
        ]),
    { warmUps: 0, isThere: () => isInstalled('openssl') },
  ),
  PyCryptodome: filing(
    ({ from }) =>
      (out) =>
        runCommand(PYTHON, ['-c', PYTHON_PROGRAM, KEY_HEX, IV_HEX, from, out]),
    {
      warmUps: 0,
      isThere: () =>
        spawnSync(PYTHON, ['-c', 'import Cryptodome']).status === 0 ||
        spawnSync(PYTHON, ['-c', 'import Crypto']).status === 0,
    },
  ),
  'AWS Encryption SDK JS, frames of 4 KiB': { ...aws(4096), isExtra: true },
  'AWS Encryption SDK JS, frames of 1 MiB': aws(1048576),
  typage: filing(
    async ({ from }) => {
      const { Encrypter, generateX25519Identity, identityToRecipient } = await import('age-encryption')
      const recipient = await identityToRecipient(await generateX25519Identity())
      return async (out) => {
        const encrypter = new Encrypter()
        encrypter.addRecipient(recipient)
        const sealed = await encrypter.encrypt(Readable.toWeb(createReadStream(from)))
        await pipeline(Readable.fromWeb(sealed), createWriteStream(out))
      }
    },
    { warmUps: 0, isExtra: true, isThere: () => hasPackage('age-encryption') },
  ),
  age: filing(
    ({ from, folder }) => {
      const identity = join(folder, 'age.key')
      if (!existsSync(identity)) spawnSync('age-keygen', ['-o', identity])
      const recipient = spawnSync('age-keygen', ['-y', identity], { encoding: 'utf8' }).stdout.trim()
      return (out) => runCommand('age', ['-r', recipient, '-o', out, from])
    },
    { warmUps: 0, isThere: () => isInstalled('age') && isInstalled('age-keygen') },
  ),
  'rclone crypt': filing(
    ({ from, folder }) => {
      const remote = join(folder, 'rclone')
      mkdirSync(remote, { recursive: true })
      const password = spawnSync('rclone', ['obscure', 'bench'], {
        encoding: 'utf8',
        env: { ...process.env, RCLONE_CONFIG: '' },
      }).stdout.trim()
      const env = {
        RCLONE_CONFIG: '',
        RCLONE_CRYPT_REMOTE: remote,
        RCLONE_CRYPT_PASSWORD: password,
        RCLONE_CRYPT_FILENAME_ENCRYPTION: 'off',
        RCLONE_CRYPT_DIRECTORY_NAME_ENCRYPTION: 'false',
      }
      return () => runCommand('rclone', ['copyto', '--ignore-times', from, ':crypt:out'], { env })
    },
    { warmUps: 0, isThere: () => isInstalled('rclone') },
  ),
}

export const ratios = [
  { of: 'sealstream, format cos', to: 'openssl enc', atLeast: 1.5 },
  { of: 'sealstream, format cos', to: 'Node.js pipeline, 64 KiB', atLeast: 5 },
  { of: 'sealstream, format cos', to: 'PyCryptodome', atLeast: 8 },
  { of: 'sealstream, format cos', to: 'AWS Encryption SDK JS, frames of 1 MiB', atLeast: 8 },
  { of: 'sealstream, format sealed', to: 'AWS Encryption SDK JS, frames of 1 MiB' },
  { of: 'sealstream, format sealed', to: 'age' },
]

export const notes = [
  'openssl enc, PyCryptodome, the Node.js pipeline and format cos encrypt by AES-256-CTR and prove nothing; all others authenticate what they write.',
  'Programs are timed with their start.',
]

export async function prove({ folder, contestants: there }) {
  const bytes = 3_000_001
  const same = ['sealstream, format cos', 'Node.js pipeline, 64 KiB', 'openssl enc', 'PyCryptodome'].filter(
    (name) => name in there,
  )
  const sums = {}
  for (const name of same) {
    const { run } = await contestants[name].prepare({ bytes, folder })
    await run()
    sums[name] = sha256Of(join(folder, 'out'))
  }
  assertSame('ciphertext', sums)
  return `the same ciphertext of ${bytes} bytes from ${same.join(', ')}.`
}

// A process with an official SDK in it that answers one JSON line with another: what the peers of Java and Go have in common.
import { spawn } from 'node:child_process'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { NotInstalled, PeerError } from './peer.js'
import { Bucket } from './workshop.js'

export const REGION = 'ap-guangzhou'
export const KMS_KEY_ID = '00000000-1111-2222-3333-444444444444'

export class LinePeer {
  #child
  #lines
  #folder
  #kmsHost
  #last = Promise.resolve()
  #count = 0

  /**
   * @param sdk - Its name in results.
   * @param command - Program and arguments.
   * @param kmsHost - Host name at which the SDK's KMS client finds 127.0.0.1.
   * @throws NotInstalled
   */
  static async start({ sdk, command: [program, ...args], folder, kmsHost, env = {} }) {
    const child = spawn(program, args, {
      env: { ...process.env, HOME: folder, USERPROFILE: folder, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    await new Promise((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', ({ code }) =>
        reject(new NotInstalled(`no ${sdk}: ${program} cannot be run (${code})`)),
      )
    })
    const peer = new LinePeer(child, folder, kmsHost)
    const first = await peer.#next().catch(() => {
      throw new NotInstalled(`no ${sdk}: ${program} says why above`)
    })
    peer.sdk = sdk
    peer.said = first
    return peer
  }

  constructor(child, folder, kmsHost) {
    this.#child = child
    this.#folder = folder
    this.#kmsHost = kmsHost
    child.stdin.on('error', () => undefined)
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  }

  /**
   * Makes an encrypting client of the SDK.
   *
   * @param masterKey - `{ aes }` in Base64, `{ rsa: { publicKey, privateKey } }` in PEM, or `{ kms: true }`.
   * @param more - Options of the one SDK: see its program.
   */
  async client({ server, masterKey, ...more }) {
    const name = `client-${(this.#count += 1)}`
    const { secretId, secretKey } = server.credentials
    const ports = { port: server.port, masterKey: this.#plain(masterKey, server.kmsPort ?? server.port) }
    const account = { secretId, secretKey, bucket: Bucket, region: REGION }
    await this.#command({ do: 'client', name, ...account, ...ports, ...more })
    const withFile = async (what, key, bytes, extra) => {
      const path = join(this.#folder, `to-${name}`)
      await writeFile(path, bytes)
      try {
        return await this.#command({ do: what, client: name, key, path, ...extra })
      } finally {
        await rm(path, { force: true })
      }
    }
    return {
      put: (key, bytes) => withFile('put', key, bytes),
      parts: (key, bytes, partSize) => withFile('parts', key, bytes, { partSize }),
      transfer: (key, bytes, partSize) => withFile('transfer', key, bytes, { partSize }),
      get: (key, range) => this.#command({ do: 'get', client: name, key, range }),
    }
  }

  close() {
    this.#child.stdin.end()
    return new Promise((resolve) => {
      if (this.#child.exitCode !== null) resolve()
      else this.#child.once('exit', resolve)
    })
  }

  #plain({ aes, rsa, kms }, port) {
    if (kms !== undefined) return { kms: { keyId: KMS_KEY_ID, address: `${this.#kmsHost}:${port}` } }
    if (aes !== undefined) return { aes }
    const der = (key, type) => key.export({ type, format: 'der' }).toString('base64')
    const publicKey = der(createPublicKey(rsa.publicKey), 'spki')
    return { rsa: { publicKey, privateKey: der(createPrivateKey(rsa.privateKey), 'pkcs8') } }
  }

  #command(command) {
    const answer = this.#last.then(async () => {
      this.#child.stdin.write(`${JSON.stringify(command)}\n`)
      const { result, error } = await this.#next()
      if (error !== undefined) throw new PeerError(command.do, error)
      return result
    })
    this.#last = answer.catch(() => undefined)
    return answer
  }

  async #next() {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error('the process ended')
    return JSON.parse(value)
  }
}

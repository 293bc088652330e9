// One Python process with the official COS Python SDK in it, which answers one command at a time.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('peer.py', import.meta.url))

/** What is not there, and how to get it. */
export class NotInstalled extends Error {}

/** What the SDK raised. */
export class PeerError extends Error {
  constructor(method, { type, message, status, code }) {
    super(`${method}: ${type} ${code ?? ''} ${message}`)
    Object.assign(this, { type, status, code, said: message })
  }
}

export class Peer {
  #child
  #lines
  #last = Promise.resolve()

  /**
   * @param home - Folder that the SDK takes for the home directory: it writes keys and records there.
   * @throws NotInstalled
   */
  static async start(home) {
    const python = process.env.SEALSTREAM_PYTHON ?? 'python3'
    const child = spawn(python, ['-B', PROGRAM], {
      env: { ...process.env, HOME: home, USERPROFILE: home, PYTHONIOENCODING: 'utf-8', PYTHONUTF8: '1' },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    await new Promise((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', ({ code }) => {
        reject(
          new NotInstalled(
            `no Python: ${python} cannot be run (${code}).\nInstall Python 3, or name one: SEALSTREAM_PYTHON=/path/to/python3`,
          ),
        )
      })
    })
    const peer = new Peer(child)
    const first = await peer.#next()
    if (first.missing !== undefined) throw notInstalled(python, first)
    peer.version = `cos-python-sdk-v5 ${first.ready} on Python ${first.python}`
    peer.home = home
    return peer
  }

  constructor(child) {
    this.#child = child
    child.stdin.on('error', () => undefined)
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  }

  /**
   * Makes a client of the SDK and gives a function that calls its methods.
   *
   * @param byName - It makes URLs of the service's public names, and not of the server's address.
   */
  async client(name, { scheme = 'http', server, byName = false, ca, provider, copyPartThreshold }) {
    const { secretId, secretKey } = server.credentials
    await this.#command({
      do: 'client',
      name,
      region: 'ap-guangzhou',
      secretId,
      secretKey,
      scheme,
      port: server.port,
      address: byName ? {} : { IP: '127.0.0.1', Port: server.port },
      ca,
      provider,
      copyPartThreshold,
    })
    const call = (method, args) => this.#command({ do: 'call', client: name, method, args })
    call.uploadParts = (args, parts) =>
      this.#command({ do: 'upload_parts', method: 'upload_part', client: name, args, ...parts })
    return call
  }

  close() {
    this.#child.stdin.end()
    return new Promise((resolve) => {
      if (this.#child.exitCode !== null) resolve()
      else this.#child.once('exit', resolve)
    })
  }

  #command(command) {
    const answer = this.#last.then(async () => {
      this.#child.stdin.write(`${JSON.stringify(command)}\n`)
      const { result, error } = await this.#next()
      if (error !== undefined) throw new PeerError(command.method ?? command.do, error)
      return result
    })
    this.#last = answer.catch(() => undefined)
    return answer
  }

  async #next() {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error('the Python process ended')
    return JSON.parse(value)
  }
}

function notInstalled(python, { missing, python: version }) {
  const lines = missing.map(({ module, package: name, error }) => `  ${module} (package ${name}): ${error}`)
  const packages = missing.map(({ package: name }) => name).join(' ')
  return new NotInstalled(
    [
      `${python} (Python ${version}) lacks what the official COS Python SDK needs:`,
      ...lines,
      '',
      'Get it into an environment of its own, and name that:',
      '  python3 -m venv /path/to/venv',
      `  /path/to/venv/bin/pip install ${packages}`,
      `  SEALSTREAM_PYTHON=${join('/path/to/venv', 'bin', 'python')} npm run test:interop`,
      '',
      'A clone of github.com/tencentyun/cos-python-sdk-v5 does as well as its package: put its folder into PYTHONPATH.',
      'Some distributions install pycryptodome as Cryptodome: a folder in PYTHONPATH with a link Crypto to it is enough.',
    ].join('\n'),
  )
}

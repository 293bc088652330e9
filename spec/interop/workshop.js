// What every part of the matrix needs: the package, contents, keys, temporary files.
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** The built package: `dist`, or the folder in SEALSTREAM_DIST. */
const DIST = process.env.SEALSTREAM_DIST ?? fileURLToPath(new URL('../../dist', import.meta.url))

export const load = (file) => import(pathToFileURL(resolve(DIST, file)).href)

export const MIB = 1024 * 1024
export const Bucket = 'examplebucket-1250000000'
export const SIZES = [0, 1, 15, 16, 17, MIB - 1, MIB, MIB + 1, 5 * MIB + 3, 64 * MIB]

export const digestOf = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** Numbers from 0 to under 1 that are the same for the same seed (mulberry32). */
export function randomFrom(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export class Workshop {
  #pool
  #counter = 0

  static async make({ sizes, seed }) {
    const shop = new Workshop()
    shop.sizes = sizes
    shop.folder = await mkdtemp(join(tmpdir(), 'sealstream-interop-'))
    shop.random = randomFrom(seed)
    shop.#pool = randomBytes(Math.max(...sizes, 6 * MIB) + 4096)
    await shop.#makeKeys()
    return shop
  }

  /** Bytes that are hardly ever those of another object. */
  content(size) {
    const start = (this.#counter += 7) % 4096
    return this.#pool.subarray(start, start + size)
  }

  /** A key or a file name that is not in use. */
  name(stem) {
    return `${stem.replaceAll(/[^a-z0-9]+/gi, '-')}-${(this.#counter += 1)}`
  }

  path(stem) {
    return join(this.folder, this.name(stem))
  }

  /** Hands a file with these bytes to `use`, and removes it. */
  async withFile(bytes, use) {
    const path = this.path('file')
    await writeFile(path, bytes)
    try {
      return await use(path)
    } finally {
      await rm(path, { force: true })
    }
  }

  integer(from, to) {
    return from + Math.floor(this.random() * (to - from + 1))
  }

  shuffled(items) {
    const mixed = [...items]
    for (let last = mixed.length - 1; last > 0; last--) {
      const other = this.integer(0, last)
      ;[mixed[last], mixed[other]] = [mixed[other], mixed[last]]
    }
    return mixed
  }

  async #makeKeys() {
    const pair = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    })
    const aes = randomBytes(32).toString('base64')
    const paths = {
      aes: join(this.folder, 'aes.key'),
      publicKey: join(this.folder, 'public.pem'),
      privateKey: join(this.folder, 'private.pem'),
    }
    await writeFile(paths.aes, aes)
    await writeFile(paths.publicKey, pair.publicKey)
    await writeFile(paths.privateKey, pair.privateKey)
    this.keys = { aes, ...pair, paths }
  }

  remove() {
    return rm(this.folder, { recursive: true, force: true })
  }
}

/** @throws unless the SDK read exactly these bytes. */
export function sameBody({ body }, bytes) {
  if (body.length === bytes.length && body.sha256 === digestOf(bytes)) return
  throw new Error(`read ${body.length} bytes that are not the ${bytes.length} written`)
}

/** @throws unless both are the same bytes. */
export function sameBytes(found, bytes) {
  if (Buffer.compare(found, bytes) === 0) return
  throw new Error(`read ${found.length} bytes that are not the ${bytes.length} written`)
}

/** @throws unless they are equal. */
export function equal(found, expected, what) {
  if (found !== expected)
    throw new Error(`${what}: ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`)
}

/** What a promise is rejected with. @throws if it is not. */
export async function refusal(promise, what) {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  )
  if (error === undefined) throw new Error(`${what} is not refused`)
  return error
}

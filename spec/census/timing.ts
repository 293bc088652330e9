/**
 * Can failures to unwrap be told apart by how long they take (RULES 4.2)?
 *
 *   npm run timing                          all tables: unpadding and AES with 20,000 samples per class, RSA with 2,000
 *   npm run timing -- unpadding             only unpadOaep and unpadPkcs1: seconds
 *   npm run timing -- rsa --samples 20000   only RsaMasterKey.unwrap, whole: a quarter of an hour
 *   npm run timing -- aes --matrix          also every single t
 *
 * Each class of failures is one reason. Inputs have the same sizes in all classes of a table, are made in batches before they are
 * timed, lie in the same memory and come in random order. Samples above the 95th percentile of all compared samples of a table
 * are dropped: interruptions; then also above the median, which shows more on a busy machine. Each class is compared with each
 * other by Welch's t, which must stay within 4.5 both times. The noise floor is what a class has with itself: its samples with
 * even numbers against those with odd ones, and the first class twice. Exits 1 where two classes differ, other than those whose
 * reason is public: it shows in what is stored and the public key.
 */
import { generateKeyPairSync, randomBytes, randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { type OaepHashes, unpadOaep } from '../../lib/crypto/rsa-oaep.js'
import { unpadPkcs1 } from '../../lib/crypto/rsa-pkcs1.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { MasterKey, Wrapped } from '../../lib/keys/master-key.js'
import { RsaMasterKey } from '../../lib/keys/rsa-master-key.js'
import {
  type BlockKind,
  neverPkcs1,
  oaepKinds,
  PKCS1_KINDS,
  RANDOM_BLOCK,
  SMALL_BLOCK,
} from '../support/flawed-blocks.js'
import { aesFailures, type FailureClass, rsaFailures, type RsaForm } from '../support/unwrap-failures.js'
import type { Samples } from '../support/welch.js'
import { report, withTwin, type Table, type TimedClass } from './timing-report.js'

const WARM_UP = 300
const BATCH = 20
const BLOCK_BYTES = 256
/** Room for an input, apart from the next. */
const SLOT_BYTES = 512
const KEY_BYTES = 32

/** The inputs of one batch lie in the same memory as those of every other, wherever they come from: that must not tell. */
class Slots {
  readonly #memory = Buffer.alloc(2048 * SLOT_BYTES)
  #taken = 0

  /** Gives all memory free. */
  clear(): void {
    this.#taken = 0
  }

  copy(bytes: Uint8Array): Buffer {
    const start = this.#taken * SLOT_BYTES
    this.#taken += 1
    this.#memory.set(bytes, start)
    return this.#memory.subarray(start, start + bytes.length)
  }
}

const SLOTS = new Slots()

function unpaddingTable(
  title: string,
  [, ...flawed]: readonly [BlockKind, ...BlockKind[]],
  stranger: BlockKind,
  unpad: (block: Buffer) => Buffer | undefined,
): Table {
  const kinds = [
    RANDOM_BLOCK,
    SMALL_BLOCK,
    { name: `${stranger.name}, but not here`, make: stranger.make },
    ...flawed,
  ]
  const run = ([block]: readonly Buffer[]): void => {
    if (unpad(block!) !== undefined) throw new Error('was unpadded')
  }
  const classes = kinds.map(({ name, make }) => ({
    name,
    isPublic: false,
    make: async () => [make(BLOCK_BYTES, randomBytes(KEY_BYTES), randomBytes)],
  }))
  return { title, part: 'unpadding', samples: 20_000, classes: withTwin(classes), run }
}

/** What no one may write: it leaves at the first thing that is wrong. */
function leakyUnpad(block: Buffer): Buffer | undefined {
  if (block[0] !== 0 || block[1] !== 2) return undefined
  const end = block.length - KEY_BYTES - 1
  return block.indexOf(0, 2) === end ? Buffer.from(block.subarray(end + 1)) : undefined
}

function unwrapTable(
  title: string,
  { part, samples }: Pick<Table, 'part' | 'samples'>,
  reader: MasterKey,
  { form, failures }: { form: Omit<Wrapped, 'key' | 'iv'>; failures: readonly FailureClass[] },
): Table {
  const run = ([key, iv]: readonly Buffer[]): Promise<void> =>
    reader.unwrap({ ...form, key: key!, iv: iv! }).then(
      () => {
        throw new Error('was unwrapped')
      },
      () => undefined,
    )
  const classes = failures.map(({ name, make, isPublic = false }) => ({
    name,
    isPublic,
    make: async () => {
      const { key, iv } = await make(randomBytes)
      return [key, iv]
    },
  }))
  return { title, part, samples, classes: withTwin(classes), run }
}

function allTables(): Table[] {
  const own = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const rsa = RsaMasterKey.from({ privateKey: own.privateKey, padding: 'any' })
  const [aes, otherAes] = [AesMasterKey.generate(), AesMasterKey.generate()]
  const sha1: OaepHashes = { hash: 'sha1', mgf1Hash: 'sha1' }
  const sha256: OaepHashes = { hash: 'sha256', mgf1Hash: 'sha256' }
  const [right1] = oaepKinds(sha1)
  const [rightPkcs1] = PKCS1_KINDS
  const python = { format: 'cos-python', scheme: 'rsa-oaep-sha1', alternatives: ['rsa-pkcs1'] } as const
  const sealed = { format: 'sealed', scheme: 'rsa-oaep-sha256' } as const
  const rsaTable = (title: string, form: RsaForm): Table =>
    unwrapTable(`RsaMasterKey, 2048 bits, ${title}`, { part: 'rsa', samples: 2000 }, rsa, {
      form,
      failures: rsaFailures(own.publicKey, stranger.publicKey, form),
    })
  const aesTable = (format: 'cos' | 'sealed'): Table =>
    unwrapTable(`AesMasterKey, format ${format}`, { part: 'aes', samples: 20_000 }, aes, {
      form: { format, scheme: 'aes-kw' },
      failures: aesFailures(aes, otherAes, format),
    })
  return [
    unpaddingTable('unpadOaep, SHA-1', oaepKinds(sha1), rightPkcs1, (block) =>
      unpadOaep(block, KEY_BYTES, sha1),
    ),
    unpaddingTable('unpadOaep, SHA-256', oaepKinds(sha256), right1, (block) =>
      unpadOaep(block, KEY_BYTES, sha256),
    ),
    unpaddingTable('unpadPkcs1', PKCS1_KINDS, neverPkcs1(right1), (block) => unpadPkcs1(block, KEY_BYTES)),
    {
      ...unpaddingTable(
        'control: an unpadding that leaves early',
        PKCS1_KINDS,
        neverPkcs1(right1),
        leakyUnpad,
      ),
      isControl: true,
    },
    aesTable('cos'),
    aesTable('sealed'),
    rsaTable("padding 'any', format cos-python", python),
    rsaTable('format sealed', sealed),
  ]
}

/** Milliseconds of each call, class by class. */
async function measure({ classes, run }: Table, count: number): Promise<Samples> {
  const samples = classes.map(() => new Float64Array(count))
  for (let at = -WARM_UP; at < count; at += BATCH) {
    const batch = await makeBatch(classes)
    // Nothing here belongs to a class: what it touches would be nearer for one than for another.
    const took = new Float64Array(batch.length)
    const inputs = batch.map(({ bytes }) => bytes.map((each) => SLOTS.copy(each)))
    SLOTS.clear()
    for (const [index, input] of inputs.entries()) {
      const started = performance.now()
      await run(input)
      took[index] = performance.now() - started
    }
    for (const [index, { number, turn }] of batch.entries()) {
      if (at + turn >= 0 && at + turn < count) samples[number]![at + turn] = took[index]!
    }
  }
  return samples
}

/** Some inputs of each class, in random order. */
async function makeBatch(
  classes: readonly TimedClass[],
): Promise<{ number: number; turn: number; bytes: readonly Uint8Array[] }[]> {
  const batch: { number: number; turn: number; bytes: readonly Uint8Array[] }[] = []
  for (const [number, { make }] of classes.entries()) {
    for (let turn = 0; turn < BATCH; turn++) batch.push({ number, turn, bytes: await make() })
  }
  shuffle(batch)
  return batch
}

function shuffle(list: unknown[]): void {
  for (let at = list.length - 1; at > 0; at--) {
    const other = randomInt(at + 1)
    ;[list[at], list[other]] = [list[other], list[at]]
  }
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { samples: { type: 'string' }, matrix: { type: 'boolean', default: false } },
    allowPositionals: true,
  })
  const count = values.samples === undefined ? undefined : Number(values.samples)
  const tables = allTables().filter(({ part }) => positionals.length === 0 || positionals.includes(part))
  if (tables.length === 0) throw new Error('there are unpadding, aes and rsa')
  if (count !== undefined && !(Number.isInteger(count) && count >= 100))
    throw new Error('--samples is 100 or more')
  let isEven = true
  for (const table of tables) {
    const started = performance.now()
    const samples = await measure(
      table,
      values.samples === undefined ? table.samples : Number(values.samples),
    )
    isEven = report(table, samples, values.matrix) && isEven
    console.log(`${((performance.now() - started) / 1000).toFixed(0)} s`)
  }
  return isEven ? 0 : 1
}

process.exitCode = await main()

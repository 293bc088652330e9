/**
 * The whole bit-flip census: every bit of a `sealed` object of 40 KiB with three recipients, flipped in its body and in the
 * value of each header, and read by each recipient in turn (RULES 3.6). Takes some minutes.
 *
 *   npm run census
 *
 * Two processes share the work. Prints what became of the flips, by place, reader and error code; exits 1 where a wrong byte
 * came out, or an altered object was not refused where it must be.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startServer } from '../../lib/server/index.js'
import { makeKeys, mastersOf, READERS, sealObject, toText } from '../support/sealed-object.js'
import { Seeded } from '../support/seeded.js'
import { Tally, type TallyText } from '../support/tally.js'
import { allJobs, CensusWorker, kmsMasterKey, type Job, type KmsService, type Setup } from './jobs.js'

const PLAINTEXT_BYTES = 40 * 1024
const WORKERS = 2
const WORKER_FLAG = '--worker'

type Order = { readonly setup: Setup } | { readonly job: Job }

/** The two objects, and the keys of their recipients. */
async function prepare(service: KmsService): Promise<Setup> {
  const plaintext = new Seeded(600).bytes(PLAINTEXT_BYTES)
  const keys = makeKeys(599)
  const masters = mastersOf(keys)
  const kms = kmsMasterKey(service)
  try {
    const object = await sealObject(masters, plaintext)
    const serviceObject = await sealObject({ ...masters, kms }, plaintext)
    return { object: toText(object, keys), serviceObject: toText(serviceObject, keys), service }
  } finally {
    kms.close()
  }
}

/** Gives a worker one job after the other until there are none. */
async function drive(
  child: ChildProcess,
  setup: Setup,
  jobs: Iterator<[index: number, job: Job]>,
  take: (index: number, text: TallyText) => void,
): Promise<void> {
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`a worker ended with ${String(code)}`)
  })
  // Awaited in each turn; it also comes when all is done.
  exited.catch(() => undefined)
  child.send({ setup } satisfies Order)
  for (let next = jobs.next(); next.done !== true; next = jobs.next()) {
    const answered = once(child, 'message') as Promise<[TallyText]>
    const [index, job] = next.value
    child.send({ job } satisfies Order)
    const [text] = await Promise.race([answered, exited])
    take(index, text)
  }
  child.disconnect()
}

async function main(): Promise<number> {
  const server = await startServer()
  const keyId = '4c5d6e7f-5678-11ee-a0b1-0242ac120002'
  const { kmsEndpoint: endpoint, credentials } = server
  const children = Array.from({ length: WORKERS }, () => fork(fileURLToPath(import.meta.url), [WORKER_FLAG]))
  try {
    const setup = await prepare({ keyId, endpoint, credentials })
    const jobs = allJobs(setup)
    const texts: TallyText[] = []
    const started = performance.now()
    let done = 0
    const take = (index: number, text: TallyText): void => {
      texts[index] = text
      done += 1
      const seconds = ((performance.now() - started) / 1000).toFixed(0)
      if (process.stderr.isTTY) process.stderr.write(`\r${done}/${jobs.length} jobs, ${seconds} s `)
      else if (done % 10 === 0) console.error(`${done}/${jobs.length} jobs, ${seconds} s`)
    }
    const queue = jobs.entries()
    await Promise.all(children.map((child) => drive(child, setup, queue, take)))
    return report(texts, setup)
  } finally {
    for (const child of children) child.kill()
    await server.close()
  }
}

/** @returns The exit code. */
function report(texts: readonly TallyText[], { object, serviceObject }: Setup): number {
  const tally = new Tally()
  for (const text of texts) tally.merge(text)
  const size = Buffer.from(object.stored, 'base64').length
  const [headers, serviceHeaders] = [object, serviceObject].map(
    ({ metadata }) => Object.values(metadata).join('').length,
  ) as [number, number]
  const expected = 8 * (READERS.length * (size + headers) + serviceHeaders)
  if (process.stderr.isTTY) process.stderr.write('\r')
  console.log(
    `${PLAINTEXT_BYTES} bytes of plaintext, ${size} stored, ${headers} in headers; recipients AES-256, RSA-2048, KMS`,
  )
  console.log(tally.table().join('\n'))
  console.log(`${tally.total} flips of ${expected}`)
  for (const violation of tally.violations) console.log(`VIOLATION ${violation}`)
  if (tally.violations.length > 0 || tally.total !== expected) return 1
  console.log('every flip was refused before a wrong byte, or did no harm')
  return 0
}

/** In a worker process: the setup first, then jobs. */
function work(): void {
  let worker: CensusWorker | undefined
  process.on('message', (order: Order) => {
    if ('setup' in order) worker = new CensusWorker(order.setup)
    else void worker?.run(order.job).then((text) => process.send?.(text))
  })
  process.on('disconnect', () => worker?.close())
}

if (process.argv.includes(WORKER_FLAG)) work()
else process.exitCode = await main()

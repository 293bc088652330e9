/** Runs one case of battery B10 against a server of its own and says what is wrong with what came of it. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { CosEncryptionClient } from '../../lib/client.js'
import { CosClient, type CosClientOptions } from '../../lib/cos-client.js'
import { SealstreamError, ServiceError } from '../../lib/errors.js'
import { type Fault, type RunningServer, startServer } from '../../lib/server/index.js'
import { AES_256 } from './encrypting-masters.js'
import { bytesOf } from './encrypting-store.js'
import { DETAILS, type Expected, type Kind, OPERATION, type Position, type Target } from './fault-cases.js'
import { type AnyClient, type Step, type Workload, workload, WrongBytes } from './fault-workloads.js'
import { eventually } from './eventually.js'
import { NamelessAgent } from './nameless-agent.js'
import { BUCKET } from './raw-request.js'
import { uploadLeftWarnings } from './upload-left.js'

/** A case. */
export interface FaultCase {
  readonly kind: Kind
  readonly target: Target
  readonly position: Position
  readonly side: 'encrypting' | 'plain'
  readonly attempts: number
  readonly expected: Expected
}

/** No case may take longer, whatever the machine does besides: it hangs. */
const MOST_MS = 12_000

/** Makes a client of either kind. */
export function makeClient(side: FaultCase['side'], options: CosClientOptions): AnyClient {
  if (side === 'plain') return new CosClient(options)
  return new CosEncryptionClient({ ...options, masterKey: AES_256.masterKey(), format: 'cos' })
}

/**
 * Runs a case in `folder`, which is empty.
 *
 * @returns What is wrong; nothing if all is well.
 */
export async function runCase(given: FaultCase, folder: string): Promise<string[]> {
  const { kind, target, position, side, attempts } = given
  const server = await startServer({ https: kind === 'tls-failure' })
  const prefix = `${kind}-${target}-${position}-${side}-${attempts}`
  const work = workload(target, position, prefix, join(folder, 'file'))
  const { endpoint, credentials, certificate } = server
  const connection = {
    endpoint,
    // A function: keys that have ended can be had anew.
    credentials: () => credentials,
    bucket: BUCKET,
    ...(certificate === undefined ? {} : { tls: { ca: certificate } }),
  }
  const observer = makeClient(side, connection)
  const warnings = uploadLeftWarnings(prefix)
  try {
    for (const { Key, bytes } of work.seed) await observer.putObject({ Key, Body: bytes })
    server.faults.clear()
    const agent = kind === 'dns' ? new NamelessAgent(OPERATION[target], work.where) : undefined
    if (agent === undefined) server.faults.add(faultOf(given, work))
    const client = makeClient(side, {
      ...connection,
      retry: { attempts, baseDelay: 1, maxDelay: 20 },
      timeouts: { connect: 1000, stall: 1000 },
      ...(agent === undefined ? {} : { agents: { http: agent } }),
    })
    const problems = await strike(given, work, client)
    await client.close()
    agent?.destroy()
    const hits = agent === undefined ? server.faults.hits.length : agent.hits
    if (hits !== 1) problems.push(`the fault struck ${hits} times`)
    server.faults.clear()
    problems.push(...(await leftovers(server, observer, work, warnings.count, folder)))
    return problems.map((problem) => `${prefix}: ${problem}`)
  } finally {
    warnings.stop()
    await observer.close()
    await server.close()
  }
}

function faultOf({ kind, target }: FaultCase, { where }: Workload): Fault {
  return { kind: kind as Fault['kind'], operation: OPERATION[target], ...where, ...DETAILS[kind] }
}

/** Runs the steps: all but the struck one succeed, that one as expected, and none with other bytes. */
async function strike({ expected }: FaultCase, work: Workload, client: AnyClient): Promise<string[]> {
  const problems: string[] = []
  for (const [index, step] of work.steps.entries()) {
    const outcome = await outcomeOf(step, client)
    const wanted = index === work.struck ? expected : 'success'
    if (outcome.type === wanted || (wanted === 'either' && outcome.type !== 'bad')) continue
    problems.push(`${step.name}: ${wanted} expected, ${outcome.text}`)
  }
  return problems
}

interface StepOutcome {
  readonly type: 'success' | 'error' | 'bad'
  readonly text: string
}

async function outcomeOf(step: Step, client: AnyClient): Promise<StepOutcome> {
  let timer: NodeJS.Timeout | undefined
  const started = performance.now()
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing after ${MOST_MS} ms`)), MOST_MS)
  })
  try {
    await Promise.race([step.run(client), late])
    return { type: 'success', text: `success after ${Math.round(performance.now() - started)} ms` }
  } catch (error) {
    if (error instanceof ServiceError) {
      return { type: 'error', text: `${error.status} ${error.serviceCode}: ${error.message}` }
    }
    if (error instanceof SealstreamError) return { type: 'error', text: `${error.code}: ${error.message}` }
    return { type: 'bad', text: error instanceof WrongBytes ? error.message : inspect(error) }
  } finally {
    clearTimeout(timer)
  }
}

/** What must not be left: wrong objects, uploads that nobody was told of, files. */
async function leftovers(
  server: RunningServer,
  observer: AnyClient,
  work: Workload,
  warned: () => number,
  folder: string,
): Promise<string[]> {
  const problems: string[] = []
  const written = work.steps.flatMap(({ writes }) => (writes === undefined ? [] : [writes]))
  for (const { Key, bytes } of [...work.seed, ...written]) {
    const found = await observer
      .getObject({ Key })
      .then(({ Body }) => bytesOf(Body))
      .catch((error: unknown) => {
        if (error instanceof ServiceError && error.serviceCode === 'NoSuchKey') return undefined
        throw error
      })
    if (found !== undefined && !found.equals(bytes)) problems.push(`a wrong object under ${Key}`)
  }
  const uploads = async (): Promise<number> => (await observer.listMultipartUploads({})).Upload.length
  await eventually(async () => expect(await uploads(), 'uploads left').to.be.at.most(warned())).catch(
    (error: unknown) => problems.push((error as Error).message),
  )
  const files = (await readdir(folder)).filter((name) => name !== 'file')
  if (files.length > 0) problems.push(`files left: ${files.join()}`)
  if (server.faults.hits.length > 0) problems.push('a fault struck the observer')
  return problems
}

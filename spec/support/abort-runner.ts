/** Aborts an operation at one moment, and says what is wrong with what came of it (battery B16). */
import { getEventListeners } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { open, readdir, readFile, rm } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { SealstreamError, ServiceError } from '../../lib/errors.js'
import { type Abortable, OBJECT, prepare } from './abort-operations.js'
import { type Side, Stage, WAIT_MS } from './abort-stage.js'
import { bytesOf } from './encrypting-store.js'
import { eventually } from './eventually.js'
import type { AnyClient } from './fault-workloads.js'
import { uploadLeftWarnings } from './upload-left.js'

/** When the signal is aborted: in the tick of the call; at the n-th event on the server; while something is waited for. */
export type Moment =
  'before the call' | 'in the same tick' | 'while waiting to retry' | 'during a stall' | number

/** What descriptors and sockets there are. */
export function descriptors(): number | undefined {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : undefined
}

/** Connections that this process holds open; of ours in both roles, those of the server. */
export function connections(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
}

/** How many events an operation causes when nobody aborts it. */
export async function countEvents(operation: Abortable, side: Side): Promise<number> {
  const stage = await Stage.open()
  const client = stage.client(side)
  try {
    await seed(operation, stage, client)
    await operation.run({ client, signal: undefined, onProgress: () => undefined, path: stage.path })
    return stage.events
  } finally {
    await client.close()
    await stage.close()
  }
}

async function seed(operation: Abortable, stage: Stage, client: AnyClient): Promise<void> {
  for (const Key of operation.needs) await client.putObject({ Key, Body: OBJECT })
  await prepare(operation, stage.path)
  stage.server.faults.clear()
  stage.events = 0
}

/** @returns What is wrong; nothing if all is well. */
export async function abortAt(operation: Abortable, side: Side, moment: Moment): Promise<string[]> {
  const stage = await Stage.open()
  const seeding = stage.client(side)
  const observer = stage.client(side)
  const warnings = uploadLeftWarnings('written')
  try {
    await seed(operation, stage, seeding)
    await seeding.close()
    const problems = await abortOnStage(operation, side, moment, stage)
    problems.push(...(await aftermath(operation, stage, observer, side, warnings.count)))
    return problems.map((problem) => `${operation.name}, ${moment}: ${problem}`)
  } catch (error) {
    return [`${operation.name}, ${moment}: ${inspect(error)}`]
  } finally {
    warnings.stop()
    await seeding.close()
    await observer.close()
    await stage.close()
  }
}

async function abortOnStage(
  operation: Abortable,
  side: Side,
  moment: Moment,
  stage: Stage,
): Promise<string[]> {
  // What other specs in this process left open is not ours.
  await eventually(() => connections() === 0, 1000).catch(() => undefined)
  const [before, connected] = [descriptors(), connections()]
  const problems: string[] = []
  const controller = new AbortController()
  const { signal } = controller
  const reason = new Error('of the spec')
  let control: Control | undefined
  let abortedAt = 0
  const abort = (): void => {
    if (signal.aborted) return
    control = startControl(stage.path('control'))
    abortedAt = performance.now()
    controller.abort(reason)
  }
  const client = stage.client(side, () => {
    if (moment === 'while waiting to retry') setImmediate(abort)
  })
  let settledAt = Infinity
  let late = 0
  const onProgress = (): void => void (late += settledAt < Infinity ? 1 : 0)
  arm(operation, moment, stage, abort)
  const outcome = operation.run({ client, signal, onProgress, path: stage.path }).then(
    () => 'success' as const,
    (error: unknown) => ({ error }),
  )
  if (moment === 'in the same tick') abort()
  if (moment === 'during a stall') void whenStalled(stage).then(() => setTimeout(abort, 5))
  const result = await outcome
  settledAt = performance.now()
  const waited = settledAt - abortedAt
  problems.push(...verdictOf(result, signal, reason))
  if (control?.cancel() === false) {
    const most = await control.most
    if (waited > most)
      problems.push(`settled ${Math.round(waited)} ms after the abort, at most ${Math.round(most)} allowed`)
  }
  const note = noting(problems)
  await eventually(() => expect(getEventListeners(signal, 'abort'), 'listeners').to.have.length(0)).catch(
    note,
  )
  stage.onEvent = undefined
  await client.close()
  stage.server.faults.clear()
  await eventually(() => expect(connections(), 'connections').to.be.at.most(connected)).catch(note)
  await eventually(() => expect(descriptors(), 'descriptors').to.equal(before)).catch(note)
  if (late > 0) problems.push(`${late} reports of progress after the rejection`)
  return problems
}

/** Lets the moment come. */
function arm({ struck }: Abortable, moment: Moment, stage: Stage, abort: () => void): void {
  const { faults } = stage.server
  if (moment === 'before the call') abort()
  else if (moment === 'while waiting to retry') {
    faults.add({ kind: 'slow-down', operation: struck, retryAfter: WAIT_MS / 1000 })
  } else if (moment === 'during a stall') faults.add({ kind: 'stall-before-headers', operation: struck })
  else if (typeof moment === 'number')
    stage.onEvent = (number) => {
      if (number === moment) abort()
    }
}

const whenStalled = ({ server }: Stage): Promise<void> => eventually(() => server.faults.hits.length > 0)

/** Adds what a promise is rejected with to the problems. */
function noting(problems: string[]): (error: unknown) => void {
  return (error) => void problems.push(error instanceof Error ? error.message : inspect(error))
}

function verdictOf(result: 'success' | { error: unknown }, signal: AbortSignal, reason: Error): string[] {
  // Not every run has as many events as the one that was counted.
  if (!signal.aborted && result === 'success') return []
  if (result === 'success') return ['success']
  const { error } = result
  if (!(error instanceof SealstreamError) || error.code !== 'SEALSTREAM_ABORTED')
    return [`failed with ${inspect(error)}`]
  return error.cause === reason ? [] : [`the cause is ${inspect(error.cause)}`]
}

interface Control {
  /**
   * How long the rejection may take on this machine now: 100 ms, and four times what a timer of 100 ms and a file that is
   * made and removed at the same moment are late.
   */
  readonly most: Promise<number>
  /** True where the timer has not even fired: what has come by then was in time. There is no `most` then. */
  readonly cancel: () => boolean
}

function startControl(path: string): Control {
  const started = performance.now()
  let hasFired = false
  let timer: NodeJS.Timeout | undefined
  const fired = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      hasFired = true
      resolve()
    }, 100)
  })
  const most = fired.then(async () => {
    const handle = await open(path, 'w')
    await handle.close()
    await rm(path)
    const late = performance.now() - started - 100
    return 100 + 4 * late + 10
  })
  const cancel = (): boolean => {
    clearTimeout(timer)
    return !hasFired
  }
  return { most, cancel }
}

/** What must not be left, and what must. */
async function aftermath(
  operation: Abortable,
  stage: Stage,
  observer: AnyClient,
  side: Side,
  warned: () => number,
): Promise<string[]> {
  const problems: string[] = []
  const note = noting(problems)
  const uploads = async (): Promise<number> => (await observer.listMultipartUploads({})).Upload.length
  if (operation.hasCheckpoint !== true) {
    // Only one whose id nobody learned may be left, and then it was said.
    await eventually(async () => expect(await uploads(), 'uploads left').to.be.at.most(warned())).catch(note)
    const files = (await readdir(stage.folder)).filter((name) => name !== 'file' && name !== 'control')
    if (files.length > 0) problems.push(`files left: ${files.join()}`)
    problems.push(...(await objectProblems(operation, stage, observer)))
    return problems
  }
  const hasCheckpoint = existsSync(stage.path('checkpoint'))
  const { writes } = operation
  if (writes !== undefined) {
    await eventually(async () => {
      if ((await storedBytes(observer, writes)) !== undefined) return true
      return expect((await uploads()) > 0, 'an upload, as the checkpoint says').to.equal(hasCheckpoint)
    }).catch(note)
  }
  const client = stage.client(side)
  const again = { client, signal: undefined, onProgress: () => undefined, path: stage.path }
  await operation
    .run(again)
    .catch((error: unknown) => problems.push(`the second call fails: ${inspect(error)}`))
  await client.close()
  problems.push(...(await objectProblems(operation, stage, observer, true)))
  await eventually(async () => expect(await uploads(), 'uploads after the second call').to.equal(0)).catch(
    note,
  )
  const files = (await readdir(stage.folder)).filter((name) => name !== 'file' && name !== 'control')
  if (files.length > 0) problems.push(`the second call leaves files: ${files.join()}`)
  return problems
}

/** The object, or the file, is there whole or not at all. */
async function objectProblems(
  operation: Abortable,
  stage: Stage,
  observer: AnyClient,
  isNeeded = false,
): Promise<string[]> {
  const found =
    operation.file === 'target'
      ? await readFile(stage.path('file')).catch(() => undefined)
      : operation.writes === undefined
        ? undefined
        : await storedBytes(observer, operation.writes)
  if (found === undefined) return isNeeded ? ['nothing there'] : []
  return found.equals(OBJECT) ? [] : ['a wrong object']
}

async function storedBytes(observer: AnyClient, Key: string): Promise<Buffer | undefined> {
  try {
    return await bytesOf((await observer.getObject({ Key })).Body)
  } catch (error) {
    if (error instanceof ServiceError && error.serviceCode === 'NoSuchKey') return undefined
    throw error
  }
}

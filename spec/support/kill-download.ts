/** A download that is killed once or more, and what must be true when it has come through. */
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { CosEncryptionClient } from '../../lib/client.js'
import { AES_256 } from './encrypting-masters.js'
import {
  type Kill,
  type KillBench,
  nameOf,
  PART_SIZE,
  PARTS,
  type Run,
  SIZE,
  type State,
} from './kill-bench.js'
import { expectDone, expectKilled } from './kill-upload.js'
import { BUCKET } from './raw-request.js'
import { Seeded } from './seeded.js'

/** What the run after the last kill does. */
export type DownloadEnding =
  /** There is no checkpoint. */
  | 'begins'
  /** There is one, but not the temporary file that it names. */
  | 'begins anew'
  /** There is one that names ranges. */
  | 'goes on'
  /** As before, but it may name none: the workers that were not held may have come far, or not. */
  | 'goes on with whatever is written down'

export interface DownloadPoint {
  readonly kills: readonly Kill[]
  readonly then: DownloadEnding
}

export interface DownloadStory {
  readonly runs: readonly Run[]
  /** Before each run. */
  readonly before: readonly State[]
  /** What has the name of the target before each run. */
  readonly targets: readonly ('old' | 'whole' | 'torn')[]
  readonly after: State
  readonly target: { readonly bytes: Buffer; readonly mode: number }
  /** Modes of all files in the folder that are not the old target, before each run. */
  readonly modes: readonly number[]
}

const PLAINTEXT = new Seeded(15).bytes(SIZE)
const OLD = Buffer.from('what was there before')
const OBJECT = 'object'

export function downloadTitle({ kills, then }: DownloadPoint): string {
  return `killed ${kills.map(nameOf).join(', and again ')}: the next run ${then}`
}

const stored = new WeakMap<KillBench, Promise<void>>()

/** The object that all downloads are of. */
async function store(bench: KillBench): Promise<void> {
  const { endpoint, credentials } = bench.server
  const masterKey = AES_256.masterKey()
  const client = new CosEncryptionClient({ endpoint, credentials, bucket: BUCKET, masterKey, format: 'cos' })
  await client.putObject({ Key: OBJECT, Body: PLAINTEXT })
  await client.close()
}

export async function tellDownload(bench: KillBench, { kills }: DownloadPoint): Promise<DownloadStory> {
  if (!stored.has(bench)) stored.set(bench, store(bench))
  await stored.get(bench)
  const transfer = await bench.transfer('downloadFile', OBJECT)
  try {
    // It is replaced when everything is verified, and stays what it was until then.
    await writeFile(transfer.path, OLD, { mode: 0o644 })
    const runs: Run[] = []
    const before: State[] = []
    const targets: DownloadStory['targets'][number][] = []
    const modes: number[] = []
    for (const kill of [...kills, undefined]) {
      const state = await transfer.state()
      before.push(state)
      const target = await readFile(transfer.path)
      targets.push(target.equals(OLD) ? 'old' : target.equals(PLAINTEXT) ? 'whole' : 'torn')
      for (const name of state.files.filter((name) => name !== 'file' || targets.at(-1) !== 'old'))
        modes.push((await stat(join(transfer.path, '..', name))).mode & 0o777)
      runs.push(await transfer.run(kill))
    }
    const after = await transfer.state()
    const { mode } = await stat(transfer.path)
    const target = { bytes: await readFile(transfer.path), mode: mode & 0o777 }
    return { runs, before, targets, after, target, modes }
  } finally {
    await transfer.close()
  }
}

/** Everything that must be true of every story. */
export function expectDownloaded(story: DownloadStory, { kills, then }: DownloadPoint): void {
  const { runs, before, targets, after, target, modes } = story
  expectKilled(runs.slice(0, kills.length))
  const last = runs.at(-1)!
  expectDone(runs)
  expect(target.bytes.equals(PLAINTEXT), 'the file is the source').to.equal(true)
  expect(target.mode).to.equal(0o600)
  expect(
    modes.every((mode) => mode === 0o600),
    'modes in between',
  ).to.equal(true)
  expect(targets[0]).to.equal('old')
  expect(targets, 'whole or not at all').not.to.include('torn')
  runs.forEach((run, i) => expectNoRangeAgain(run, before[i]!))
  expectResumed(last, before.at(-1)!, then)
  expect(after.files, 'files').to.deep.equal(['file'])
}

const rangesOf = ({ checkpoint }: State): number[] =>
  Object.keys((checkpoint?.Ranges ?? {}) as Record<string, string>).map(Number)

const fetchedIn = ({ calls }: Run): number[] =>
  calls
    .filter(({ operation }) => operation === 'getObject')
    .map(({ part }) => part)
    .sort((a, b) => a - b)

/** Ranges that are written down are not fetched again; and none twice in one run. */
function expectNoRangeAgain(run: Run, state: State): void {
  const fetched = fetchedIn(run)
  expect(fetched, 'once in a run').to.deep.equal([...new Set(fetched)])
  for (const number of rangesOf(state)) expect(fetched, 'finished before').not.to.include(number)
}

function expectResumed(run: Run, state: State, then: DownloadEnding): void {
  const done = rangesOf(state)
  const bytes = done.reduce((sum, number) => sum + Math.min(PART_SIZE, SIZE - (number - 1) * PART_SIZE), 0)
  const resumed = [{ type: 'resumed', parts: done.length, bytes }]
  const events = {
    begins: [],
    'begins anew': [{ type: 'restarted', reason: 'the temporary file is gone' }],
    'goes on': resumed,
    'goes on with whatever is written down': resumed,
  }
  expect(state.checkpoint === undefined, 'no checkpoint').to.equal(then === 'begins')
  if (then === 'goes on') expect(done.length).to.be.greaterThan(0)
  expect(run.events).to.deep.equal(events[then])
  expect(fetchedIn(run), 'the ranges').to.deep.equal(PARTS.filter((number) => !done.includes(number)))
}

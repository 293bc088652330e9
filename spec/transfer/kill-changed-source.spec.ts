/** B13 to B15: uploadFile killed, its source changed in size and time alike, and started again; also killed in between. */
import { writeFileSync } from 'node:fs'
import { stat, utimes, writeFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import { AES_256 } from '../support/encrypting-masters.js'
import { bytesOf } from '../support/encrypting-store.js'
import {
  type Kill,
  type KillBench,
  type KilledTransfer,
  nameOf,
  PART_SIZE,
  PARTS,
  type Run,
  SIZE,
  type State,
  stories,
} from '../support/kill-bench.js'
import type { GateStop, Moment } from '../support/kill-gate.js'
import {
  dropAll,
  envelopesOf,
  expectDone,
  expectKilled,
  expectNoPartAgain,
  expectNothingLeft,
  expectStored,
  sentIn,
} from '../support/kill-upload.js'
import { KeystreamAudit } from '../support/keystream-audit.js'
import { Seeded } from '../support/seeded.js'

const at = (operation: string, moment: Moment, part?: number): GateStop => ({ operation, moment, part })

const COMPLETE = 'completeMultipartUpload'
const ABORT = 'abortMultipartUpload'

const OLD = new Seeded(131).bytes(SIZE)
const NEW = new Seeded(132).bytes(SIZE)
/** A whole second: nothing of it is lost when it is set. */
const MTIME = new Date('2026-01-02T03:04:05Z')

interface Point {
  readonly name: string
  readonly run: (transfer: KilledTransfer) => Promise<Run>
  /** The run after the change is killed, too, before the last one. */
  readonly again?: (transfer: KilledTransfer) => Promise<Run>
  /** The source changes when the first part comes, not after the first run. */
  readonly changesDuringRun?: true
}

const killed = (kill: Kill, again?: Kill): Point => ({
  name: nameOf(kill) + (again === undefined ? '' : `, and ${nameOf(again)}`),
  run: (transfer) => transfer.run(kill),
  ...(again === undefined ? {} : { again: (transfer: KilledTransfer) => transfer.run(again) }),
})

const ONCE: readonly Point[] = [
  killed({ when: 'after', step: 'rename checkpoint', nth: 2 }),
  killed(at('uploadPart', 'arrives', 1)),
  killed(at('uploadPart', 'is half sent', 4)),
  killed(at('uploadPart', 'is carried out', 7)),
  killed(at(COMPLETE, 'arrives')),
  killed(at(COMPLETE, 'is carried out')),
]

const AGAIN: readonly Point[] = [
  killed(at('uploadPart', 'is half sent', 4), at('createMultipartUpload', 'arrives')),
  killed(at('uploadPart', 'is half sent', 4), at('uploadPart', 'is half sent', 4)),
  killed(at('uploadPart', 'is half sent', 4), at(COMPLETE, 'is carried out')),
  killed(at('uploadPart', 'is half sent', 4), at(ABORT, 'is carried out')),
  {
    name: 'when uploadPart 4 is half sent, and when the next upload sends a part while the abort is still under way',
    run: (transfer) => transfer.run(at('uploadPart', 'is half sent', 4)),
    again: (transfer) => {
      const { gate } = transfer
      // A run that waits for its abort sends nothing before, and is killed while it waits.
      const next = (): Promise<void> =>
        Promise.race([gate.reached(at('uploadPart', 'arrives')), wait(1000).then(() => undefined)])
      return transfer.run(gate.reached(at(ABORT, 'arrives')).then(next))
    },
  },
]

const DURING: readonly Point[] = (['arrives', 'is carried out'] as const).map((moment) => ({
  ...killed(at(ABORT, moment)),
  changesDuringRun: true,
}))

interface Story {
  readonly runs: readonly Run[]
  readonly before: readonly State[]
  readonly after: State
  readonly object: { readonly bytes: Buffer; readonly headers: Readonly<Record<string, string>> }
  readonly audit: KeystreamAudit
}

async function tell(bench: KillBench, { run, again, changesDuringRun }: Point): Promise<Story> {
  const transfer = await bench.transfer('uploadFile')
  const { path, gate, key } = transfer
  const audit = new KeystreamAudit(PART_SIZE)
  let isChanged = changesDuringRun !== true
  gate.onBytes = (bytes) => {
    audit.record(bytes)
    if (!isChanged) writeFileSync(path, NEW)
    isChanged = true
  }
  try {
    await writeFile(path, OLD)
    await utimes(path, MTIME, MTIME)
    const before = [await transfer.state()]
    const runs = [await run(transfer)]
    await writeFile(path, NEW)
    await utimes(path, MTIME, MTIME)
    const { size, mtimeMs } = await stat(path)
    expect([size, mtimeMs]).to.deep.equal([OLD.length, MTIME.getTime()])
    for (const next of [again, (last: KilledTransfer) => last.run()]) {
      if (next === undefined) continue
      before.push(await transfer.state())
      runs.push(await next(transfer))
    }
    const after = await transfer.state()
    expectDone(runs)
    const { Body, $metadata } = await bench.plain.getObject({ Key: key })
    const object = { bytes: await bytesOf(Body), headers: $metadata.headers }
    await dropAll(bench, key, after)
    return { runs, before, after, object, audit }
  } finally {
    await transfer.close()
  }
}

/** Everything that must be true of every story. Gives the id of the upload of what the source was. */
function expectChanged(story: Story): string {
  const { runs, before } = story
  expectKilled(runs.slice(0, -1))
  expectStored({ ...story, plaintext: NEW })
  runs.forEach((run, i) => expectNoPartAgain(run, before[i]!))
  expectOldBytesOnly(story)
  expectNothingLeft(story)
  return startedIn(runs[0]!)
}

const startedIn = ({ calls }: Run): string =>
  calls.find(({ operation }) => operation === 'createMultipartUpload')!.uploadId!

/** The upload of what the source was carried nothing else, and its data key nothing new. */
function expectOldBytesOnly({ runs, audit }: Story): void {
  const envelopes = envelopesOf(runs)
  const old = startedIn(runs[0]!)
  for (const run of runs.slice(1)) expect(sentIn(run, old), 'parts of the old upload').to.deep.equal([])
  expect(audit.conflicts).to.deep.equal([])
  for (const uploadId of audit.uploads) {
    const secrets = AES_256.secrets(envelopes.get(uploadId)!)
    expect(audit.objectionTo(uploadId, secrets, uploadId === old ? OLD : NEW)).to.equal(undefined)
  }
  const keys = [...envelopes.values()].map((headers) => AES_256.secrets(headers).key.toString('hex'))
  expect(new Set(keys).size, 'data keys of their own').to.equal(keys.length)
}

describe('uploadFile of a source that changes, size and mtime alike', () => {
  const story = stories([...ONCE, ...AGAIN, ...DURING], tell)

  for (const point of ONCE) {
    it(`killed ${point.name}, then changed: the next run aborts the old upload and begins another`, async () => {
      const told = await story(point)
      const old = expectChanged(told)
      const { events, calls } = told.runs.at(-1)!
      expect(events).to.deep.equal([{ type: 'restarted', reason: 'the source changed' }])
      const aborted = calls.filter(({ operation }) => operation === ABORT).map(({ uploadId }) => uploadId)
      expect(aborted).to.deep.equal([old])
      const started = startedIn(told.runs.at(-1)!)
      expect(started).not.to.equal(old)
      expect(sentIn(told.runs.at(-1)!, started)).to.deep.equal(PARTS)
    })
  }

  for (const point of AGAIN) {
    it(`killed ${point.name}, changed in between: the last run leaves no upload that nobody was told of`, async () => {
      expectChanged(await story(point))
    })
  }

  for (const point of DURING) {
    it(`changed while it is read, killed ${point.name}: the next run leaves no upload that nobody was told of`, async () => {
      expectChanged(await story(point))
    })
  }
})

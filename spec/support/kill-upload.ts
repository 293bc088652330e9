/** An upload that is killed once or more, and what must be true when it has come through. */
import { readFile, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { AES_256, encryptedWith } from './encrypting-masters.js'
import { bytesOf } from './encrypting-store.js'
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
import { KeystreamAudit } from './keystream-audit.js'
import { Seeded } from './seeded.js'

/** What the run after the last kill does. */
export type UploadEnding =
  'begins' | 'begins anew' | 'reports the orphan and begins anew' | 'goes on' | 'finds the object'

/** One story: killed at each of these in turn, then left alone. */
export interface UploadPoint {
  readonly kills: readonly Kill[]
  readonly then: UploadEnding
  /** Bytes of the source. Default {@link SIZE}. */
  readonly size?: number
  /** The service does not say what completed uploads come to. */
  readonly hidesCrc64?: true
}

export interface UploadStory {
  readonly plaintext: Buffer
  readonly runs: readonly Run[]
  /** Before each run. */
  readonly before: readonly State[]
  readonly after: State
  readonly object: { readonly bytes: Buffer; readonly headers: Readonly<Record<string, string>> }
  /** Upload, as the gate names it → headers that its data key came with. */
  readonly envelopes: ReadonlyMap<string, Readonly<Record<string, string | undefined>>>
  readonly audit: KeystreamAudit
}

const PLAINTEXT = new Seeded(13).bytes(SIZE)

export function titleOf({ kills, then, hidesCrc64 }: UploadPoint): string {
  const service = hidesCrc64 === undefined ? '' : ' (no CRC-64 on completion)'
  return `killed ${kills.map(nameOf).join(', and again ')}: the next run ${then}${service}`
}

export async function tellUpload(bench: KillBench, point: UploadPoint): Promise<UploadStory> {
  const transfer = await bench.transfer('uploadFile')
  const plaintext = PLAINTEXT.subarray(0, point.size ?? SIZE)
  const audit = new KeystreamAudit(PART_SIZE)
  transfer.gate.onBytes = (bytes) => audit.record(bytes)
  transfer.gate.hidesCrc64 = point.hidesCrc64 === true
  try {
    await writeFile(transfer.path, plaintext)
    const runs: Run[] = []
    const before: State[] = []
    for (const kill of [...point.kills, undefined]) {
      before.push(await transfer.state())
      runs.push(await transfer.run(kill))
    }
    const after = await transfer.state()
    expectDone(runs)
    const { Body, $metadata } = await bench.plain.getObject({ Key: transfer.key })
    const object = { bytes: await bytesOf(Body), headers: $metadata.headers }
    expect((await readFile(transfer.path)).equals(plaintext), 'the source').to.equal(true)
    await dropAll(bench, transfer.key, after)
    return { plaintext, runs, before, after, object, envelopes: envelopesOf(runs), audit }
  } finally {
    await transfer.close()
  }
}

/** The server's folder would grow. */
export async function dropAll(bench: KillBench, Key: string, { uploads }: State): Promise<void> {
  for (const UploadId of uploads.keys()) await bench.plain.abortMultipartUpload({ Key, UploadId })
  await bench.plain.deleteObject({ Key })
}

/** From the requests that brought them. */
export function envelopesOf(runs: readonly Run[]): UploadStory['envelopes'] {
  const starts = runs
    .flatMap(({ calls }) => calls)
    .filter(({ operation }) => operation === 'createMultipartUpload' || operation === 'putObject')
  return new Map(
    // An upload whose start was not answered had a data key as well.
    starts.map(({ uploadId, headers }, i) => [
      uploadId ?? `start ${i}`,
      headers as Record<string, string | undefined>,
    ]),
  )
}

/** Numbers of the parts that a run sent, ascending; those of one upload alone where it is given. */
export function sentIn({ calls }: Run, uploadId?: string): number[] {
  return calls
    .filter((call) => call.operation === 'uploadPart' && (uploadId ?? call.uploadId) === call.uploadId)
    .map(({ part }) => part)
    .sort((a, b) => a - b)
}

/** The last run was left alone, and came through. */
export function expectDone(runs: readonly Run[]): void {
  const { end, stderr, code } = runs.at(-1)!
  expect(end, stderr).to.include({ type: 'done', verified: 'crc64' })
  expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
}

/** Everything that must be true of every story. */
export function expectUploaded(story: UploadStory, { then, kills }: UploadPoint): void {
  const { runs, before } = story
  expectKilled(runs.slice(0, kills.length))
  const last = runs.at(-1)!
  expectStored(story)
  expectResumed(last, before.at(-1)!, then)
  runs.forEach((run, i) => expectNoPartAgain(run, before[i]!))
  expectSafeKeystream(story)
  expectNothingLeft(story)
}

export function expectKilled(runs: readonly Run[]): void {
  for (const { signal, end, stderr } of runs) {
    expect({ signal, end, stderr }, 'reached').to.deep.equal({
      signal: 'SIGKILL',
      end: undefined,
      stderr: '',
    })
  }
}

/** Decrypted by OpenSSL alone. */
export function expectStored({ object, plaintext }: Pick<UploadStory, 'object' | 'plaintext'>): void {
  const wanted = encryptedWith(AES_256.secrets(object.headers), plaintext)
  expect(object.bytes.equals(wanted), 'the object decrypts to the source').to.equal(true)
}

function expectResumed({ events, calls }: Run, state: State, then: UploadEnding): void {
  const { checkpoint, uploads } = state
  const open = [...uploads.keys()]
  const anew = { type: 'restarted', reason: 'the run before ended while it started the upload' }
  const stored = uploads.get(String(checkpoint?.UploadId)) ?? []
  const bytes = stored.reduce((sum, number) => sum + Math.min(PART_SIZE, SIZE - (number - 1) * PART_SIZE), 0)
  const expected = {
    begins: [],
    'begins anew': [anew],
    'reports the orphan and begins anew': [{ type: 'orphans', uploadIds: open }, anew],
    'goes on': [{ type: 'resumed', parts: stored.length, bytes }],
    'finds the object': [],
  }
  expect(events).to.deep.equal(expected[then])
  const isNew = calls.some(({ operation }) => /^(createMultipartUpload|putObject)$/.test(operation))
  expect(isNew, 'a new upload').to.equal(then.includes('begins'))
  if (then === 'goes on') {
    const missing = PARTS.filter((number) => !stored.includes(number))
    expect(sentIn({ calls } as Run), 'the parts sent').to.deep.equal(missing)
  }
  if (then === 'finds the object') {
    expect(sentIn({ calls } as Run)).to.deep.equal([])
    expect(state).to.deep.include({ hasObject: true, uploads: new Map() })
  }
}

/** Neither on the service, but for uploads whose id no run could know, which were reported; nor in the folder. */
export function expectNothingLeft({
  runs,
  before,
  after,
}: Pick<UploadStory, 'runs' | 'before' | 'after'>): void {
  const reported = new Set(
    runs.flatMap(({ events }) =>
      events.flatMap((event) => (event.type === 'orphans' ? event.uploadIds : [])),
    ),
  )
  expect([...after.uploads.keys()].sort(), 'uploads').to.deep.equal([...reported].sort())
  // Untouched: as it was when it was found.
  for (const uploadId of reported) {
    const then = before.find(({ uploads }) => uploads.has(uploadId))?.uploads.get(uploadId)
    expect(after.uploads.get(uploadId)).to.deep.equal(then)
  }
  expect(after.files, 'files').to.deep.equal(['file'])
}

/** What the service has of an upload that a run goes on with is not sent again, and nothing twice in one run. */
export function expectNoPartAgain(run: Run, { uploads }: State): void {
  for (const uploadId of new Set(run.calls.map((call) => call.uploadId))) {
    if (uploadId === undefined) continue
    const sent = sentIn(run, uploadId)
    expect(sent, 'once in a run').to.deep.equal([...new Set(sent)])
    for (const number of uploads.get(uploadId) ?? []) expect(sent, 'stored before').not.to.include(number)
  }
}

/** B15. */
export function expectSafeKeystream({ audit, envelopes, plaintext }: UploadStory): void {
  expect(audit.conflicts).to.deep.equal([])
  for (const uploadId of audit.uploads) {
    const headers = envelopes.get(uploadId)
    expect(headers, `the envelope of upload ${uploadId}`).not.to.equal(undefined)
    expect(audit.objectionTo(uploadId, AES_256.secrets(headers!), plaintext)).to.equal(undefined)
  }
  const keys = [...envelopes.values()].map((headers) => AES_256.secrets(headers).key.toString('hex'))
  expect(new Set(keys).size, 'data keys of their own').to.equal(keys.length)
}

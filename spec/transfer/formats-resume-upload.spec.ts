/** uploadFile of `sealed` and `cos-java-gcm` with a checkpoint: going on in another client, and starting afresh. */
import { writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { CosEncryptionClient } from '../../lib/client.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import { RSA_2048, rsaPublicOnly } from '../support/encrypting-masters.js'
import { bytesOf } from '../support/encrypting-store.js'
import { expectedBytes, GCM, rawObject, SEALED, WRITERS, writing } from '../support/format-writers.js'
import { CONTENT, fileUploads, PARTS, type FileUpload } from '../support/interrupted-upload.js'
import { refused } from '../support/refused.js'
import { expectNoTrace } from '../support/secrecy.js'
import { Seeded } from '../support/seeded.js'
import { content, PART, transferBench } from '../support/transfers.js'
import { UploadRig } from '../support/upload-rig.js'

const KINDS = WRITERS.filter(({ format }) => format === 'sealed' || format === 'cos-java-gcm')
const CONTEXT_REASON = 'the format, the master key or the encryption context is another'
const KEY_BYTES = new Seeded(71).bytes(32)

describe('uploadFile of sealed and cos-java-gcm, with a checkpoint', () => {
  const bench = transferBench({}, { once: true })
  const make = fileUploads()

  const rig = (): UploadRig => new UploadRig(bench.server, bench.calls)
  /** The event of an answer may come a moment later than the answer: something else has to be answered first. */
  async function callsSoFar(): Promise<number> {
    await rig().uploads()
    return bench.calls.length
  }

  const reasonOf = ({ events }: FileUpload): unknown => events.at(-1)

  /** The object is right, byte for byte of what is stored, and nothing is left. */
  async function expectStored(reader: CosEncryptionClient, file: FileUpload, plain = CONTENT): Promise<void> {
    expect((await bytesOf((await reader.getObject({ Key: 'a' })).Body)).equals(plain)).to.equal(true)
    expect(await file.others()).to.deep.equal([])
  }

  for (const kind of KINDS) {
    // What hangs on the kind of key shows in one of them.
    const isMain = kind === SEALED || kind === GCM
    for (const parts of isMain ? [1, 5, PARTS] : [3]) {
      it(`${kind.name}: after ${parts} of ${PARTS} parts, another client sends the rest alone`, async () => {
        const file = await make()
        await file.interrupted(rig(), writing(bench, kind), { parts })
        const before = await callsSoFar()
        const told = await writing(bench, kind).uploadFile(file.params({ Concurrency: 1 + (parts % 4) }))
        const bytes = Math.min(told.StoredLength, parts * PART)
        expect(file.events).to.deep.equal([{ type: 'resumed', parts, bytes }])
        const sent = Array.from({ length: PARTS - parts }, (_, at) => parts + 1 + at)
        expect(rig().partsSent(before)).to.deep.equal(sent)
        expect(told).to.include({ PartCount: PARTS, verified: 'crc64', ContentLength: CONTENT.length })
        await expectStored(writing(bench, kind), file)
        const stored = await rawObject(bench, 'a')
        const expected = await expectedBytes(kind.masterKey(bench), stored, CONTENT)
        expect(stored.bytes.equals(expected), 'one message').to.equal(true)
        expect(await rig().uploads()).to.deep.equal([])
      })
    }

    const contexts: (Record<string, string> | undefined)[][] = [
      [{ tenant: 'north' }, { tenant: 'south' }],
      [undefined, { tenant: 'north' }],
      [{ tenant: 'north' }, undefined],
    ]
    for (const [first, second] of isMain ? contexts : contexts.slice(0, 1)) {
      const title = `${JSON.stringify(first)} to ${JSON.stringify(second)}`
      it(`${kind.name}: a context that went from ${title} starts afresh`, async () => {
        const file = await make(CONTENT.subarray(0, 2 * PART + 70))
        const options = { ...(first === undefined ? {} : { context: first }) }
        const { UploadId } = await file.interrupted(rig(), writing(bench, kind, options))
        const next = { ...(second === undefined ? {} : { context: second }) }
        await writing(bench, kind, next).uploadFile(file.params())
        expect(reasonOf(file)).to.deep.equal({ type: 'restarted', reason: CONTEXT_REASON })
        expect(file.events.some(({ type }) => type === 'resumed')).to.equal(false)
        await expectStored(writing(bench, kind, next), file, CONTENT.subarray(0, 2 * PART + 70))
        // What cannot be opened under the new context is not known to be ours.
        const left = await rig().uploads()
        expect(left).to.deep.equal(kind.format === 'sealed' || second === undefined ? [] : [UploadId])
        if (left.length > 0) await bench.plain().abortMultipartUpload({ Key: 'a', UploadId })
        if (kind.format === 'sealed') {
          const wrong = writing(bench, kind, options)
          await refused('SEALSTREAM_COMMITMENT', async () =>
            bytesOf((await wrong.getObject({ Key: 'a' })).Body),
          )
        }
      })
    }
  }

  describe('a damaged salt in the checkpoint', () => {
    const alter = (salt: string): string => (salt.startsWith('A') ? 'B' : 'A') + salt.slice(1)
    const damages: [title: string, damage: (salt: string) => unknown, reason: string][] = [
      ['another one', alter, 'the checkpoint was altered'],
      ['one too short', (salt) => salt.slice(4), 'the data key in the checkpoint does not unwrap'],
      ['no Base64', () => '*', 'the data key in the checkpoint does not unwrap'],
      ['nothing', () => undefined, 'the data key in the checkpoint does not unwrap'],
      ['no text', () => 5, 'the checkpoint is damaged'],
    ]
    for (const [title, damage, reason] of damages) {
      for (const withKey of [false, true]) {
        it(`that is ${title} starts afresh, ${withKey ? 'with' : 'without'} a checkpointKey`, async () => {
          const file = await make(CONTENT.subarray(0, 2 * PART + 70))
          const more = withKey ? { checkpointKey: AesMasterKey.from(KEY_BYTES) } : {}
          const state = await file.interrupted(rig(), writing(bench, SEALED), more)
          const saved = state.SavedKey as unknown as { Iv: string }
          await file.write({ ...state, SavedKey: { ...saved, Iv: damage(saved.Iv) } })
          await writing(bench, SEALED).uploadFile(file.params(more))
          expect(reasonOf(file)).to.deep.equal({ type: 'restarted', reason })
          await expectStored(writing(bench, SEALED), file, CONTENT.subarray(0, 2 * PART + 70))
          for (const UploadId of await rig().uploads())
            await bench.plain().abortMultipartUpload({ Key: 'a', UploadId })
        })
      }
    }
  })

  for (const kind of [SEALED, GCM]) {
    it(`${kind.format}: an RSA public key alone needs a checkpointKey, and goes on with it`, async () => {
      const file = await make()
      const publicOnly = { ...kind, masterKey: rsaPublicOnly }
      await refused('SEALSTREAM_CHECKPOINT_NEEDS_KEY', () =>
        writing(bench, publicOnly).uploadFile(file.params()),
      )
      const checkpointKey = AesMasterKey.from(KEY_BYTES)
      const state = await file.interrupted(rig(), writing(bench, publicOnly), { parts: 4, checkpointKey })
      expectNoTrace(JSON.stringify(state), KEY_BYTES, 'the checkpoint')
      const before = await callsSoFar()
      await writing(bench, publicOnly).uploadFile(
        file.params({ checkpointKey: AesMasterKey.from(KEY_BYTES) }),
      )
      expect(file.events).to.deep.equal([{ type: 'resumed', parts: 4, bytes: 4 * PART }])
      expect(rig().partsSent(before)).to.deep.equal([5, 6])
      await expectStored(writing(bench, { ...kind, masterKey: () => RSA_2048.masterKey() }), file)
    })

    it(`${kind.format}: a checkpoint of the other format is not followed`, async () => {
      const file = await make(CONTENT.subarray(0, 2 * PART + 70))
      const other = kind === SEALED ? GCM : { ...SEALED, masterKey: () => RSA_2048.masterKey() }
      const rsa = { ...kind, masterKey: () => RSA_2048.masterKey() }
      const { UploadId } = await file.interrupted(rig(), writing(bench, other))
      await writing(bench, rsa).uploadFile(file.params())
      expect(reasonOf(file)).to.deep.equal({ type: 'restarted', reason: CONTEXT_REASON })
      await expectStored(writing(bench, rsa), file, CONTENT.subarray(0, 2 * PART + 70))
      await bench.plain().abortMultipartUpload({ Key: 'a', UploadId })
    })

    it(`${kind.format}: a key service that does not answer is no reason to give up what is stored`, async () => {
      const file = await make()
      const kms = WRITERS.find(({ name }) => name === `${kind.format} under KMS`)!
      await file.interrupted(rig(), writing(bench, kms), { parts: 3 })
      bench.server.faults.add({ kind: 'internal-error', operation: 'kms:Decrypt', times: 9 })
      await refused('SEALSTREAM_SERVICE', () => writing(bench, kms).uploadFile(file.params()))
      bench.server.faults.clear()
      const before = await callsSoFar()
      await writing(bench, kms).uploadFile(file.params())
      expect(file.events).to.deep.equal([{ type: 'resumed', parts: 3, bytes: 3 * PART }])
      expect(rig().partsSent(before)).to.deep.equal([4, 5, 6])
      await expectStored(writing(bench, kms), file)
    })
  }

  it('cos-java-gcm: a source that shrank to the tag alone, and one part, are put afresh', async () => {
    for (const size of [0, PART - 16]) {
      const file = await make(content(2 * PART))
      await file.interrupted(rig(), writing(bench, GCM), { parts: 1 })
      const smaller = content(size, 3)
      await writeFile(file.path, smaller)
      const told = await writing(bench, GCM).uploadFile(file.params())
      expect(told).to.include({ PartCount: 0, StoredLength: size + 16, ContentLength: size })
      await expectStored(writing(bench, GCM), file, smaller)
      expect(await rig().uploads()).to.deep.equal([])
    }
  })
})

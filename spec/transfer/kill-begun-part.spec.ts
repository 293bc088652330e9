/** RULES 1.2, B15: a part that was begun is sent again with the same bytes, or not at all, whatever the fingerprint says. */
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Digest } from '../../lib/checksum/body-digest.js'
import { checkpointMac } from '../../lib/crypto/checkpoint-mac.js'
import { openEnvelope } from '../../lib/envelope/envelope.js'
import { fileFingerprint } from '../../lib/internal/file-chunks.js'
import { CheckpointFile } from '../../lib/transfer/checkpoint-file.js'
import { asUploadState, UploadJournal, type UploadState } from '../../lib/transfer/upload-checkpoint.js'
import { AES_256 } from '../support/encrypting-masters.js'
import { KillBench, PART_SIZE, PARTS, SIZE, type KilledTransfer } from '../support/kill-bench.js'
import { envelopesOf, sentIn } from '../support/kill-upload.js'
import { KeystreamAudit } from '../support/keystream-audit.js'
import { refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const IDENTITY = {
  Bucket: 'b',
  Key: 'k',
  Identity: 'i',
  PartSize: PART_SIZE,
  Size: SIZE,
  Source: 's',
  Headers: 'h',
}
const DIGEST: Digest = { length: 100, crc64: 7n, md5: 'aa' }

describe('a part that was begun', () => {
  const inFolder = temporaryFolder()

  /** The journal of a process that begun part 1 and died; read back by another. */
  async function journalAfter(begun: Digest, isFinished: boolean): Promise<UploadJournal> {
    const path = inFolder('checkpoint')
    const first = await UploadJournal.open(
      new CheckpointFile(path, 'upload'),
      { ...IDENTITY, Parts: {} },
      undefined,
    )
    await first.start()
    await first.start('upload')
    await first.begin(1, begun)
    if (isFinished) await first.finish({ number: 1, etag: '"aa"', length: begun.length, crc64: begun.crc64 })
    const file = new CheckpointFile(path, 'upload')
    const found = await file.load()
    const state = found.type === 'state' ? asUploadState(found.state) : undefined
    return UploadJournal.open(file, state as UploadState, undefined)
  }

  const others: Readonly<Record<string, Digest>> = {
    'another CRC-64': { ...DIGEST, crc64: 8n },
    'another length': { ...DIGEST, length: 101 },
    'another MD5 under the same CRC-64': { ...DIGEST, md5: 'ab' },
  }
  for (const isFinished of [false, true]) {
    const kind = isFinished ? 'and stored' : 'and not stored'
    for (const [name, digest] of Object.entries(others)) {
      it(`${kind} before is SOURCE_CHANGED with ${name}, in another process and in the same`, async () => {
        const journal = await journalAfter(DIGEST, isFinished)
        await refused('SEALSTREAM_SOURCE_CHANGED', () => journal.begin(1, digest))
        await journal.begin(1, DIGEST)
        await refused('SEALSTREAM_SOURCE_CHANGED', () => journal.begin(1, digest))
      })
    }

    it(`${kind} before is begun again with the same digest; other numbers are free`, async () => {
      const journal = await journalAfter(DIGEST, isFinished)
      await journal.begin(1, DIGEST)
      await journal.begin(2, others['another CRC-64']!)
    })
  }

  describe('by a process that was killed, of a source whose fingerprint does not show its change', () => {
    const old = new Seeded(141).bytes(SIZE)
    const fresh = new Seeded(142).bytes(SIZE)
    let bench: KillBench
    let transfer: KilledTransfer
    let audit: KeystreamAudit
    before(async () => (bench = await KillBench.open()))
    after(() => bench.close())
    beforeEach(async () => {
      transfer = await bench.transfer('uploadFile')
      audit = new KeystreamAudit(PART_SIZE)
      transfer.gate.onBytes = (bytes) => audit.record(bytes)
      await writeFile(transfer.path, old)
    })
    afterEach(() => transfer.close())

    /** Writes the source's present fingerprint into the checkpoint, as the holder of the master key can. */
    async function forge(): Promise<void> {
      const { files } = await transfer.state()
      const path = join(
        transfer.path,
        '..',
        files.find((name) => name.endsWith('.upload'))!,
      )
      const { sealstream, Version, Mac, ...state } = JSON.parse(await readFile(path, 'utf8')) as UploadState &
        Record<'sealstream' | 'Version' | 'Mac', unknown>
      const source = await open(transfer.path)
      const forged = { ...state, Source: await fileFingerprint(() => source.stat({ bigint: true })) }
      await source.close()
      const opened = await openEnvelope(state.SavedKey!.Envelope, AES_256.masterKey(), { policy: 'any' })
      const mac = await checkpointMac(opened.dataKey)
      const signed = { sealstream, Version, ...forged, Mac: mac(JSON.stringify(forged)) }
      expect(mac(JSON.stringify(state))).to.equal(Mac)
      await writeFile(path, JSON.stringify(signed))
    }

    const begunIn = ({ checkpoint }: Awaited<ReturnType<KilledTransfer['state']>>): number[] =>
      Object.keys(checkpoint!.Parts as object).map(Number)

    for (const part of [1, 4, 7]) {
      it(`is not sent again with other bytes: killed when part ${part} is half sent`, async () => {
        const first = await transfer.run({ operation: 'uploadPart', part, moment: 'is half sent' })
        await writeFile(transfer.path, fresh)
        await forge()
        const begun = begunIn(await transfer.state())
        expect(begun).to.include(part)
        const second = await transfer.run()
        expect(second.events.map(({ type }) => type)).to.deep.equal(['resumed'])
        expect(second.end).to.include({ type: 'failed', code: 'SEALSTREAM_SOURCE_CHANGED' })
        expect(sentIn(second).filter((number) => begun.includes(number))).to.deep.equal([])
        expect(audit.conflicts).to.deep.equal([])
        const { checkpoint, uploads, hasObject } = await transfer.state()
        expect({ checkpoint, hasObject }).to.deep.equal({ checkpoint: undefined, hasObject: false })
        expect([...uploads.keys()]).to.deep.equal([])
        const third = await transfer.run()
        expect(third.end).to.include({ type: 'done' })
        expect(sentIn(third)).to.deep.equal(PARTS)
        const [used, latest] = [...envelopesOf([first, third])]
        expect(AES_256.secrets(latest![1]).key.equals(AES_256.secrets(used![1]).key)).to.equal(false)
        expect(audit.objectionTo(latest![0], AES_256.secrets(latest![1]), fresh)).to.equal(undefined)
      })
    }

    it('is sent again where only the fingerprint is another', async () => {
      await transfer.run({ operation: 'uploadPart', part: 4, moment: 'is half sent' })
      await writeFile(transfer.path, old)
      await forge()
      const second = await transfer.run()
      expect(second.events.map(({ type }) => type)).to.deep.equal(['resumed'])
      expect(second.end).to.include({ type: 'done', verified: 'crc64' })
      expect(sentIn(second)).to.include(4)
      expect(audit.conflicts).to.deep.equal([])
    })
  })
})

/** Uploads of a file that fail midway and leave their checkpoint, and a look at what they leave. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { EncryptedUploadFileParams } from '../../lib/encrypted/transfers.js'
import type { TransferEvent } from '../../lib/transfer/upload-job.js'
import { failureOf } from './refused.js'
import { Seeded } from './seeded.js'
import { PART, type UploadRig, type Uploader } from './upload-rig.js'

/** Six parts. */
export const CONTENT = new Seeded(41).bytes(5 * PART + 7)
export const PARTS = 6

/** Three parts: for what does not depend on how many are missing. */
export const SHORT_CONTENT = CONTENT.subarray(0, 2 * PART + 70)

/** A checkpoint as it stands in its file. */
export type CheckpointContent = Record<string, unknown> & {
  UploadId: string
  Parts: Record<string, Record<string, unknown>>
  SavedKey?: { Envelope: Record<string, string> }
}

/** A source and its checkpoint in a folder of their own. */
export class FileUpload {
  readonly folder: string
  readonly path: string
  readonly checkpoint: string
  /** Events of all runs, oldest first. */
  readonly events: TransferEvent[] = []

  constructor(folder: string) {
    this.folder = folder
    this.path = join(folder, 'source')
    this.checkpoint = join(folder, 'checkpoint')
  }

  params(more: Partial<EncryptedUploadFileParams> = {}): EncryptedUploadFileParams {
    const onEvent = (event: TransferEvent): void => void this.events.push(event)
    const { path: LocalFilePath, checkpoint } = this
    return { Key: 'a', LocalFilePath, checkpoint, PartSize: PART, Concurrency: 1, onEvent, ...more }
  }

  /**
   * A run that ends after `parts` parts are stored: the service refuses the next one.
   *
   * @returns The checkpoint that it left.
   */
  async interrupted(
    rig: UploadRig,
    client: Uploader,
    { parts = 2, ...more }: Partial<EncryptedUploadFileParams> & { parts?: number } = {},
  ): Promise<CheckpointContent> {
    const params = this.params(more)
    rig.server.faults.clear()
    rig.server.faults.add(
      parts < PARTS
        ? { kind: 'conflict', operation: 'uploadPart', partNumber: parts + 1 }
        : { kind: 'conflict', operation: 'completeMultipartUpload' },
    )
    const error = await failureOf(() => client.uploadFile(params))
    expect(error).to.have.property('status', 409)
    rig.server.faults.clear()
    expect(this.events.splice(0)).to.deep.equal([])
    return this.read()
  }

  async read(path = this.checkpoint): Promise<CheckpointContent> {
    return JSON.parse(await readFile(path, 'utf8')) as CheckpointContent
  }

  /** Replaces the checkpoint by another of the same form. */
  write(content: object): Promise<void> {
    return writeFile(this.checkpoint, JSON.stringify(content))
  }

  /** Names of what is in the folder besides the source. */
  async others(): Promise<string[]> {
    return (await readdir(this.folder)).filter((name) => name !== 'source')
  }
}

/** Call inside `describe`; the function it gives makes a source of {@link CONTENT}, removed after the test. */
export function fileUploads(): (content?: Buffer) => Promise<FileUpload> {
  const folders: string[] = []
  afterEach(async () => {
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
  })
  return async (content = CONTENT) => {
    const folder = await mkdtemp(join(tmpdir(), 'sealstream-spec-'))
    folders.push(folder)
    const file = new FileUpload(folder)
    await writeFile(file.path, content)
    return file
  }
}

/** The object is the source, nothing of the upload is left, neither on the service nor on disk. */
export async function expectUploaded(rig: UploadRig, file: FileUpload, content = CONTENT): Promise<void> {
  expect((await rig.contentOf())?.equals(content), 'the object is the source').to.equal(true)
  expect(await rig.uploads(), 'uploads left').to.deep.equal([])
  expect(await file.others(), 'files left').to.deep.equal([])
}

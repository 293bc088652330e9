/**
 * One uploadFile or downloadFile with a checkpoint, in a process that may be killed. Reads its task as JSON from standard
 * input; writes a line of JSON for each event, and one for how it ended. Run as a bundle: see kill-bench.ts.
 */
import { writeSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { CosEncryptionClient } from '../../lib/client.js'
import { SealstreamError } from '../../lib/errors.js'
import { AesMasterKey } from '../../lib/keys/aes-master-key.js'
import type { ServerCredentials } from '../../lib/server/index.js'
import type { TransferEvent } from '../../lib/transfer/upload-job.js'
import { armFileStop, type FileStop } from './kill-hook.js'

export interface ChildTask {
  readonly operation: 'uploadFile' | 'downloadFile'
  readonly endpoint: string
  readonly credentials: ServerCredentials
  /** Base64. */
  readonly masterKey: string
  readonly bucket: string
  readonly key: string
  readonly path: string
  readonly partSize: number
  readonly concurrency: number
  readonly stop?: FileStop | undefined
}

/** A line of its output. */
export type ChildLine =
  | { readonly type: 'event'; readonly event: TransferEvent }
  | { readonly type: 'done'; readonly verified: string; readonly ETag: string }
  | { readonly type: 'failed'; readonly code: string; readonly message: string }

/** At once: what was said before the process died is to be heard. */
function say(line: ChildLine): void {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

const task = JSON.parse(await text(process.stdin)) as ChildTask
const { endpoint, credentials, bucket } = task
const client = new CosEncryptionClient({
  endpoint,
  credentials,
  bucket,
  masterKey: AesMasterKey.from(task.masterKey),
  format: 'cos',
  // What goes wrong shows at once.
  retry: { attempts: 1 },
})
if (task.stop !== undefined) await armFileStop(task.stop)
const common = {
  Key: task.key,
  PartSize: task.partSize,
  Concurrency: task.concurrency,
  checkpoint: true,
  onEvent: (event: TransferEvent) => say({ type: 'event', event }),
}
try {
  const { verified, ETag } = await (task.operation === 'uploadFile'
    ? client.uploadFile({ ...common, LocalFilePath: task.path })
    : client.downloadFile({ ...common, DestFilePath: task.path }))
  say({ type: 'done', verified, ETag })
} catch (error) {
  const code = error instanceof SealstreamError ? error.code : 'unexpected'
  say({ type: 'failed', code, message: String(error) })
} finally {
  await client.close()
}

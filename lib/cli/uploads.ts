/** `sealstream uploads`: multipart uploads that were neither completed nor aborted. Their parts cost money. */
import type { Command } from 'commander'
import { CosClient } from '../cos-client.js'
import type { ListedUpload } from '../cos/list-multipart-uploads.js'
import { OptionError } from '../errors.js'
import { addConnectionOptions, connect, type ConnectionOptions } from './connection.js'
import { parsePrefix } from './location.js'
import { Output, printable } from './output.js'

interface UploadsOptions extends ConnectionOptions {
  olderThan?: string
  id?: string
  abort?: boolean
  json?: boolean
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

export function addUploads(program: Command, signal: AbortSignal): void {
  const uploads = program
    .command('uploads <location>')
    .description('list unfinished uploads below cos://BUCKET or cos://BUCKET/PREFIX: when begun, id, key')
    .option('--older-than <age>', 'only those begun so long ago: 30m, 12h, 7d')
    .option('--id <upload-id>', 'only this one')
    .option('--abort', 'drop those that are listed, and their parts')
    .option('--json', 'for scripts: one document per upload')
    .action((location: string, options: UploadsOptions) => runUploads(location, options, signal))
  addConnectionOptions(uploads)
}

async function runUploads(location: string, options: UploadsOptions, signal: AbortSignal): Promise<void> {
  const { bucket: Bucket, key: Prefix } = parsePrefix(location)
  const output = new Output({ json: options.json ?? false })
  const latest = options.olderThan === undefined ? undefined : Date.now() - parseAge(options.olderThan)
  const connection = await connect(options)
  const client = new CosClient(connection.clientOptions)
  try {
    for await (const upload of allUploads(client, { Bucket, Prefix, signal })) {
      const { Key, UploadId, Initiated } = upload
      if (options.id !== undefined && UploadId !== options.id) continue
      if (latest !== undefined && Initiated.getTime() > latest) continue
      const line = `${Initiated.toISOString()}  ${UploadId}  ${printable(Key)}`
      if (options.abort !== true) {
        output.result(line, upload)
        continue
      }
      await client.abortMultipartUpload({ Bucket, Key, UploadId, signal })
      output.result(`dropped  ${line}`, { ...upload, aborted: true })
    }
  } finally {
    await client.close()
    await connection.close()
  }
}

/** Page by page: what is dropped from a page does not move the next one, which starts after a key. */
async function* allUploads(
  client: CosClient,
  call: { Bucket: string; Prefix: string; signal: AbortSignal },
): AsyncGenerator<ListedUpload> {
  let marker: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {}
  while (marker !== undefined) {
    const page: Awaited<ReturnType<CosClient['listMultipartUploads']>> = await client.listMultipartUploads({
      ...call,
      ...marker,
    })
    yield* page.Upload
    const { NextKeyMarker, NextUploadIdMarker = '' } = page
    marker =
      NextKeyMarker === undefined
        ? undefined
        : { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker }
  }
}

/** `30m`, `12h`, `7d` in milliseconds. @throws OptionError */
function parseAge(text: string): number {
  const [, number = '', unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  const factor = UNITS[unit]
  if (number !== '' && factor !== undefined) return Number(number) * factor
  throw new OptionError('--older-than', 'must be a number with m, h or d', { value: text })
}

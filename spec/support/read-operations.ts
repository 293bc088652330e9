/** Every way in which the encrypting client gives out plaintext, or says that it could. */
import { finished } from 'node:stream/promises'
import type { Readable } from 'node:stream'
import type { CosEncryptionClient } from '../../lib/client.js'
import { PART } from './transfers.js'

/** Reads the object `k`; whatever comes out goes to `take`. Rejects with what it failed with. */
export type ReadOperation = (
  client: CosEncryptionClient,
  options: { take: (bytes: Buffer) => void; path: string; more?: object },
) => Promise<unknown>

async function drained(body: Readable, take: (bytes: Buffer) => void): Promise<void> {
  body.on('data', take)
  await finished(body)
}

/** By name. */
export const READ_OPERATIONS: Readonly<Record<string, ReadOperation>> = {
  getObject: async (client, { take, more }) =>
    drained((await client.getObject({ Key: 'k', ...more })).Body, take),
  'a range': async (client, { take, more }) =>
    drained((await client.getObject({ Key: 'k', Range: 'bytes=1-9', ...more })).Body, take),
  'a suffix': async (client, { take, more }) =>
    drained((await client.getObject({ Key: 'k', Range: 'bytes=-9', ...more })).Body, take),
  createReadStream: (client, { take, more }) => drained(client.createReadStream({ Key: 'k', ...more }), take),
  'createReadStream from 5 on': (client, { take, more }) =>
    drained(client.createReadStream({ Key: 'k', start: 5, ...more }), take),
  downloadFile: (client, { path, more }) =>
    client.downloadFile({ Key: 'k', DestFilePath: path, PartSize: PART, ...downloadable(more) }),
  'downloadFile with a checkpoint': (client, { path, more }) =>
    client.downloadFile({
      Key: 'k',
      DestFilePath: path,
      PartSize: PART,
      checkpoint: true,
      ...downloadable(more),
    }),
  verify: (client, { more }) => client.verify({ Key: 'k', ...downloadable(more) }),
}

/** Without what only getObject takes. */
function downloadable(more: object = {}): object {
  return Object.fromEntries(Object.entries(more).filter(([name]) => name === 'InstructionFile'))
}

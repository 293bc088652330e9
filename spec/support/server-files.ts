/** Looks at what an embedded server keeps on disk, and starts servers that are closed after each spec. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { type RunningServer, type ServerOptions, startServer } from '../../lib/server/index.js'
import { eventually } from './eventually.js'
import { BUCKET } from './raw-request.js'

/** Registers an `afterEach` that closes every server started through the returned function. */
export function serversOfSpec(): (options?: ServerOptions) => Promise<RunningServer> {
  const started: RunningServer[] = []
  afterEach(async () => {
    await Promise.all(started.splice(0).map((server) => server.close()))
  })
  return async (options) => {
    const server = await startServer(options)
    started.push(server)
    return server
  }
}

/**
 * Waits until there is no object, no upload and no bytes of either. What is given up is dropped behind its caller's back where
 * that takes long, and a server hears later that a request was cut off.
 */
export async function becomesEmpty(server: RunningServer): Promise<void> {
  await eventually(async () => {
    const found = {
      objects: await filesOf(server, 'objects'),
      uploads: await filesOf(server, 'uploads'),
      data: await filesOf(server, 'data'),
    }
    return expect(found).to.deep.equal({ objects: [], uploads: [], data: [] })
  })
}

/** Names below one of the bucket's folders; none when it was never made. */
export function filesOf(
  server: RunningServer,
  folder: 'objects' | 'data' | 'uploads',
  bucket = BUCKET,
): Promise<string[]> {
  return readdir(join(server.directory, bucket, folder)).catch(() => [])
}

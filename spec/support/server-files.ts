/** Looks at what an embedded server keeps on disk, and starts servers that are closed after each spec. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type RunningServer, type ServerOptions, startServer } from '../../lib/server/index.js'
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

/** Names below one of the bucket's folders; none when it was never made. */
export function filesOf(
  server: RunningServer,
  folder: 'objects' | 'data' | 'uploads',
  bucket = BUCKET,
): Promise<string[]> {
  return readdir(join(server.directory, bucket, folder)).catch(() => [])
}

/** Waits until `holds` gives true. For what the other side of a connection does in its own time. */
export async function eventually(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** An empty folder for each test of a describe block, removed afterwards. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Call inside `describe`; the function it gives makes paths in the folder of the running test. */
export function temporaryFolder(): (name: string) => string {
  let folder = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sealstream-spec-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))
  return (name) => join(folder, name)
}

/** Tests that start processes and would spend their time waiting: a few of a describe block run at once. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const AT_ONCE = 3

const folders = new AsyncLocalStorage<string>()

/** A path in the folder of the running test: empty when the test starts, removed when it ends. */
export function at(name: string): string {
  const folder = folders.getStore()
  if (folder === undefined) throw new Error('no test is running')
  return join(folder, name)
}

/**
 * Call inside `describe`, and use what it gives in place of `it`. Tests must share nothing but what `before` made.
 *
 * @param prepare - Runs before each test, in its folder.
 */
export function sideBySide(
  prepare: () => Promise<unknown> = async () => undefined,
): (title: string, body: () => Promise<void>) => void {
  const jobs: { body: () => Promise<void>; done: (outcome: Promise<void>) => void }[] = []
  before(() => {
    let next = 0
    const worker = async (): Promise<void> => {
      for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) {
        const outcome = inFolder(prepare, job.body)
        job.done(outcome)
        await outcome.catch(() => undefined)
      }
    }
    for (let i = 0; i < AT_ONCE; i++) void worker()
  })
  return (title, body) => {
    const outcome = new Promise<void>((resolve) => jobs.push({ body, done: resolve }))
    // Reported by the test below, which may not have begun to wait.
    outcome.catch(() => undefined)
    it(title, () => outcome).timeout(60_000)
  }
}

async function inFolder(prepare: () => Promise<unknown>, body: () => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sealstream-spec-'))
  try {
    await folders.run(folder, async () => {
      await prepare()
      await body()
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

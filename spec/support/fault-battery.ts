/** Runs the cases of battery B10, several at a time: most of their time is waiting. */
import { lookup } from 'node:dns/promises'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { type FaultCase, runCase } from './fault-runner.js'

const AT_ONCE = 8

/** Call inside `describe`: an `it` for each kind in each target, and one with the sum. */
export function faultBattery(cases: readonly FaultCase[]): void {
  const problems = new Map<FaultCase, string[]>()

  before(async function () {
    this.timeout(300_000)
    const folder = await mkdtemp(join(tmpdir(), 'sealstream-spec-'))
    const queue = cases.entries()
    const dns = await lookup('nowhere.invalid').catch(
      (error: unknown) => (error as NodeJS.ErrnoException).code,
    )
    const work = async (): Promise<void> => {
      for (const [index, given] of queue) {
        const own = join(folder, String(index))
        await mkdir(own)
        // Where there is no name service at all, the failure may pass, and does.
        const expected = given.kind === 'dns' && dns === 'EAI_AGAIN' ? 'either' : given.expected
        problems.set(
          given,
          await runCase({ ...given, expected }, own).catch((error: unknown) => [inspect(error)]),
        )
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    await rm(folder, { recursive: true, force: true })
  })

  const groups = new Map<string, FaultCase[]>()
  for (const given of cases) {
    const name = `${given.kind} in ${given.target}`
    groups.set(name, [...(groups.get(name) ?? []), given])
  }
  for (const [name, group] of groups) {
    const [{ expected }] = group as [FaultCase]
    const outcome = {
      success: 'the right result',
      error: 'a typed error',
      either: 'the right result or a typed error',
    }
    it(`${name}, ${group.map(({ position }) => position).join(', ')} call: ${outcome[expected]}`, () => {
      expect(group.flatMap((given) => problems.get(given))).to.deep.equal([])
    })
  }

  it(`passes ${cases.length} of ${cases.length} cases`, function () {
    const passed = [...problems.values()].filter((found) => found.length === 0).length
    this.test!.title = `passes ${passed} of ${cases.length} cases`
    expect(passed).to.equal(cases.length)
  })
}

/** What every MasterKey promises, whoever wrote it. */
import { inspect } from 'node:util'
import { expect } from 'chai'
import { DataKey } from '../../lib/crypto/data-key.js'
import type { Format } from '../../lib/crypto/format.js'
import type { MasterKey } from '../../lib/keys/master-key.js'
import { refused } from './refused.js'
import { expectNoTrace } from './secrecy.js'
import { Seeded } from './seeded.js'

const random = new Seeded(60)
const KEY = random.bytes(32)
const IV = random.bytes(16)

/**
 * @param open - Gives the master key under test; called in `it`, never while the suite is being described.
 * @param formats - What it can wrap.
 */
export function masterKeyContract(title: string, open: () => MasterKey, formats: readonly Format[]): void {
  for (const format of formats) {
    it(`${title} unwraps the ${format} data key that it wrapped`, async () => {
      const wrapped = await open().wrap(DataKey.from({ format, key: KEY, iv: IV }))
      const dataKey = await open().unwrap(wrapped)
      expect(dataKey.format).to.equal(format)
      await dataKey.withBytes((key, iv) => {
        expect([key.equals(KEY), iv.equals(IV)]).to.deep.equal([true, true])
      })
    })

    it(`${title} carries format ${format} in what it wraps, and neither key nor IV in the clear`, async () => {
      const wrapped = await open().wrap(DataKey.from({ format, key: KEY, iv: IV }))
      expect(wrapped.format).to.equal(format)
      const stored = Buffer.concat([wrapped.key, wrapped.iv]).toString('latin1')
      expectNoTrace(stored, KEY, 'the wrapped data key')
      expectNoTrace(stored, IV, 'the wrapped data key')
    })

    it(`${title} leaves the ${format} data key that it wraps usable`, async () => {
      const dataKey = DataKey.from({ format, key: KEY, iv: IV })
      await open().wrap(dataKey)
      await dataKey.withBytes((key) => expect(key.equals(KEY)).to.equal(true))
    })

    it(`${title} refuses to wrap a disposed ${format} data key`, async () => {
      const dataKey = DataKey.from({ format, key: KEY, iv: IV })
      dataKey.dispose()
      await refused('SEALSTREAM_DATA_KEY_DISPOSED', () => open().wrap(dataKey))
    })

    it(`${title} leaves the wrapped ${format} bytes as they were when it unwraps them twice`, async () => {
      const wrapped = await open().wrap(DataKey.from({ format, key: KEY, iv: IV }))
      const before = inspect(wrapped)
      await open().unwrap(wrapped)
      await open().unwrap(wrapped)
      expect(inspect(wrapped)).to.equal(before)
    })
  }

  it(`${title} has an id that is text and stays the same`, () => {
    expect(open().id).to.be.a('string').that.matches(/^\S+$/)
    expect(open().id).to.equal(open().id)
  })
}

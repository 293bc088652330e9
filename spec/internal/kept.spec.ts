import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { Kept } from '../../lib/internal/kept.js'
import { eventually } from '../support/eventually.js'

describe('Kept', () => {
  it('gives back what fits, the last first, once', () => {
    const kept = new Kept<number>(() => undefined)
    for (const number of [1, 2, 3]) kept.leave(number)
    expect(kept.take((number) => number < 3)).to.equal(2)
    expect(kept.take((number) => number === 2)).to.equal(undefined)
    expect([kept.take(), kept.take(), kept.take()]).to.deep.equal([3, 1, undefined])
  })

  it('drops what nobody takes, after a while, and nothing that was taken or forgotten', async () => {
    const dropped: string[] = []
    const kept = new Kept<string>((thing) => void dropped.push(thing), 20)
    for (const thing of ['left', 'taken', 'forgotten']) kept.leave(thing)
    kept.take((thing) => thing === 'taken')
    kept.forget('forgotten')
    kept.forget('never left')
    expect(kept.size).to.equal(1)
    await eventually(() => expect(dropped).to.deep.equal(['left']))
    await setTimeout(40)
    expect([dropped, kept.take()]).to.deep.equal([['left'], undefined])
  })
})

import { expect } from 'chai'
import { OptionError } from '../../lib/errors.js'
import { PartPlan } from '../../lib/transfer/part-plan.js'
import { MOST_PART_BYTES } from '../../lib/transfer/part-size.js'
import { ofClass } from '../support/of-class.js'
import { refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'

const MIB = 1024 * 1024
const MOST = 10_000

/** What must hold of every plan; the parts are counted one by one. */
function expectWhole(plan: PartPlan, length: number): void {
  let offset = 0
  let number = 0
  for (const part of plan) {
    number += 1
    expect([part.number, part.offset]).to.deep.equal([number, offset])
    if (number < plan.count) expect(part.length).to.equal(plan.partSize)
    offset += part.length
  }
  expect([number, offset, plan.length]).to.deep.equal([plan.count, length, length])
  expect(plan.count).to.be.within(1, MOST)
}

describe('PartPlan', () => {
  for (const partSize of [MIB, MIB + 16, 8 * MIB, 5 * MIB + 48]) {
    const edges = [0, 1, 2, 3, 7, 100].flatMap((n) =>
      [-17, -16, -1, 0, 1, 15, 16, 17].map((d) => n * partSize + d),
    )
    for (const length of edges.filter((edge) => edge >= 0)) {
      it(`cuts ${length} bytes into parts of ${partSize}`, () => {
        const plan = new PartPlan(length, partSize)
        expect(plan.partSize).to.equal(partSize)
        expect(plan.count).to.equal(Math.max(1, Math.ceil(length / partSize)))
        expectWhole(plan, length)
      })
    }
  }

  it('is one part of 0 bytes where there is nothing', () => {
    expect([...new PartPlan(0, MIB)]).to.deep.equal([{ number: 1, offset: 0, length: 0 }])
  })

  it('has no empty part behind a full last one', () => {
    expect([...new PartPlan(2 * MIB, MIB)].map(({ length }) => length)).to.deep.equal([MIB, MIB])
  })

  it('gives any part alone, and the same every time', () => {
    const plan = new PartPlan(3 * MIB + 5, MIB)
    expect(plan.part(4)).to.deep.equal({ number: 4, offset: 3 * MIB, length: 5 })
    expect(plan.part(2)).to.deep.equal({ number: 2, offset: MIB, length: MIB })
    expect([...plan]).to.deep.equal([...plan])
  })

  for (const [length, partSize, grown] of [
    [MOST * MIB - 1, MIB, MIB],
    [MOST * MIB, MIB, MIB],
    [MOST * MIB + 1, MIB, 2 * MIB],
    [2 * MOST * MIB, MIB, 2 * MIB],
    [2 * MOST * MIB + 1, MIB, 3 * MIB],
    [8 * MOST * MIB, 8 * MIB, 8 * MIB],
    [8 * MOST * MIB + 1, 8 * MIB, 9 * MIB],
    [5 * 2 ** 40, 8 * MIB, 525 * MIB],
    [MOST * (MIB + 16) + 1, MIB + 16, 2 * MIB],
    [MOST * 1000 * MIB + 1, MIB, 1001 * MIB],
  ] as const) {
    it(`has parts of ${grown} for ${length} bytes where ${partSize} were wanted`, () => {
      const plan = new PartPlan(length, partSize)
      expect(plan.partSize).to.equal(grown)
      expectWhole(plan, length)
    })
  }

  for (const [length, partSize] of [
    [MOST * (MIB + 16), MIB + 16],
    [MOST * (MIB + 16) - 1, MIB + 16],
    [MOST * 1.5 * MIB, 1.5 * MIB],
    [MOST * 2 * MIB + 1, 2 * MIB + 512 * 1024],
  ] as const) {
    it(`keeps the wanted ${partSize} for ${length} bytes, of which ${MOST} parts are enough`, () => {
      expect(new PartPlan(length, partSize).partSize).to.equal(partSize)
    })
  }

  it('grows to the fewest whole MiB, for 500 random lengths', () => {
    const random = new Seeded(11)
    for (let i = 0; i < 500; i++) {
      const length = MOST * MIB + random.integer(2 ** 32) * 2048 + random.integer(2048)
      const { partSize, count } = new PartPlan(length, MIB)
      expect(partSize % MIB, `${length}`).to.equal(0)
      expect(count, `${length}`).to.be.at.most(MOST)
      expect((partSize - MIB) * MOST, `${length}: a MiB less would do`).to.be.lessThan(length)
    }
  })

  it(`takes ${MOST} parts of the largest size, and refuses one byte more, naming the option`, async () => {
    const most = Math.floor(MOST_PART_BYTES / MIB) * MIB
    expect(new PartPlan(MOST * most, most).count).to.equal(MOST)
    const error = await refused('SEALSTREAM_OPTION', () => new PartPlan(MOST * most + 1 + MIB * MOST, MIB))
    expect(ofClass(error, OptionError).option).to.equal('PartSize')
    expect(error.message).to.contain(String(MOST * most + 1 + MIB * MOST))
  })

  it('is exact up to 2^53 - 1 bytes: it refuses instead of rounding', async () => {
    await refused('SEALSTREAM_OPTION', () => new PartPlan(Number.MAX_SAFE_INTEGER, MIB))
  })
})

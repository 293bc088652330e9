/** Which lists of parts make up a whole object. */
import { expect } from 'chai'
import type { ListedPart } from '../../lib/cos/list-parts.js'
import { checkPartList, checkSameParts, wholeOf } from '../../lib/encrypted/part-list.js'
import type { UploadContext } from '../../lib/encrypted/upload-context.js'
import { crc64 } from '../../lib/checksum/crc64.js'
import { refused } from '../support/refused.js'
import { slowCrc64 } from '../support/slow-crc64.js'

const MIB = 1024 * 1024
const ETAG = 'd41d8cd98f00b204e9800998ecf8427e'

const context = (more: Partial<UploadContext> = {}): UploadContext => ({
  Version: 1,
  Bucket: 'b-1',
  Key: 'k',
  UploadId: 'u',
  Format: 'cos',
  MasterKeyId: 'm',
  ContextDigest: 'c',
  Mac: 'mac',
  PartSize: MIB,
  Envelope: {},
  Parts: {},
  ...more,
})
const listed = (...sizes: number[]): ListedPart[] =>
  sizes.map((Size, at) => ({ PartNumber: at + 1, Size, ETag: `"${ETAG}"`, LastModified: new Date(0) }))

describe('checkPartList', () => {
  for (const sizes of [[0], [1], [MIB], [MIB, 0], [MIB, 1], [MIB, MIB], [MIB, MIB, 17]]) {
    it(`accepts parts of ${sizes.join(', ')} bytes with a PartSize of ${MIB}`, () => {
      checkPartList(context(), listed(...sizes))
    })
  }

  for (const sizes of [[], [MIB + 1], [MIB - 16, 1], [MIB, MIB + 16], [MIB + 16, MIB], [0, 0]]) {
    it(`refuses parts of [${sizes.join(', ')}] bytes with a PartSize of ${MIB}`, () =>
      refused('SEALSTREAM_PART_LIST', () => checkPartList(context(), listed(...sizes))))
  }

  for (const gap of [[2], [1, 3], [1, 2, 4], [2, 1]]) {
    it(`refuses the numbers ${gap.join(', ')}`, () => {
      const parts = gap.map((PartNumber) => ({ ...listed(MIB)[0]!, PartNumber }))
      return refused('SEALSTREAM_PART_LIST', () => checkPartList(context(), parts))
    })
  }

  const check = { Offset: 0, Size: MIB, Length: MIB, Crc64: '1', Md5: ETAG }
  const cases: [title: string, parts: UploadContext['Parts'], etag: string, accepted: boolean][] = [
    ['the ETag that is its MD5', { 1: check }, `"${ETAG}"`, true],
    ['the ETag without quotes, in upper case', { 1: check }, ETAG.toUpperCase(), true],
    ['an ETag that is another MD5', { 1: check }, `"${'0'.repeat(32)}"`, false],
    ['an ETag that is no MD5', { 1: check }, '"something"', true],
    ['another length', { 1: { ...check, Length: MIB - 1 } }, `"${ETAG}"`, false],
    [
      'another MD5 where MD5 is off',
      { 1: { Offset: 0, Size: MIB, Length: MIB, Crc64: '1' } },
      `"${'0'.repeat(32)}"`,
      true,
    ],
  ]
  for (const [title, Parts, ETag, accepted] of cases) {
    it(`${accepted ? 'accepts' : 'refuses'} a part with ${title}`, async () => {
      const run = (): void => checkPartList(context({ Parts }), [{ ...listed(MIB)[0]!, ETag }])
      if (accepted) run()
      else await refused('SEALSTREAM_PART_LIST', run)
    })
  }
})

describe('checkSameParts', () => {
  it('accepts the same numbers and ETags in any order, quoted or not', () => {
    const parts = listed(1, 2)
    checkSameParts(context(), parts, [
      { PartNumber: 2, ETag: ETAG },
      { PartNumber: 1, ETag: `"${ETAG}"` },
    ])
  })

  it('refuses a number missing, a number too many, and another ETag', async () => {
    const [one, two] = listed(1, 2) as [ListedPart, ListedPart]
    for (const given of [[one], [one, two, { ...two, PartNumber: 3 }], [one, { ...two, ETag: 'x' }], []]) {
      await refused('SEALSTREAM_PART_LIST', () => checkSameParts(context(), [one, two], given))
    }
  })
})

describe('wholeOf', () => {
  const bytes = [Buffer.from('the first part, '), Buffer.alloc(0), Buffer.from('and the last')]
  const Parts = Object.fromEntries(
    bytes.map((part, at) => [
      at + 1,
      { Offset: 0, Size: part.length, Length: part.length, Crc64: String(crc64(part)) },
    ]),
  )

  it('combines length and CRC-64 of all parts', () => {
    const whole = Buffer.concat(bytes)
    expect(wholeOf(context({ Parts }), listed(...bytes.map(({ length }) => length)))).to.deep.equal({
      length: whole.length,
      crc64: slowCrc64(whole),
    })
  })

  for (const missing of [1, 2, 3]) {
    it(`knows no CRC-64 where part ${missing} was sent by someone else`, () => {
      const some = Object.fromEntries(Object.entries(Parts).filter(([number]) => Number(number) !== missing))
      const { length, crc64: sum } = wholeOf(
        context({ Parts: some }),
        listed(...bytes.map((part) => part.length)),
      )
      expect([length, sum]).to.deep.equal([28, undefined])
    })
  }
})

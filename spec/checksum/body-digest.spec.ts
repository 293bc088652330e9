import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { BodyDigest, digestOf } from '../../lib/checksum/body-digest.js'
import { slowCrc64 } from '../support/slow-crc64.js'
import { Seeded } from '../support/seeded.js'

describe('BodyDigest', () => {
  it('gives length 0, CRC-64 0 and the MD5 of nothing without input', () => {
    expect(new BodyDigest().digest()).to.deep.equal({
      length: 0,
      crc64: 0n,
      md5: 'd41d8cd98f00b204e9800998ecf8427e',
    })
  })

  it('gives length, CRC-64 and MD5 of 5000 bytes that come in random pieces', () => {
    const random = new Seeded(7)
    const bytes = random.bytes(5000)
    const running = new BodyDigest()
    for (const piece of random.pieces(bytes, 300)) running.update(piece)
    expect(running.digest()).to.deep.equal({
      length: 5000,
      crc64: slowCrc64(bytes),
      md5: createHash('md5').update(bytes).digest('hex'),
    })
  })

  it('leaves the MD5 undefined with md5: false', () => {
    const running = new BodyDigest({ md5: false })
    running.update(Buffer.from('123456789'))
    expect(running.digest()).to.deep.equal({ length: 9, crc64: 11051210869376104954n, md5: undefined })
  })

  it('computes the MD5 with md5: true', () => {
    expect(new BodyDigest({ md5: true }).digest().md5).to.equal('d41d8cd98f00b204e9800998ecf8427e')
  })
})

describe('digestOf', () => {
  it('gives length 9, CRC-64 11051210869376104954 and the MD5 of 123456789', () => {
    expect(digestOf(Buffer.from('123456789'))).to.deep.equal({
      length: 9,
      crc64: 11051210869376104954n,
      md5: '25f9e794323b453885f5181f1b624d0b',
    })
  })

  it('leaves the MD5 undefined with md5: false', () => {
    expect(digestOf(Buffer.from('123456789'), { md5: false }).md5).to.equal(undefined)
  })
})

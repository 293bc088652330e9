import { expect } from 'chai'
import { PartCutter, type Part } from '../../lib/stream/part-cutter.js'
import { cut, joined, seededBytes } from './helpers.js'

function cutAll(sizeOf: (number: number) => number, chunks: readonly Uint8Array[]): Part[] {
  const cutter = new PartCutter(sizeOf)
  const parts = chunks.flatMap((chunk) => [...cutter.push(chunk)])
  const last = cutter.end()
  return last === undefined ? parts : [...parts, last]
}

const shape = (parts: readonly Part[]): number[][] =>
  parts.map(({ number, offset, bytes }) => [number, offset, bytes.length])

describe('PartCutter', () => {
  const input = seededBytes(1, 100)

  for (const writeSize of [1, 7, 16, 32, 100]) {
    it(`cuts 100 bytes, ${writeSize} at a time, into 32 + 32 + 32 + 4`, () => {
      const parts = cutAll(() => 32, cut(input, writeSize))
      expect(shape(parts)).to.deep.equal([
        [1, 0, 32],
        [2, 32, 32],
        [3, 64, 32],
        [4, 96, 4],
      ])
      expect(joined(parts)).to.deep.equal(input)
    })
  }

  it('gives no empty part after a multiple of the part size', () => {
    expect(shape(cutAll(() => 50, [input]))).to.deep.equal([
      [1, 0, 50],
      [2, 50, 50],
    ])
  })

  it('gives one empty part for nothing, and for empty chunks alone', () => {
    expect(shape(cutAll(() => 50, []))).to.deep.equal([[1, 0, 0]])
    expect(shape(cutAll(() => 50, [Buffer.alloc(0), new Uint8Array(0)]))).to.deep.equal([[1, 0, 0]])
  })

  it('follows a schedule of sizes', () => {
    const parts = cutAll((number) => number * 16, cut(input, 9))
    expect(shape(parts)).to.deep.equal([
      [1, 0, 16],
      [2, 16, 32],
      [3, 48, 48],
      [4, 96, 4],
    ])
    expect(joined(parts)).to.deep.equal(input)
  })

  it('shares no memory between parts, nor with the input', () => {
    const given = Buffer.from(input)
    const parts = cutAll(() => 16, [given])
    given.fill(0)
    expect(joined(parts)).to.deep.equal(input)
    expect(new Set(parts.map((part) => part.bytes.buffer)).size).to.equal(parts.length)
  })

  it('starts each part at the first byte of memory of its own, so that it can be transferred', () => {
    for (const { bytes } of cutAll(() => 16, [input])) {
      expect([bytes.byteOffset, bytes.buffer.byteLength]).to.deep.equal([0, 16])
    }
  })

  it('gives a part as soon as its last byte has come', () => {
    const cutter = new PartCutter(() => 16)
    expect(shape([...cutter.push(input.subarray(0, 15))])).to.deep.equal([])
    expect(shape([...cutter.push(input.subarray(15, 16))])).to.deep.equal([[1, 0, 16]])
  })
})

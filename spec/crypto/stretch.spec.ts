import { expect } from 'chai'
import type { RunningCipher } from '../../lib/crypto/content-cipher.js'
import { Stretch } from '../../lib/crypto/stretch.js'
import { refused } from '../support/refused.js'
import { runCipher } from '../support/run-cipher.js'
import { piecesOf, Seeded } from '../support/seeded.js'

const BYTES = new Seeded(100).bytes(60)

/** Gives what it is given, its last bytes only at the end. */
class Late implements RunningCipher {
  closed = 0
  #held: Buffer = Buffer.alloc(0)

  update(bytes: Uint8Array): Buffer {
    const all = Buffer.concat([this.#held, bytes])
    this.#held = all.subarray(-7)
    return all.subarray(0, -7)
  }

  final(): Buffer {
    return this.#held
  }

  close(): void {
    this.closed += 1
  }
}

describe('Stretch', () => {
  it('gives any stretch of what comes out, however it comes', () => {
    for (let skip = 0; skip <= 60; skip += 3) {
      for (let length = 0; skip + length <= 60; length += 5) {
        for (const size of [1, 10, 60]) {
          const output = runCipher(new Stretch(new Late(), { skip, length }), piecesOf(BYTES, size))
          expect(output.equals(BYTES.subarray(skip, skip + length)), `${skip} + ${length}`).to.equal(true)
        }
      }
    }
  })

  it('gives all that follows without a length', () => {
    for (const skip of [0, 1, 52, 53, 54, 60]) {
      const output = runCipher(new Stretch(new Late(), { skip, length: undefined }), piecesOf(BYTES, 4))
      expect(output.equals(BYTES.subarray(skip)), `${skip}`).to.equal(true)
    }
  })

  for (const [skip, length, found] of [
    [0, 61, 60],
    [10, 51, 50],
    [60, 1, 0],
    [70, 1, 0],
  ] as const) {
    it(`is SEALSTREAM_TRUNCATED with ${found} of ${length} bytes after ${skip}`, async () => {
      const stretch = new Stretch(new Late(), { skip, length })
      for (const piece of piecesOf(BYTES, 9)) stretch.update(piece)
      const error = await refused('SEALSTREAM_TRUNCATED', () => stretch.final())
      expect(error).to.include({ expected: length, found })
    })
  }

  it('closes what it cuts', () => {
    const running = new Late()
    new Stretch(running, { skip: 0, length: 1 }).close()
    expect(running.closed).to.equal(1)
  })
})

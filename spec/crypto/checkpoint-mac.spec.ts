import { createHmac } from 'node:crypto'
import { expect } from 'chai'
import { checkpointMac } from '../../lib/crypto/checkpoint-mac.js'
import { DataKey } from '../../lib/crypto/data-key.js'
import { refused } from '../support/refused.js'
import { Seeded } from '../support/seeded.js'

const random = new Seeded(71)
const key = random.bytes(32)
const iv = random.bytes(16)
const dataKey = (changes: { key?: Buffer; iv?: Buffer; format?: 'cos' | 'cos-python' } = {}): DataKey =>
  DataKey.from({ format: 'cos', key, iv, ...changes })

/** RFC 5869 step by step: extract with the IV as salt, one block of expand. */
function hkdf(secret: Buffer, salt: Buffer, info: string): Buffer {
  const extracted = createHmac('sha256', salt).update(secret).digest()
  return createHmac('sha256', extracted)
    .update(Buffer.concat([Buffer.from(info), Buffer.of(1)]))
    .digest()
}

const flipped = (bytes: Buffer, at: number): Buffer => {
  const other = Buffer.from(bytes)
  other[at]! ^= 1
  return other
}

describe('checkpointMac', () => {
  for (const text of ['', 'a', '{"UploadId":"x"}', 'é€😀', 'x'.repeat(1_000_000)]) {
    it(`is HMAC-SHA-256 under HKDF of key and IV, in Base64, of ${text.length} characters`, async () => {
      const derived = hkdf(key, iv, 'sealstream checkpoint')
      const expected = createHmac('sha256', derived).update(text, 'utf8').digest('base64')
      expect((await checkpointMac(dataKey()))(text)).to.equal(expected)
    })
  }

  it('is not the same under the data key itself', async () => {
    expect((await checkpointMac(dataKey()))('a')).not.to.equal(
      createHmac('sha256', key).update('a').digest('base64'),
    )
  })

  it('differs for another text, another key and another IV, whichever bit it is', async () => {
    const base = (await checkpointMac(dataKey()))('text')
    const others = [(await checkpointMac(dataKey()))('texu')]
    for (let at = 0; at < 32; at++)
      others.push((await checkpointMac(dataKey({ key: flipped(key, at) })))('text'))
    for (let at = 0; at < 16; at++)
      others.push((await checkpointMac(dataKey({ iv: flipped(iv, at) })))('text'))
    expect(new Set([base, ...others]).size).to.equal(50)
  })

  it('is the same every time, also after the data key was disposed and in another object of the same key', async () => {
    const owner = dataKey()
    const mac = await checkpointMac(owner)
    const first = mac('text')
    owner.dispose()
    expect([mac('text'), (await checkpointMac(dataKey()))('text')]).to.deep.equal([first, first])
  })

  it('uses up nothing of the data key, which encrypts from its beginning afterwards', async () => {
    const owner = dataKey()
    await checkpointMac(owner)
    expect(owner.encryptor().update(Buffer.alloc(16)).length).to.equal(16)
  })

  it('of a data key that was disposed is refused', async () => {
    const owner = dataKey()
    owner.dispose()
    await refused('SEALSTREAM_DATA_KEY_DISPOSED', () => checkpointMac(owner))
  })
})

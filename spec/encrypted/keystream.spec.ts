/** No position of the keystream of a data key ever meets two plaintexts, whatever fails and is sent again. */
import { createCipheriv } from 'node:crypto'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import { AES_256, type Secrets } from '../support/encrypting-masters.js'
import { encryptingStore } from '../support/encrypting-store.js'
import { Seeded } from '../support/seeded.js'
import { errorReply, type Exchange } from '../support/tampering-proxy.js'

const MIB = 1024 * 1024
const PLAIN = new Seeded(11).bytes(4 * MIB + 100)

/**
 * Every attempt that left the client, laid over the others of its data key.
 *
 * @param offsetOf - Where the body of an exchange lies in its object.
 * @returns How many positions were seen with two ciphertexts, that is: with two plaintexts.
 */
function conflicts(exchanges: readonly Exchange[], offsetOf: (exchange: Exchange) => number): number {
  const seen = new Int16Array(PLAIN.length).fill(-1)
  let count = 0
  for (const exchange of exchanges) {
    const start = offsetOf(exchange)
    for (let at = 0; at < exchange.body.length; at++) {
      const known = seen[start + at]!
      if (known !== -1 && known !== exchange.body[at]) count += 1
      seen[start + at] = exchange.body[at]!
    }
  }
  return count
}

const isPart = ({ method, query }: Exchange): boolean => method === 'PUT' && query.has('partNumber')
const numberOf = ({ query }: Exchange): number => Number(query.get('partNumber'))

describe('the keystream', () => {
  const store = encryptingStore()

  it('meets one plaintext only while parts fail and are sent again, changed and unchanged', async () => {
    const random = new Seeded(12)
    const attempts = new Map<number, number>()
    const { client, proxy } = await store.proxied(async (exchange, forward) => {
      if (!isPart(exchange)) return forward()
      const number = numberOf(exchange)
      const attempt = (attempts.get(number) ?? 0) + 1
      attempts.set(number, attempt)
      // Part n fails n - 1 times: refused, or stored with the answer lost, or stored with an error for an answer.
      if (attempt >= number) return forward()
      if (attempt % 3 === 1) return errorReply(500, 'InternalError')
      const reply = await forward()
      return attempt % 3 === 2 ? { ...reply, cutHead: true } : errorReply(503, 'SlowDown')
    })
    const { UploadId } = await client.createMultipartUpload({ Key: 'k', PartSize: MIB })
    const sendOne = async (number: number, changed: boolean): Promise<boolean> => {
      const Body = Buffer.from(PLAIN.subarray((number - 1) * MIB, number * MIB))
      if (changed) Body[random.integer(Body.length)]! ^= 0x55
      const sent = await client
        .uploadPart({ Key: 'k', UploadId, PartNumber: number, Body })
        .catch((error: unknown) => error)
      return !(sent instanceof Error)
    }
    for (const number of [3, 1, 5, 2, 4]) {
      while (!(await sendOne(number, false))) {
        expect(await sendOne(number, true), 'changed bytes are refused').to.equal(false)
      }
    }
    const parts = proxy.exchanges.filter(isPart)
    expect(parts.length, '1 + 2 + 3 + 4 + 5 attempts').to.equal(15)
    expect(conflicts(parts, (exchange) => (numberOf(exchange) - 1) * MIB)).to.equal(0)
    await client.completeMultipartUpload({ Key: 'k', UploadId })
    const { bytes, headers } = await store.stored('k')
    const { key, iv } = AES_256.secrets(headers)
    expect(createCipheriv('aes-256-ctr', key, iv).update(bytes).equals(PLAIN)).to.equal(true)
  })

  it('is found to meet two plaintexts by this check when a broken client lets it', () => {
    const secrets: Secrets = { key: Buffer.alloc(32), iv: Buffer.alloc(16) }
    const attempt = (bytes: Buffer): Exchange => ({
      method: 'PUT',
      url: '',
      query: new URLSearchParams({ partNumber: '1' }),
      headers: {},
      body: createCipheriv('aes-256-ctr', secrets.key, secrets.iv).update(bytes),
    })
    const attempts = [attempt(PLAIN.subarray(0, 100)), attempt(PLAIN.subarray(1, 101))]
    expect(conflicts(attempts, () => 0)).to.be.greaterThan(0)
    expect(conflicts([attempts[0]!, attempts[0]!], () => 0)).to.equal(0)
  })

  it('is at other positions for each part without PartSize, also after a failed one', async () => {
    let failing = true
    const { client, proxy } = await store.proxied(async (exchange, forward) =>
      isPart(exchange) && numberOf(exchange) === 2 && failing ? errorReply(503, 'SlowDown') : forward(),
    )
    const { UploadId, Upload } = await client.createMultipartUpload({ Key: 'k' })
    const cuts = [0, MIB, 2 * MIB + 32, 3 * MIB + 32, PLAIN.length]
    const sendOne = (number: number): Promise<unknown> =>
      client
        .uploadPart({
          Key: 'k',
          UploadId,
          PartNumber: number,
          Body: PLAIN.subarray(cuts[number - 1], cuts[number]),
        })
        .catch((error: unknown) => error)
    for (const number of [1, 2, 3]) await sendOne(number)
    failing = false
    for (const number of [2, 3, 4]) await sendOne(number)
    const parts = proxy.exchanges.filter(isPart)
    expect(parts.map(numberOf)).to.deep.equal([1, 2, 3, 2, 3, 4])
    expect(conflicts(parts, (exchange) => Upload.Parts[numberOf(exchange)]!.Offset)).to.equal(0)
    expect([1, 2, 3, 4].map((number) => Upload.Parts[number]!.Offset)).to.deep.equal(cuts.slice(0, 4))
    await client.completeMultipartUpload({ Key: 'k', UploadId })
    const { bytes, headers } = await store.stored('k')
    const { key, iv } = AES_256.secrets(headers)
    expect(createCipheriv('aes-256-ctr', key, iv).update(bytes).equals(PLAIN)).to.equal(true)
  })

  it('is a new one for each attempt at a put that failed', async () => {
    const { client, proxy } = await store.proxied(async () => errorReply(500, 'InternalError'))
    for (let n = 0; n < 4; n++) {
      await client
        .putObject({ Key: 'k', Body: Readable.from([PLAIN]), ContentLength: PLAIN.length })
        .catch(() => undefined)
    }
    const keys = proxy.exchanges.map(({ headers }) => AES_256.secrets(headers as Record<string, string>))
    const distinct = new Set(keys.flatMap(({ key, iv }) => [key.toString('hex'), iv.toString('hex')]))
    expect([keys.length, distinct.size]).to.deep.equal([4, 8])
  })
})

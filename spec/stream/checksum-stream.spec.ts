import { expect } from 'chai'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { inspect } from 'node:util'
import { crc64 } from '../../lib/checksum/crc64.js'
import { crc64Stream, md5Stream } from '../../lib/stream/checksum-stream.js'
import {
  ABORT_CODES,
  closed,
  cut,
  failure,
  record,
  refusal,
  run,
  runScript,
  seededBytes,
  sourceOf,
} from './helpers.js'
import { transformContract } from './transform-contract.js'

const input = seededBytes(1, 10_000)
const md5 = createHash('md5').update(input).digest()
const crc = crc64(input)
const OTHER_MD5 = '00112233445566778899aabbccddeeff'

describe('md5Stream', () => {
  transformContract({ make: md5Stream, reference: (bytes) => bytes, passesThrough: true })

  it('gives the 16 bytes of the MD5 of what passed', async () => {
    const stream = md5Stream()
    await run(stream, cut(input, 77))
    expect(await stream.digest).to.deep.equal(md5)
  })

  it('gives d41d8cd98f00b204e9800998ecf8427e for nothing', async () => {
    const stream = md5Stream()
    await run(stream, [])
    expect((await stream.digest).toString('hex')).to.equal('d41d8cd98f00b204e9800998ecf8427e')
  })

  const forms = {
    'hex digits': md5.toString('hex'),
    'upper-case hex digits': md5.toString('hex').toUpperCase(),
    Base64: md5.toString('base64'),
    'a Buffer': md5,
    'a Uint8Array': new Uint8Array(md5),
  }
  for (const [form, expected] of Object.entries(forms)) {
    it(`ends when the MD5 is the one expected as ${form}`, async () => {
      const stream = md5Stream({ expected })
      expect(await run(stream, cut(input, 4096))).to.deep.equal(input)
      expect(await stream.digest).to.deep.equal(md5)
    })
  }

  const others = { hex: OTHER_MD5, Base64: 'ABEiM0RVZneImaq7zN3u/w==', bytes: Buffer.from(OTHER_MD5, 'hex') }
  for (const [form, expected] of Object.entries(others)) {
    it(`fails with SEALSTREAM_INTEGRITY when the MD5 is another than the ${form} expected`, async () => {
      const stream = md5Stream({ expected })
      const error = await failure(run(stream, [input]))
      expect([error.code, error.algorithm, error.expected, error.found]).to.deep.equal([
        'SEALSTREAM_INTEGRITY',
        'md5',
        OTHER_MD5,
        md5.toString('hex'),
      ])
      expect(await failure(stream.digest)).to.equal(error)
    })
  }

  it('copies the expected bytes: changing them later changes nothing', async () => {
    const expected = Buffer.from(md5)
    const stream = md5Stream({ expected })
    expected.fill(0)
    await run(stream, [input])
    expect(await stream.digest).to.deep.equal(md5)
  })

  const bad: Record<string, unknown> = {
    '15 bytes': Buffer.alloc(15),
    '17 bytes': Buffer.alloc(17),
    'no bytes': new Uint8Array(0),
    '31 hex digits': OTHER_MD5.slice(1),
    'the empty string': '',
    'text that is no Base64': 'not an MD5',
    'Base64 of 15 bytes': Buffer.alloc(15).toString('base64'),
    'Base64 with stray characters between': 'ABEi!M0RV*ZneI maq7zN3u/w==',
    'Base64 with text after its end': 'ABEiM0RVZneImaq7zN3u/w==, and more',
    'a number': 16,
    null: null,
    'an object': {},
  }
  for (const [form, expected] of Object.entries(bad)) {
    it(`refuses ${form} as expected, naming the option`, () => {
      const error = refusal(() => md5Stream({ expected: expected as string }))
      expect([error.code, error.option]).to.deep.equal(['SEALSTREAM_OPTION', 'expected'])
    })
  }
})

describe('crc64Stream', () => {
  transformContract({ make: crc64Stream, reference: (bytes) => bytes, passesThrough: true })

  it('gives the CRC-64 of what passed as a bigint', async () => {
    const stream = crc64Stream()
    await run(stream, cut(input, 77))
    expect(await stream.digest).to.equal(crc)
  })

  it('gives 0x995dc9bbdf1939fa for "123456789"', async () => {
    const stream = crc64Stream()
    await run(stream, ['1234', '56789'])
    expect(await stream.digest).to.equal(0x995dc9bbdf1939fan)
  })

  it('gives 0 for nothing', async () => {
    const stream = crc64Stream({ expected: 0n })
    await run(stream, [])
    expect(await stream.digest).to.equal(0n)
  })

  for (const expected of [crc, String(crc)]) {
    it(`ends when the CRC is the one expected as a ${typeof expected}`, async () => {
      const stream = crc64Stream({ expected })
      expect(await run(stream, cut(input, 4096))).to.deep.equal(input)
      expect(await stream.digest).to.equal(crc)
    })
  }

  for (const expected of [5n, '5', 2n ** 64n - 1n]) {
    it(`fails with SEALSTREAM_INTEGRITY when the CRC is another than ${typeof expected} ${expected}`, async () => {
      const stream = crc64Stream({ expected })
      const error = await failure(run(stream, [input]))
      expect([error.code, error.algorithm, error.expected, error.found]).to.deep.equal([
        'SEALSTREAM_INTEGRITY',
        'crc64',
        String(expected),
        String(crc),
      ])
      expect(await failure(stream.digest)).to.equal(error)
    })
  }

  for (const expected of [
    -1n,
    2n ** 64n,
    5,
    '',
    '-1',
    '0x10',
    '1e3',
    ' 5',
    '18446744073709551616',
    null,
    {},
  ]) {
    const shown = `${typeof expected} ${inspect(expected)}`
    it(`refuses ${shown} as expected, naming the option`, () => {
      const error = refusal(() => crc64Stream({ expected: expected as bigint }))
      expect([error.code, error.option]).to.deep.equal(['SEALSTREAM_OPTION', 'expected'])
    })
  }
})

for (const [name, make] of Object.entries({ md5Stream, crc64Stream })) {
  describe(`digest of ${name}`, () => {
    it("is settled at 'end'", async () => {
      const stream = make()
      const unsettled = Symbol('unsettled')
      const atEnd = new Promise((resolve) => {
        stream.on('end', () => resolve(Promise.race([stream.digest, Promise.resolve(unsettled)])))
      })
      stream.resume().end('abc')
      expect(await atEnd).to.equal(await stream.digest)
    })

    it('is not settled before the last byte', async () => {
      const stream = make().resume()
      stream.write('abc')
      await once(stream, 'data')
      const unsettled = Symbol('unsettled')
      expect(await Promise.race([stream.digest, Promise.resolve(unsettled)])).to.equal(unsettled)
    })

    it('keeps its value when the stream is destroyed after its end', async () => {
      const stream = make()
      await run(stream, ['abc'])
      stream.on('error', () => undefined).destroy(new Error('late'))
      expect(await stream.digest).to.not.equal(undefined)
    })

    it('rejects with SEALSTREAM_ABORTED when the stream is destroyed without an error', async () => {
      const stream = make()
      stream.write('abc')
      stream.destroy()
      expect((await failure(stream.digest)).code).to.equal('SEALSTREAM_ABORTED')
    })

    it('rejects with the error that the stream is destroyed with', async () => {
      const stream = make()
      const boom = new Error('boom')
      stream.on('error', () => undefined).destroy(boom)
      expect(await failure(stream.digest)).to.equal(boom)
    })

    it('rejects when a source under pipe() fails', async () => {
      const stream = make()
      const source = sourceOf(['abc']).on('error', () => undefined)
      source.pipe(stream.on('error', () => undefined))
      source.destroy(new Error('boom'))
      expect((await failure(stream.digest)).code).to.equal('SEALSTREAM_SOURCE_ENDED_EARLY')
    })

    it('rejects when the signal was aborted before', async () => {
      const stream = make({ signal: AbortSignal.abort() })
      stream.on('error', () => undefined)
      await closed(stream)
      const unsettled = { code: 'unsettled' }
      const outcome = await Promise.race([failure(stream.digest), turn(unsettled)])
      expect(outcome.code).to.be.oneOf(ABORT_CODES)
    })

    it('emits no end on a mismatch', async () => {
      const stream = make({ expected: name === 'md5Stream' ? OTHER_MD5 : '5' })
      const events = record(stream)
      stream.resume().end(input)
      await closed(stream)
      expect(events.filter((event) => event === 'end')).to.deep.equal([])
      expect(events.filter((event) => event.startsWith('error'))).to.have.length(1)
    })

    it('ends no process with a rejection that nobody awaits', () => {
      const { status, stdout, stderr } = runScript(`
        import { ${name} } from './lib/stream/checksum-stream.ts'
        const failed = ${name}().on('error', () => undefined)
        failed.destroy(new Error('boom'))
        ${name}().destroy()
        failed.on('close', () => setImmediate(() => console.log('alive')))
      `)
      expect([status, stdout, stderr]).to.deep.equal([0, 'alive\n', ''])
    })
  })
}

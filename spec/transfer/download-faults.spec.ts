import { readFile, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { CosEncryptionClientOptions } from '../../lib/client.js'
import { SealstreamError } from '../../lib/errors.js'
import { FAULT_KINDS, type Fault, type FaultKind } from '../../lib/server/index.js'
import { failureOf, refused } from '../support/refused.js'
import { type ClientKind, content, ENCRYPTED, PART, PLAIN, transferBench } from '../support/transfers.js'

type Options = Partial<CosEncryptionClientOptions>

/** What a fault comes to: the right bytes, or an error of this code. */
type Outcome = 'right' | SealstreamError['code']

/** Kind → without retries, and with some. Where there are two, it depends on what the system tells first. */
type Table = Readonly<Partial<Record<FaultKind, readonly [alone: string, again: string]>>>

const BROKEN = ['SEALSTREAM_CONNECTION', 'right'] as const
// A kept-alive connection that breaks before any answer is replaced at once (RULES 9.3), whatever the retries.
const STALE = ['right or SEALSTREAM_CONNECTION', 'right'] as const
const REFUSED = ['SEALSTREAM_SERVICE', 'right'] as const
const FINAL = ['SEALSTREAM_SERVICE', 'SEALSTREAM_SERVICE'] as const
const UNREADABLE = ['SEALSTREAM_ANSWER', 'SEALSTREAM_ANSWER'] as const
const HARMLESS = ['right', 'right'] as const
const WRONG = ['SEALSTREAM_INTEGRITY', 'SEALSTREAM_INTEGRITY'] as const

/** Of a ranged GET of the middle of an object. */
const RANGE: Table = {
  'connect-refused': STALE,
  'reset-before-headers': STALE,
  'reset-in-request-body': STALE,
  'reset-in-response-body': BROKEN,
  'answer-lost': STALE,
  'early-close': BROKEN,
  'stall-before-headers': ['SEALSTREAM_TIMEOUT', 'right'],
  'stall-in-body': ['SEALSTREAM_TIMEOUT', 'right'],
  'request-timeout': REFUSED,
  'expired-token': FINAL,
  'skewed-clock': HARMLESS,
  // Nobody knows of an upload here: what is not found has been deleted, and the whole is begun again.
  'no-such-upload': HARMLESS,
  conflict: FINAL,
  'too-many-requests': REFUSED,
  'internal-error': REFUSED,
  'slow-down': REFUSED,
  'error-in-200': UNREADABLE,
  redirect: HARMLESS,
  'malformed-xml': REFUSED,
  'truncated-xml': REFUSED,
  'short-body': UNREADABLE,
  'long-body': UNREADABLE,
  // What it says is that the object is shorter than HEAD said.
  'drop-tail': HARMLESS,
  'flip-bit-sent': WRONG,
  'repeat-range': WRONG,
  'wrong-etag': HARMLESS,
  'wrong-crc64': HARMLESS,
}

/** Of HEAD, which has no body. */
const HEAD: Table = {
  'connect-refused': BROKEN,
  'reset-before-headers': BROKEN,
  'reset-in-request-body': BROKEN,
  'reset-in-response-body': STALE,
  'answer-lost': BROKEN,
  'early-close': HARMLESS,
  'stall-before-headers': ['SEALSTREAM_TIMEOUT', 'right'],
  'request-timeout': REFUSED,
  'expired-token': FINAL,
  'skewed-clock': HARMLESS,
  'no-such-upload': FINAL,
  conflict: FINAL,
  'too-many-requests': REFUSED,
  'internal-error': REFUSED,
  'slow-down': REFUSED,
  'error-in-200': UNREADABLE,
  redirect: HARMLESS,
  'malformed-xml': REFUSED,
  'truncated-xml': REFUSED,
  'short-body': HARMLESS,
  'long-body': HARMLESS,
  'drop-tail': HARMLESS,
  'flip-bit-sent': HARMLESS,
  'wrong-etag': HARMLESS,
  'wrong-crc64': WRONG,
}

const SIZE = 2 * PART + 5
const CALLS = { first: 1, middle: 2, last: 3 } as const
const FIELDS: Partial<Record<FaultKind, Partial<Fault>>> = {
  'slow-down': { retryAfter: 0 },
  'connect-refused': { ms: 1 },
  // A signature is still good then.
  'skewed-clock': { skewMs: -40_000 },
}
const ONCE: Options = { retry: { attempts: 1 } }
const RETRIES: Options = { retry: { attempts: 6, baseDelay: 5, maxDelay: 20 } }
const NOT_HERE = ['tls-failure', 'flip-bit-stored']

function isStall(kind: FaultKind): boolean {
  return kind.startsWith('stall')
}

/** One row of a table for each kind of fault. */
function rows(table: Table): [FaultKind, string, string][] {
  return Object.entries(table).map(([kind, [alone, again]]) => [kind as FaultKind, alone, again])
}

/** What may leave other bytes behind; all the others are met before there is anything to decrypt. */
const OF_BYTES = /^(wrong|short|long|drop|answer|error|flip|repeat|early)-|^reset-in-response|^stall-in/

const KINDS = [PLAIN, ENCRYPTED[0]!]

describe('downloadFile: faults of the service', () => {
  const bench = transferBench({}, { once: true })
  const bytes = content(SIZE)

  before(async () => {
    for (const kind of KINDS) await bench.client(kind).putObject({ Key: kind.name, Body: bytes })
  })

  /** Runs a download during which a fault fires once, and says what became of it. */
  async function outcomeOf(kind: ClientKind, fault: Fault, options: Options): Promise<Outcome> {
    await writeFile(bench.path('f'), 'old')
    const { faults } = bench.server
    faults.clear()
    faults.add({ ...FIELDS[fault.kind], ...fault })
    const stall = isStall(fault.kind) ? 800 : 10_000
    const client = bench.client(kind, { timeouts: { stall }, ...options })
    const params = { Key: kind.name, DestFilePath: bench.path('f'), PartSize: PART, Concurrency: 1 }
    try {
      await client.downloadFile(params)
    } catch (error) {
      if (!(error instanceof SealstreamError)) throw error
      expect(await readFile(bench.path('f'), 'latin1'), error.code).to.equal('old')
      return error.code
    } finally {
      void client.close()
      expect(await bench.names()).to.deep.equal(['f'])
      expect(faults.hits.length).to.be.at.least(1)
    }
    return (await readFile(bench.path('f'))).equals(bytes) ? 'right' : expect.fail('a wrong file')
  }

  it('the tables have every kind that these operations can meet', () => {
    const kinds = FAULT_KINDS.filter((kind) => !NOT_HERE.includes(kind))
    expect(Object.keys(RANGE).sort()).to.deep.equal([...kinds].sort())
    const ofHead = kinds.filter((kind) => !['repeat-range', 'stall-in-body'].includes(kind))
    expect(Object.keys(HEAD).sort()).to.deep.equal([...ofHead].sort())
  })

  for (const kind of KINDS) {
    for (const [fault, alone, again] of rows(RANGE)) {
      if (kind !== PLAIN && !OF_BYTES.test(fault)) continue
      const where = isStall(fault) ? 'the middle' : 'the first, middle and last'
      it(`${kind.name}: ${fault} on ${where} range is ${alone}, with retries ${again}`, async () => {
        const operation = 'getObject'
        for (const [place, call] of Object.entries(CALLS)) {
          // Every one of them has to be waited for.
          if (isStall(fault) && place !== 'middle') continue
          const outcome = await outcomeOf(kind, { kind: fault, operation, call }, ONCE)
          expect(outcome, place).to.be.oneOf(alone.split(' or '))
        }
        expect(await outcomeOf(kind, { kind: fault, operation, call: CALLS.middle }, RETRIES)).to.equal(again)
      })
    }

    for (const [fault, alone, again] of rows(HEAD)) {
      // The request is the same; what is made of a wrong answer is not.
      if (kind !== PLAIN && !OF_BYTES.test(fault)) continue
      it(`${kind.name}: ${fault} on HEAD is ${alone}, with retries ${again}`, async () => {
        const operation = 'headObject'
        expect(await outcomeOf(kind, { kind: fault, operation }, ONCE)).to.be.oneOf(alone.split(' or '))
        expect(await outcomeOf(kind, { kind: fault, operation }, RETRIES)).to.equal(again)
      })
    }
  }

  it('a range that fails every time fails the download with what the last attempt met', async () => {
    const fault = { kind: 'internal-error', operation: 'getObject', times: Infinity } as const
    const retry = { attempts: 3, baseDelay: 1 }
    expect(await outcomeOf(PLAIN, fault, { retry })).to.equal('SEALSTREAM_SERVICE')
    expect(bench.server.faults.hits).to.have.lengthOf(3)
  })

  it('progress never goes back when a range is fetched again, and never beyond the total', async () => {
    bench.server.faults.add({ kind: 'reset-in-response-body', operation: 'getObject', call: 1, times: 3 })
    const client = bench.plain(RETRIES)
    const seen: number[] = []
    const onProgress = ({ bytes: done }: { bytes: number }): void => void seen.push(done)
    await client.downloadFile({ Key: 'plain', DestFilePath: bench.path('f'), PartSize: PART, onProgress })
    expect(seen).to.deep.equal([...new Set(seen)].sort((a, b) => a - b))
    expect(seen.at(-1)).to.equal(SIZE)
  })
})

describe('downloadFile: no service', () => {
  const bench = transferBench()

  it('one that is gone, and a name that does not exist, are SEALSTREAM_CONNECTION', async () => {
    const client = bench.plain()
    const elsewhere = bench.plain({ endpoint: 'http://does-not-exist.invalid' })
    await bench.server.close()
    for (const each of [client, elsewhere]) {
      await refused('SEALSTREAM_CONNECTION', () =>
        each.downloadFile({ Key: 'k', DestFilePath: bench.path('f') }),
      )
    }
    expect(await bench.names()).to.deep.equal([])
  })
})

describe('downloadFile: faults of TLS', () => {
  const bench = transferBench({ https: true })

  it('a handshake that fails once is SEALSTREAM_CONNECTION, with retries the right bytes', async () => {
    const tls = { ca: bench.server.certificate! }
    const bytes = content(PART + 1)
    await bench.plain({ tls }).putObject({ Key: 'k', Body: bytes })
    for (const operation of ['headObject', 'getObject'] as const) {
      const DestFilePath = bench.path(operation)
      const params = { Key: 'k', DestFilePath, PartSize: PART, Concurrency: 1 }
      bench.server.faults.add({ kind: 'tls-failure', operation })
      const error = await failureOf(() => bench.plain({ tls }).downloadFile(params))
      expect(error.code).to.equal('SEALSTREAM_CONNECTION')
      expect(await bench.names()).not.to.include(operation)
      bench.server.faults.add({ kind: 'tls-failure', operation })
      await bench.plain({ tls, ...RETRIES }).downloadFile(params)
      expect((await readFile(DestFilePath)).equals(bytes)).to.equal(true)
    }
    expect(await bench.hidden()).to.deep.equal([])
  })
})

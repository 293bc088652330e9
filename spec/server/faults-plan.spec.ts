import { expect } from 'chai'
import { OptionError } from '../../lib/errors.js'
import { FaultPlan, type PlannedCall } from '../../lib/server/faults/fault-plan.js'
import { OPERATION_NAMES, targetOfCall } from '../../lib/server/operation.js'
import type { CosRequest } from '../../lib/server/request.js'
import { operationName, OPERATIONS } from '../../lib/server/router.js'
import { BUCKET } from '../support/raw-request.js'
import { FAULT_KINDS, type Fault, startServer } from '../../lib/server/index.js'

const call = (operation: PlannedCall['operation'], more: Partial<PlannedCall> = {}): PlannedCall => ({
  operation,
  key: 'a',
  hasRange: false,
  ...more,
})

/** The kinds that hit a sequence of calls; a dash for none. */
function hitsOf(faults: readonly Fault[], calls: readonly PlannedCall[]): string[] {
  const plan = new FaultPlan()
  plan.add(faults)
  return calls.map((one) => plan.next(one)?.kind ?? '-')
}

describe('server: the plan of faults', () => {
  const [put, get, part] = [call('putObject'), call('getObject'), call('uploadPart', { partNumber: 1 })]

  it('hits the next call when nothing else is said, once', () => {
    expect(hitsOf([{ kind: 'conflict' }], [put, put])).to.deep.equal(['conflict', '-'])
  })

  it('hits one call with one fault: two of a kind script two calls', () => {
    const faults: Fault[] = [{ kind: 'slow-down' }, { kind: 'conflict' }]
    expect(hitsOf(faults, [put, get, put])).to.deep.equal(['slow-down', 'conflict', '-'])
  })

  it('counts the calls of each operation by themselves', () => {
    const faults: Fault[] = [{ kind: 'conflict', operation: 'putObject', call: 2 }]
    expect(hitsOf(faults, [put, get, get, put, put])).to.deep.equal(['-', '-', '-', 'conflict', '-'])
  })

  it('counts over all operations where none is named', () => {
    expect(hitsOf([{ kind: 'conflict', call: 3 }], [put, get, put, get])).to.deep.equal([
      '-',
      '-',
      'conflict',
      '-',
    ])
  })

  it('hits as many calls in a row as times says, or all with Infinity', () => {
    const twice: Fault[] = [{ kind: 'conflict', operation: 'putObject', call: 2, times: 2 }]
    expect(hitsOf(twice, [put, put, get, put, put])).to.deep.equal(['-', 'conflict', '-', 'conflict', '-'])
    const always: Fault[] = [{ kind: 'conflict', operation: 'getObject', times: Infinity }]
    expect(hitsOf(always, [get, put, get, get])).to.deep.equal(['conflict', '-', 'conflict', 'conflict'])
  })

  it('counts only the calls for a key or a part where one is named', () => {
    const other = call('uploadPart', { partNumber: 2 })
    const second: Fault[] = [{ kind: 'conflict', operation: 'uploadPart', partNumber: 2, call: 2 }]
    expect(hitsOf(second, [part, other, part, other, other])).to.deep.equal(['-', '-', '-', 'conflict', '-'])
    const keyed: Fault[] = [{ kind: 'conflict', key: 'b', call: 2 }]
    const b = call('getObject', { key: 'b' })
    expect(hitsOf(keyed, [get, b, get, b])).to.deep.equal(['-', '-', '-', 'conflict'])
  })

  it('keeps flip-bit-stored for uploads and repeat-range for ranged GETs', () => {
    const ranged = call('getObject', { hasRange: true })
    expect(hitsOf([{ kind: 'flip-bit-stored' }], [get, part])).to.deep.equal(['-', 'flip-bit-stored'])
    expect(hitsOf([{ kind: 'repeat-range' }], [get, ranged])).to.deep.equal(['-', 'repeat-range'])
  })

  it('tells what fired, with the number of the call of its operation', () => {
    const plan = new FaultPlan()
    plan.add([{ kind: 'conflict', operation: 'uploadPart', partNumber: 2 }])
    for (const one of [get, part, call('uploadPart', { partNumber: 2 })]) plan.next(one)
    expect(plan.hits).to.deep.equal([
      { kind: 'conflict', operation: 'uploadPart', call: 2, key: 'a', partNumber: 2 },
    ])
  })

  it('forgets everything on clear, and counts anew', () => {
    const plan = new FaultPlan()
    plan.add([{ kind: 'conflict', times: Infinity }])
    plan.next(put)
    plan.clear()
    expect([plan.next(put), plan.hits]).to.deep.equal([undefined, []])
    plan.add([{ kind: 'slow-down', operation: 'putObject', call: 2 }])
    expect(plan.next(put)?.kind).to.equal('slow-down')
  })

  it('refuses a fault for a call that was made already', () => {
    const plan = new FaultPlan()
    plan.next(put)
    plan.next(put)
    expect(() =>
      plan.add([{ kind: 'conflict' }, { kind: 'conflict', operation: 'putObject', call: 2 }]),
    ).to.throw(OptionError, 'option faults[1].call is past: there were 2 calls of putObject, got 2')
    expect(plan.next(put), 'none of the two was added').to.equal(undefined)
    plan.add([{ kind: 'conflict', operation: 'putObject', call: 2, times: 3 }])
    expect(plan.next(put)?.kind).to.equal('conflict')
  })
})

describe('server: names of operations', () => {
  for (const name of OPERATIONS.keys()) {
    it(`there is one for ${name}`, () => {
      const [, method = '', level, subresource, feature] = /^(\w+) (\w+)(?:\?(\w+))?(?: with (\w+))?$/.exec(
        name,
      )!
      const request = {
        method,
        bucket: BUCKET,
        key: level === 'object' ? 'a' : '',
        query: subresource === undefined ? [] : [[subresource, '']],
        headers: feature === 'copy' ? { 'x-cos-copy-source': 'x' } : {},
      } as unknown as CosRequest
      expect(operationName(request)).to.equal(name)
      expect(OPERATION_NAMES).to.include(targetOfCall(request).operation)
    })
  }
})

describe('server: faults are checked', () => {
  for (const [what, faults, option] of [
    ['no list', {}, 'faults'],
    ['no object', ['conflict'], 'faults[0]'],
    ['an unknown kind', [{ kind: 'conflict' }, { kind: 'boom' }], 'faults[1].kind'],
    ['no kind', [{}], 'faults[0].kind'],
    ['an unknown field', [{ kind: 'conflict', when: 1 }], 'faults[0].when'],
    ['a field of another kind', [{ kind: 'conflict', retryAfter: 1 }], 'faults[0].retryAfter'],
    ['an unknown operation', [{ kind: 'conflict', operation: 'getobject' }], 'faults[0].operation'],
    [
      'an operation without the kind',
      [{ kind: 'flip-bit-stored', operation: 'getObject' }],
      'faults[0].operation',
    ],
    [
      'a part of no part',
      [{ kind: 'conflict', operation: 'putObject', partNumber: 1 }],
      'faults[0].partNumber',
    ],
    ['part 0', [{ kind: 'conflict', partNumber: 0 }], 'faults[0].partNumber'],
    ['an empty key', [{ kind: 'conflict', key: '' }], 'faults[0].key'],
    ['call 0', [{ kind: 'conflict', call: 0 }], 'faults[0].call'],
    ['half a time', [{ kind: 'conflict', times: 0.5 }], 'faults[0].times'],
    ['a negative place', [{ kind: 'early-close', at: -1 }], 'faults[0].at'],
    ['no bytes', [{ kind: 'long-body', bytes: 0 }], 'faults[0].bytes'],
    ['endless ms', [{ kind: 'stall-in-body', ms: Infinity }], 'faults[0].ms'],
    ['a Retry-After of two lines', [{ kind: 'slow-down', retryAfter: 'a\r\nb' }], 'faults[0].retryAfter'],
    ['a number as location', [{ kind: 'redirect', location: 5 }], 'faults[0].location'],
    ['skew in text', [{ kind: 'skewed-clock', skewMs: '1' }], 'faults[0].skewMs'],
    ['a TLS failure without https', [{ kind: 'tls-failure' }], 'faults[0].kind'],
  ] as const) {
    it(`refuses ${what}, naming ${option}`, async () => {
      const error: unknown = await startServer({ faults: faults as never }).then(
        (server) => server.close(),
        (reason: unknown) => reason,
      )
      expect(error).to.be.instanceOf(OptionError).and.to.include({ option })
    })
  }

  it('checks those added later the same way', async () => {
    const server = await startServer()
    expect(() => server.faults.add({ kind: 'tls-failure' })).to.throw(OptionError, 'faults[0].kind')
    await server.close()
  })

  it('has 29 kinds: 23 of the 24 HTTP faults, without DNS, and 6 for integrity', () => {
    expect(FAULT_KINDS).to.have.length(29)
  })
})

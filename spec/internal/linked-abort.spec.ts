import { getEventListeners } from 'node:events'
import { expect } from 'chai'
import { linkedAbort } from '../../lib/internal/abort.js'
import { refused } from '../support/refused.js'

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

describe('linkedAbort', () => {
  it('follows the outer signal, reason and all', () => {
    const outer = new AbortController()
    const linked = linkedAbort(outer.signal)
    expect(linked.signal.aborted).to.equal(false)
    const reason = new Error('outer')
    outer.abort(reason)
    expect(linked.signal.aborted).to.equal(true)
    expect(linked.signal.reason).to.equal(reason)
  })

  it('is aborted from the start where the outer signal is', () => {
    const linked = linkedAbort(AbortSignal.abort('before'))
    expect(linked.signal.aborted).to.equal(true)
    expect(linked.signal.reason).to.equal('before')
  })

  it('aborts itself alone; the first reason stays', () => {
    const outer = new AbortController()
    const linked = linkedAbort(outer.signal)
    linked.abort('inner')
    expect(outer.signal.aborted).to.equal(false)
    expect(linked.signal.reason).to.equal('inner')
    outer.abort('later')
    expect(linked.signal.reason).to.equal('inner')
  })

  it('needs no outer signal', () => {
    const linked = linkedAbort(undefined)
    expect(linked.signal.aborted).to.equal(false)
    linked.unlink()
    linked.abort('own')
    expect(linked.signal.reason).to.equal('own')
  })

  it('follows no more after unlink, and leaves no listener', () => {
    const outer = new AbortController()
    const before = listeners(outer.signal)
    const linked = linkedAbort(outer.signal)
    expect(listeners(outer.signal)).to.equal(before + 1)
    linked.unlink()
    linked.unlink()
    expect(listeners(outer.signal)).to.equal(before)
    outer.abort('late')
    expect(linked.signal.aborted).to.equal(false)
  })

  it('can still be aborted after unlink', () => {
    const linked = linkedAbort(new AbortController().signal)
    linked.unlink()
    linked.abort('own')
    expect(linked.signal.reason).to.equal('own')
  })

  it('leaves no listener after the outer signal was aborted', () => {
    const outer = new AbortController()
    linkedAbort(outer.signal)
    outer.abort()
    expect(listeners(outer.signal)).to.equal(0)
  })

  it('throws SEALSTREAM_ABORTED with the reason once aborted, nothing before', async () => {
    const linked = linkedAbort(undefined)
    linked.throwIfAborted()
    linked.abort('why')
    const error = await refused('SEALSTREAM_ABORTED', () => linked.throwIfAborted())
    expect(error.cause).to.equal('why')
  })

  it('lets 1000 of them come and go on one signal without a trace', () => {
    const outer = new AbortController()
    for (let i = 0; i < 1000; i++) linkedAbort(outer.signal).unlink()
    expect(listeners(outer.signal)).to.equal(0)
  })
})

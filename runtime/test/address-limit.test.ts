import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { expect } from 'chai'
import { createAddressLimit } from '../src/address-limit.ts'

const from = (remoteAddress?: string) => Object.assign(new EventEmitter(), { remoteAddress }) as unknown as Socket

describe(createAddressLimit.name, () => {
  it('takes 128 connections of an address at a time, and as many of another', () => {
    const isFree = createAddressLimit()
    const open = Array.from({ length: 128 }, () => from('10.0.0.1'))
    for (const socket of open) expect(isFree(socket)).to.equal(true)
    const late = from('10.0.0.1')
    expect(isFree(late)).to.equal(false)
    late.emit('close')
    expect(isFree(from('10.0.0.1'))).to.equal(false)
    expect(isFree(from('10.0.0.2'))).to.equal(true)
    open[0]!.emit('close')
    expect([isFree(from('10.0.0.1')), isFree(from('10.0.0.1'))]).to.deep.equal([true, false])
  })

  it('counts those without an address together', () => {
    const isFree = createAddressLimit()
    const all = Array.from({ length: 130 }, () => isFree(from()))
    expect(all.filter(Boolean)).to.have.length(128)
  })
})

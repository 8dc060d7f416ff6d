import { expect } from 'chai'
import { LimitWaits } from '../../src/intake/limit-waits.ts'

const key = (name: string) => `nauthera-cluster-edge/${name}`
const cluster = { group: 'nauthera-cluster-edge', limit: 3 }
const tenantA = { group: 'edge_a', limit: 1 }

describe('LimitWaits', () => {
  const waiting = () => {
    const waits = new LimitWaits()
    waits.record(key('a.old'), { age: { createdAt: 1, uid: '1' }, full: [tenantA, cluster] })
    waits.record(key('b.young'), { age: { createdAt: 2, uid: '2' }, full: [cluster] })
    waits.record(key('c.youngest'), { age: { createdAt: 3, uid: '3' }, full: [{ ...cluster, limit: 5 }] })
    return waits
  }

  it('gives a free place to the oldest under each limit', () => {
    expect(waiting().remove(key('d.gone'))).to.have.members([key('a.old'), key('c.youngest')])
  })

  it('gives the place to the next one when the oldest cannot take it', () => {
    const waits = waiting()
    expect(waits.record(key('a.old'), { age: { createdAt: 1, uid: '1' }, full: [tenantA] })).to.deep.equal([
      key('b.young'),
    ])
    expect(waits.record(key('b.young'), { age: { createdAt: 2, uid: '2' }, full: [cluster] })).to.deep.equal([])
  })

  it('gives a place away once, when a client has lost it', () => {
    const waits = waiting()
    expect(waits.recordPlace(key('a.served'), true)).to.deep.equal([])
    expect(waits.recordPlace(key('a.served'), false)).to.have.members([key('a.old'), key('c.youngest')])
    expect(waits.recordPlace(key('a.served'), false)).to.deep.equal([])
  })
})

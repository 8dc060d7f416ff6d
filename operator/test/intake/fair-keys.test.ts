import { expect } from 'chai'
import fc from 'fast-check'
import { FairKeys } from '../../src/intake/fair-keys.ts'

const all = (keys: FairKeys): string[] => {
  const taken: string[] = []
  for (let key = keys.next(); key !== undefined; key = keys.next()) taken.push(key)
  return taken
}

describe('FairKeys', () => {
  it('gives one key of each namespace in turn, in each the first that came', () => {
    const keys = new FairKeys()
    for (const key of ['a/1', 'a/2', 'a/3', 'b/1', 'b/2', 'c/1']) keys.add(key)
    expect(all(keys)).to.deep.equal(['a/1', 'b/1', 'c/1', 'a/2', 'b/2', 'a/3'])
  })
  it('gives a joined cluster one turn, and its namespaces theirs within it', () => {
    const keys = new FairKeys()
    const edge = (name: string) => `nauthera-cluster-edge/${name}`
    for (const key of [edge('noisy.1'), edge('noisy.2'), edge('noisy.3'), edge('calm.1'), 'a/1', 'a/2']) keys.add(key)
    expect(all(keys)).to.deep.equal([edge('noisy.1'), 'a/1', edge('calm.1'), 'a/2', edge('noisy.2'), edge('noisy.3')])
  })
  it('holds a key once', () => {
    const keys = new FairKeys()
    keys.add('a/1')
    keys.add('a/1')
    expect(keys.size).to.equal(1)
    expect(all(keys)).to.deep.equal(['a/1'])
    keys.add('a/1')
    expect(all(keys)).to.deep.equal(['a/1'])
  })
  it('lets all changes of a crowd go before what follows from them, so that one write of a shard tells many', () => {
    const keys = new FairKeys()
    for (let index = 0; index < 10; index++) {
      keys.add(`a/told-${index}`, 'follow-up')
      keys.add(`a/new-${index}`)
    }
    expect(all(keys).findIndex((key) => key.startsWith('a/told'))).to.equal(10)
  })
  it('takes a follow-up for a change when one comes', () => {
    const keys = new FairKeys()
    for (const key of ['a/1', 'a/2']) keys.add(key, 'follow-up')
    keys.add('a/2')
    keys.add('a/2', 'follow-up')
    expect(all(keys)).to.deep.equal(['a/2', 'a/1'])
  })
  it('gives a follow-up its turn after sixteen changes of its tenant, however many come', () => {
    const keys = new FairKeys()
    keys.add('a/told', 'follow-up')
    const taken = Array.from({ length: 17 }, (_, index) => {
      for (let more = 0; more < 2; more++) keys.add(`a/${index}-${more}`)
      return keys.next()
    })
    expect(taken.indexOf('a/told')).to.equal(16)
  })
  it('K19 lets a key wait for at most one of each other namespace, whatever waits there', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5), { maxLength: 60 }), fc.nat(60), (adds, takes) => {
        const keys = new FairKeys()
        adds.forEach((namespace, index) => keys.add(`crowd-${namespace}/${index}`))
        for (let index = 0; index < takes; index++) keys.next()
        keys.add('alone/only')
        const before = all(keys)
        expect(before.indexOf('alone/only')).to.be.at.most(6)
        expect(new Set(before).size).to.equal(before.length)
        expect(before.length).to.equal(Math.max(0, adds.length - takes) + 1)
      }),
    )
  })
})

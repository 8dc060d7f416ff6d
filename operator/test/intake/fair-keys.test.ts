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

import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { NamespaceRoom } from '../../src/kubernetes/namespace-room.ts'
import type { KubernetesObject } from '../../src/kubernetes/objects.ts'

interface Heavy extends KubernetesObject {
  readonly weight: number
}

const most = 10
const weigh = ({ weight }: Heavy) => weight
const groupsOf = ({ metadata }: Heavy) => [{ name: metadata.namespace ?? '', most }]
const heavy = (namespace: string, name: string, age: number, weight: number): Heavy => ({
  metadata: { namespace, name, uid: `${namespace}-${name}`, creationTimestamp: new Date(age * 1_000).toISOString() },
  weight,
})
const keyOf = ({ metadata }: Heavy) => `${metadata.namespace}/${metadata.name}`

describe('NamespaceRoom', () => {
  it('leaves the youngest out, and does not look at other namespaces', () => {
    const room = new NamespaceRoom<Heavy>({ groupsOf, weigh })
    expect(room.place(heavy('a', 'old', 1, 6))).to.deep.equal([])
    expect(room.place(heavy('a', 'young', 3, 4))).to.deep.equal([])
    expect(room.place(heavy('b', 'other', 9, 10))).to.deep.equal([])
    expect(room.place(heavy('a', 'middle', 2, 1))).to.deep.equal(['a/young'])
    expect([room.isCut('a'), room.isCut('b')]).to.deep.equal([true, false])
  })

  it('leaves a younger one out when an older one grows', () => {
    const room = new NamespaceRoom<Heavy>({ groupsOf, weigh })
    room.place(heavy('a', 'old', 1, 6))
    room.place(heavy('a', 'young', 2, 4))
    expect(room.place(heavy('a', 'old', 1, 7))).to.deep.equal(['a/young'])
  })

  it('K19 keeps in any case what weighs nothing', () => {
    const room = new NamespaceRoom<Heavy>({ groupsOf, weigh })
    expect(room.place(heavy('a', 'old', 1, 11))).to.deep.equal(['a/old'])
    expect(room.place(heavy('a', 'young', 2, 1))).to.deep.equal(['a/young'])
    expect(room.place(heavy('a', 'light', 3, 0))).to.deep.equal([])
  })

  it('says when what was left out would have room again', () => {
    const room = new NamespaceRoom<Heavy>({ groupsOf, weigh })
    room.place(heavy('a', 'old', 1, 6))
    room.place(heavy('a', 'young', 2, 4))
    expect(room.wantsList()).to.equal(false)
    room.place(heavy('a', 'younger', 3, 1))
    expect([room.isCut('a'), room.wantsList()]).to.deep.equal([true, false])
    room.remove('a/young')
    expect(room.wantsList()).to.equal(true)
  })

  it('leaves out what has no room in one of its groups, and gives back its room in the others', () => {
    const both = ({ metadata }: Heavy) => [
      { name: metadata.namespace ?? '', most },
      { name: 'all', most: 15 },
    ]
    const room = new NamespaceRoom<Heavy>({ groupsOf: both, weigh })
    expect(room.place(heavy('a', 'old', 1, 8))).to.deep.equal([])
    expect(room.place(heavy('b', 'other', 2, 8))).to.deep.equal(['b/other'])
    expect(room.place(heavy('a', 'oldest', 0, 4))).to.deep.equal(['a/old'])
    expect([room.isCut('a'), room.isCut('b'), room.isCut('all')]).to.deep.equal([true, false, true])
    expect(room.wantsList()).to.equal(true)
  })

  const anyObject = fc.record({
    namespace: fc.constantFrom('a', 'b'),
    name: fc.constantFrom('1', '2', '3', '4', '5', '6'),
    age: fc.nat({ max: 5 }),
    weight: fc.integer({ min: 1, max: 11 }),
  })
  const anyList = fc.uniqueArray(anyObject, {
    selector: ({ namespace, name }) => `${namespace}/${name}`,
    maxLength: 12,
  })

  it('property: of one list the same objects have room, in whatever order they come', () => {
    fc.assert(
      fc.property(
        anyList.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        ([list, shuffled]) => {
          const placed = (order: typeof list) => {
            const room = new NamespaceRoom<Heavy>({ groupsOf, weigh })
            const kept = new Set<string>()
            for (const { namespace, name, age, weight } of order) {
              const one = heavy(namespace, name, age, weight)
              kept.add(keyOf(one))
              for (const out of room.place(one)) kept.delete(out)
            }
            return [...kept].sort()
          }
          expect(placed(shuffled)).to.deep.equal(placed(list))
        },
      ),
      { numRuns: propertyRuns(200) },
    )
  })

  it('property: what has room is never heavier than that, whatever comes, changes and goes', () => {
    const anyStep = fc.record({ of: anyObject, isGone: fc.boolean() })
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
        const room = new NamespaceRoom<Heavy>({ groupsOf, weigh })
        const kept = new Map<string, Heavy>()
        for (const { of, isGone } of steps) {
          const one = heavy(of.namespace, of.name, of.age, of.weight)
          if (isGone) {
            room.remove(keyOf(one))
            kept.delete(keyOf(one))
          } else {
            kept.set(keyOf(one), one)
            for (const out of room.place(one)) kept.delete(out)
          }
          for (const namespace of ['a', 'b']) {
            const weights = [...kept.values()].filter(({ metadata }) => metadata.namespace === namespace).map(weigh)
            expect(weights.reduce((sum, weight) => sum + weight, 0)).to.be.at.most(most)
          }
        }
      }),
      { numRuns: propertyRuns(200) },
    )
  })
})

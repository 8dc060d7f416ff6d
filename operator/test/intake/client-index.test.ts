import { expect } from 'chai'
import fc from 'fast-check'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { createClientIndex } from '../../src/intake/client-index.ts'
import type { WatchedClients } from '../../src/intake/client-index.ts'

const client = (name: string, spec: Record<string, unknown> = {}, created = '2026-01-01T00:00:00Z'): OIDCClient => ({
  metadata: { name, namespace: 'apps', uid: `uid-${name}`, generation: 1, creationTimestamp: created },
  spec: { type: 'M2M', ...spec } as OIDCClient['spec'],
})
/** @returns how many come before it: one less than the lowest limit that has room for it */
function placeOf(isFull: WatchedClients['isTenantFull'], one: OIDCClient): number {
  let limit = 0
  while (isFull(one, limit, () => false)) limit++
  return limit - 1
}
const names = (clients: readonly OIDCClient[]) => clients.map(({ metadata }) => metadata.name).sort()

describe('createClientIndex', () => {
  it('has the claimants of an id and of an identifier in one list, the oldest first', () => {
    const index = createClientIndex()
    const day = (of: number) => `2026-01-0${of}T00:00:00Z`
    index.set('apps/a', client('a', { resourceServer: { identifier: 'shared' } }, day(3)))
    index.set('apps/b', client('b', { clientId: 'shared' }, day(1)))
    index.set('apps/c', client('c', { clientId: 'shared' }, day(2)))
    index.set('apps/d', client('d'))
    expect(index.best('shared').map(({ metadata }) => metadata.name)).to.deep.equal(['b', 'c', 'a'])
    expect(['shared', 'apps.d'].map(index.isContested)).to.deep.equal([true, false])
    expect(names(index.declaring('shared'))).to.deep.equal(['a'])
  })

  it('K19 does not go on from the claimants of a name to those of their other names', () => {
    const index = createClientIndex()
    const link = (number: number) => ({ clientId: `id-${number}`, resourceServer: { identifier: `id-${number + 1}` } })
    const put = (number: number, more = {}) =>
      index.set(`apps/${number}`, client(`${number}`, { ...link(number), ...more }))
    for (let number = 0; number < 600; number++) put(number)
    expect(put(300, { displayName: 'another' })).to.have.members(['apps/299', 'apps/300', 'apps/301'])
  })

  it('K19 concerns nobody else when the client may not have the name that it asks for', () => {
    const index = createClientIndex((one) => !one.metadata.name.startsWith('thief'))
    index.set('apps/owner', client('owner', { clientId: 'shop' }))
    for (const spec of [{ clientId: 'shop' }, { resourceServer: { identifier: 'shop' } }, undefined])
      expect(index.set('apps/thief', spec && client('thief', spec))).to.deep.equal(['apps/thief'])
  })

  it('K19 concerns of hundreds that ask for one name only the first that may have it', () => {
    const index = createClientIndex((one) => Number(one.metadata.name) % 2 === 0)
    const put = (number: number) =>
      index.set(`apps/${number}`, client(`${number}`, { clientId: 'shop' }, new Date(number * 1_000).toISOString()))
    for (let number = 0; number < 500; number++) put(number)
    expect(index.set('apps/0', undefined)).to.have.members(['apps/0', 'apps/2', 'apps/4', 'apps/6'])
    expect(put(401)).to.deep.equal(['apps/401'])
  })

  it('returns the keys that a change concerns: the rivals before it and after it', () => {
    const index = createClientIndex()
    index.set('apps/a', client('a', { clientId: 'one' }))
    index.set('apps/b', client('b', { clientId: 'two' }))
    expect(index.set('apps/c', client('c', { clientId: 'one' }))).to.have.members(['apps/a', 'apps/c'])
    expect(index.set('apps/c', client('c', { clientId: 'two' }))).to.have.members(['apps/a', 'apps/b', 'apps/c'])
    expect(index.set('apps/c', undefined)).to.have.members(['apps/b', 'apps/c'])
    expect(index.size).to.equal(2)
  })

  it('finds those that ask for the same Secret of a namespace', () => {
    const index = createClientIndex()
    index.set('apps/a', client('a'))
    index.set('apps/b', client('b', { secret: { name: 'a-oidc' } }))
    expect(names(index.sharing('apps/a'))).to.deep.equal(['a', 'b'])
    expect(index.set('apps/b', client('b'))).to.have.members(['apps/a', 'apps/b'])
    expect(names(index.sharing('apps/a'))).to.deep.equal(['a'])
  })

  it('counts the older clients of a namespace', () => {
    const index = createClientIndex()
    index.set('apps/a', client('a', {}, '2026-01-03T00:00:00Z'))
    index.set('apps/b', client('b', {}, '2026-01-01T00:00:00Z'))
    index.set('apps/c', client('c', {}, '2026-01-01T00:00:00Z'))
    expect(['a', 'b', 'c'].map((name) => placeOf(index.isTenantFull, index.find(`apps/${name}`)!))).to.deep.equal([
      2, 0, 1,
    ])
  })

  it('counts the older mirrors of a tenant, and of the whole cluster', () => {
    const index = createClientIndex()
    const mirror = (name: string, day: number) => {
      const made = client(name, {}, `2026-01-0${day}T00:00:00Z`)
      const object = { ...made, metadata: { ...made.metadata, namespace: 'nauthera-cluster-edge' } }
      index.set(`nauthera-cluster-edge/${name}`, object)
      return object
    }
    const all = [mirror('shop.a', 1), mirror('web.a', 2), mirror('shop.b', 3)]
    expect(all.map((one) => placeOf(index.isTenantFull, one))).to.deep.equal([0, 0, 1])
    expect(all.map((one) => placeOf(index.isClusterFull, one))).to.deep.equal([0, 1, 2])
    expect(index.keysIn('nauthera-cluster-edge')).to.have.length(3)
  })

  it('T70 looks at the age of no other client when one of thousands of a joined cluster is edited', () => {
    const index = createClientIndex()
    let reads = 0
    const mirror = (name: string, spec: object = {}): OIDCClient => {
      const { metadata, ...rest } = client(name, { ...spec })
      const namespace = 'nauthera-cluster-edge'
      const dated = Object.defineProperty({ ...metadata, namespace }, 'creationTimestamp', {
        enumerable: true,
        get: () => {
          reads++
          return '2026-01-01T00:00:00Z'
        },
      })
      return { ...rest, metadata: dated }
    }
    const put = (name: string, spec?: object) => {
      const made = mirror(name, spec)
      index.set(`nauthera-cluster-edge/${name}`, made)
      return made
    }
    for (let count = 0; count < 2_000; count++) put(`shop.app-${String(count).padStart(4, '0')}`)
    const isFull = (one: OIDCClient, limit: number) =>
      [index.isClusterFull, index.isTenantFull].map((ask) => ask(one, limit, () => false))
    isFull(mirror('shop.app-0000'), 500)
    reads = 0
    for (let edit = 0; edit < 50; edit++) {
      const edited = put('shop.app-1000', { displayName: `edit ${edit}` })
      expect([isFull(edited, 1_000), isFull(edited, 1_001)].flat()).to.deep.equal([true, true, false, false])
    }
    // those of the tenant are counted once; then each edit reads its own few times
    expect(reads).to.be.below(2_000 * 40)
  })

  it('counts anew whoever comes and goes', () => {
    const anyStep = fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      day: fc.integer({ min: 1, max: 4 }),
      uid: fc.constantFrom('1', '2', '3'),
      isGone: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 20 }), (steps) => {
        const index = createClientIndex()
        for (const { name, day, uid, isGone } of steps) {
          const made = client(name, {}, `2026-01-0${day}T00:00:00Z`)
          const present = { ...made, metadata: { ...made.metadata, uid: `${uid} ${name}` } }
          index.set(`apps/${name}`, isGone ? undefined : present)
          const all = [...index.keys()].map((key) => index.find(key)!)
          const age = ({ metadata }: OIDCClient) => `${metadata.creationTimestamp} ${metadata.uid}`
          for (const one of all) {
            const older = all.filter((other) => age(other) < age(one)).length
            expect(placeOf(index.isTenantFull, one)).to.equal(older)
          }
        }
      }),
    )
  })

  it('concerns nobody when only the status is another one', () => {
    const index = createClientIndex()
    const a = client('a', { clientId: 'shared' })
    index.set('apps/a', a)
    index.set('apps/b', client('b', { clientId: 'shared' }))
    const withStatus = { ...a, status: { clientId: 'shared' }, metadata: { ...a.metadata, resourceVersion: '2' } }
    expect(index.set('apps/a', withStatus)).to.deep.equal(['apps/a'])
    expect(index.find('apps/a')).to.equal(withStatus)
    const labelled = { ...withStatus, metadata: { ...withStatus.metadata, labels: { team: 'x' } } }
    expect(index.set('apps/a', labelled)).to.have.members(['apps/a', 'apps/b'])
  })

  it('property: has the same claimants as one who counts them anew', () => {
    const anyStep = fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      id: fc.constantFrom('one', 'two', 'three', undefined),
      api: fc.constantFrom('one', 'urn:two', undefined),
      day: fc.integer({ min: 1, max: 3 }),
      isGone: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 20 }), (steps) => {
        const index = createClientIndex()
        for (const { name, id, api, day, isGone } of steps) {
          const spec = { ...(id ? { clientId: id } : {}), ...(api ? { resourceServer: { identifier: api } } : {}) }
          index.set(`apps/${name}`, isGone ? undefined : client(name, spec, `2026-01-0${day}T00:00:00Z`))
          const anew = createClientIndex()
          for (const key of index.keys()) anew.set(key, index.find(key))
          for (const each of ['one', 'two', 'three', 'urn:two', 'apps.a']) {
            expect(index.best(each)).to.deep.equal(anew.best(each))
            expect(index.isContested(each)).to.equal(anew.isContested(each))
            expect(names(index.declaring(each))).to.deep.equal(names(anew.declaring(each)))
          }
        }
      }),
      { numRuns: propertyRuns(100) },
    )
  })
})

import { expect } from 'chai'
import fc from 'fast-check'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
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
  it('knows no rivals of a client with an id of its own', () => {
    const index = createClientIndex()
    index.set('apps/a', client('a'))
    index.set('apps/b', client('b'))
    expect(names(index.rivals('apps/a'))).to.deep.equal(['a'])
  })

  it('finds rivals over an id and over an identifier, however many steps away', () => {
    const index = createClientIndex()
    const api = (identifier: string) => ({ resourceServer: { identifier } })
    index.set('apps/a', client('a', { clientId: 'shared' }))
    index.set('apps/b', client('b', { clientId: 'shared', ...api('urn:one') }))
    index.set('apps/c', client('c', api('urn:one')))
    index.set('apps/d', client('d'))
    expect(names(index.rivals('apps/a'))).to.deep.equal(['a', 'b', 'c'])
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
    expect(names(index.rivals('apps/a'))).to.deep.equal(['a', 'b'])
    expect(index.set('apps/b', client('b'))).to.have.members(['apps/a', 'apps/b'])
    expect(names(index.rivals('apps/a'))).to.deep.equal(['a'])
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

  it('keeps one list of rivals while nothing changes that decides between them', () => {
    const index = createClientIndex()
    const a = client('a', { clientId: 'shared' })
    index.set('apps/a', a)
    index.set('apps/b', client('b', { clientId: 'shared' }))
    const keys = index.rivalKeys('apps/a')
    expect(index.rivalKeys('apps/b')).to.equal(keys)
    const withStatus = { ...a, status: { clientId: 'shared' }, metadata: { ...a.metadata, resourceVersion: '2' } }
    expect(index.set('apps/a', withStatus)).to.deep.equal(['apps/a'])
    expect(index.rivalKeys('apps/b')).to.equal(keys)
    expect(index.find('apps/a')).to.equal(withStatus)
    index.set('apps/a', { ...withStatus, metadata: { ...withStatus.metadata, labels: { team: 'x' } } })
    expect(index.rivalKeys('apps/b')).to.not.equal(keys)
  })

  it('property: finds the same rivals as one who counts them anew', () => {
    const anyStep = fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      id: fc.constantFrom('one', 'two', 'three', undefined),
      api: fc.constantFrom('urn:one', 'urn:two', undefined),
      isGone: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 20 }), (steps) => {
        const index = createClientIndex()
        for (const { name, id, api, isGone } of steps) {
          const spec = { ...(id ? { clientId: id } : {}), ...(api ? { resourceServer: { identifier: api } } : {}) }
          index.set(`apps/${name}`, isGone ? undefined : client(name, spec))
          const anew = createClientIndex()
          for (const key of index.keys()) anew.set(key, index.find(key))
          for (const key of index.keys()) expect(names(index.rivals(key))).to.deep.equal(names(anew.rivals(key)))
        }
      }),
    )
  })
})

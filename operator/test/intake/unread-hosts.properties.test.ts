import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { ageOf, byAge } from '@nauthera/rules/age'
import { present } from '../../src/decide/client/present.ts'
import type { Ingress } from '../../src/decide/client/route-hosts.ts'
import { ingress } from '../decide/routes.ts'
import { startWatchedRoutes } from './watched-routes.ts'

const contested = ['one', 'two', 'three'].map((name) => `${name}.example.com`)
const names = ['x', 'y', 'z']
const namespaces = ['big', 'small']
const of = (day: number) => new Date(Date.UTC(2026, 0, 1 + day)).toISOString()
/** Hosts that no policy lists, so they take no place in a client. */
const fillers = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, index) => `f${index}.${prefix}.example.org`)

type Step =
  | { readonly kind: 'list' }
  | { readonly kind: 'remove'; readonly namespace: string; readonly name: string }
  | {
      readonly kind: 'put'
      readonly namespace: string
      readonly name: string
      readonly day: number
      readonly hosts: readonly string[]
      readonly before: number
    }
const anyPut = fc.record({
  kind: fc.constant('put' as const),
  namespace: fc.constantFrom(...namespaces),
  name: fc.constantFrom(...names),
  day: fc.integer({ min: 2, max: 6 }),
  hosts: fc.subarray(contested, { minLength: 1 }),
  /** Hosts that come before them. */
  before: fc.constantFrom(0, 0, 0, 499, 700),
})
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: anyPut },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('remove' as const),
      namespace: fc.constantFrom(...namespaces),
      name: fc.constantFrom(...names),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'list' as const }) },
)

/** Ingresses of `big` without a host that anybody else names: 1 is the day on which the oldest of them is made. */
const crowd = fc.record({
  /** Eight of 499 hosts fill the room of a namespace. */
  full: fc.option(fc.constantFrom(0, 3, 5), { nil: undefined }),
  /** More hosts than are kept of a namespace. */
  isEndless: fc.constantFrom(true, false, false, false, false, false, false, false),
})

/** Cases of the property. */
const runs = propertyRuns(40)

describe('hosts that are not read', function () {
  this.timeout(120_000 + runs * 3_000)

  const start = async () => {
    const routes = await startWatchedRoutes(names)
    const there = new Map<string, Ingress>()
    /** Objects that name the host, the oldest first. */
    const naming = (host: string) =>
      [...there.values()]
        .filter(({ spec }) => spec?.tls?.some(({ hosts }) => hosts?.includes(host)))
        .map(({ metadata }) => ({ namespace: '', ...metadata, ...ageOf({ uid: '', ...metadata }) }))
        .sort(byAge)
    let made = 0
    /** Makes an object on that day, or edits the one that is there. */
    const put = async (namespace: string, name: string, day: number, hosts: readonly string[]) => {
      const fresh = ingress(hosts, { namespace, name, createdAt: of(day) })
      const { uid = `uid-${made++}`, creationTimestamp } = there.get(`${namespace}/${name}`)?.metadata ?? {}
      const object = { ...fresh, metadata: { ...fresh.metadata, uid, ...present({ creationTimestamp }) } }
      there.set(`${namespace}/${name}`, object)
      await routes.put(object)
    }
    return {
      ...routes,
      naming,
      put,
      remove: async (key: string) => {
        there.delete(key)
        await routes.remove(key)
      },
      followed: (namespace: string) => routes.look(namespace).uris.map(({ uri }) => new URL(uri).hostname),
      crowd: async ({ full, isEndless }: { full?: number | undefined; isEndless?: boolean }) => {
        for (const index of full === undefined ? [] : fillers(8, '').keys())
          await put('big', `full${index}`, full!, fillers(499, `full${index}`))
        if (isEndless) await put('big', 'endless', 1, fillers(60_000, 'endless'))
      },
    }
  }

  it('K26 a host is that of the older object beyond its 500 hosts, also when it is named later, until it is given up', async () => {
    const routes = await start()
    try {
      await routes.put('small', 'x', 3, ['one.example.com'])
      expect(routes.followed('small')).to.deep.equal(['one.example.com'])
      await routes.put('big', 'x', 2, [...fillers(500, 'x'), 'one.example.com'])
      expect([...routes.told]).to.include('small/web')
      expect(routes.followed('small')).to.deep.equal([])
      expect(routes.look('small').left.join(' ')).to.include('is that of the older Ingress x in namespace big')
      await routes.put('big', 'x', 2, fillers(500, 'x'))
      routes.told.clear()
      await routes.list()
      expect([...routes.told]).to.include('small/web')
      expect(routes.followed('small')).to.deep.equal(['one.example.com'])
    } finally {
      await routes.stop()
    }
  })

  it('K26 a host is that of the older object for which its namespace has no room', async () => {
    const routes = await start()
    try {
      await routes.put('big', 'x', 2, ['one.example.com'])
      await routes.put('small', 'x', 3, ['one.example.com'])
      await routes.crowd({ full: 1 })
      expect(routes.followed('small')).to.deep.equal([])
    } finally {
      await routes.stop()
    }
  })

  it('K26 who names more hosts than are kept delays a host of a younger object until the next list, and takes none', async () => {
    const routes = await start()
    try {
      await routes.put('small', 'x', 3, ['one.example.com'])
      await routes.put('small', 'y', 0, ['three.example.com'])
      expect(routes.followed('small')).to.deep.equal(['one.example.com', 'three.example.com'])
      await routes.crowd({ isEndless: true })
      await routes.put('small', 'z', 3, ['two.example.com'])
      await routes.put('small', 'y', 0, ['three.example.com', 'four.example.com'])
      expect(routes.followed('small'), 'those of before stay, an older object does not wait').to.deep.equal([
        'one.example.com',
        'three.example.com',
        'four.example.com',
      ])
      expect(routes.look('small').left).to.deep.equal([
        'Ingress z: two.example.com waits for the next full list: another namespace has an older object, and more hosts than are kept',
      ])
      routes.told.clear()
      await routes.list()
      expect([...routes.told]).to.include('small/web')
      expect(routes.followed('small')).to.include('two.example.com')
      await routes.put('big', 'endless', 1, [...fillers(60_000, 'endless'), 'two.example.com'])
      expect(routes.followed('small'), 'it is named now').to.not.include('two.example.com')
    } finally {
      await routes.stop()
    }
  })

  it('K26 who loses a host is woken, also where an older object of its own namespace named it before', async () => {
    const routes = await start()
    try {
      await routes.crowd({ full: 0 })
      await routes.put('small', 'x', 4, ['one.example.com'])
      await routes.put('small', 'y', 2, [...fillers(500, 'y'), 'one.example.com'])
      await routes.put('small', 'y', 2, ['two.example.com'])
      expect(routes.followed('small')).to.deep.equal(['one.example.com', 'two.example.com'])
      routes.told.clear()
      await routes.put('big', 'z', 3, ['one.example.com'])
      expect([...routes.told]).to.include('small/web')
      expect(routes.followed('small')).to.deep.equal(['two.example.com'])
    } finally {
      await routes.stop()
    }
  })

  it('K26 an Ingress without a host for which there is no room is named to its own client, and changes nothing for others', async () => {
    const routes = await start()
    try {
      await routes.put('small', 'x', 3, ['one.example.com'])
      await routes.crowd({ full: 1 })
      routes.look('big')
      const before = routes.look('small')
      routes.told.clear()
      await routes.put('big', 'x', 2, [])
      expect([...routes.told]).to.not.include('small/web')
      expect(routes.look('small')).to.deep.equal(before)
      expect(routes.look('big').left).to.include(
        'Ingress x is not read: the older objects of its namespace name 4000 hosts already; name fewer, or delete some',
      )
    } finally {
      await routes.stop()
    }
  })

  it('K26 property: a host is never given to a namespace while an older object of another one names it, read or not', () =>
    fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 2, maxLength: 8 }), crowd, async (steps, about) => {
        const routes = await start()
        const look = () => new Map(namespaces.map((namespace) => [namespace, routes.followed(namespace)]))
        try {
          await routes.crowd(about)
          let before = look()
          for (const step of steps) {
            routes.told.clear()
            if (step.kind === 'list') await routes.list()
            else if (step.kind === 'remove') await routes.remove(`${step.namespace}/${step.name}`)
            else {
              const { namespace, name, day } = step
              await routes.put(namespace, name, day, [...fillers(step.before, `${namespace}-${name}`), ...step.hosts])
            }
            const after = look()
            for (const [namespace, hosts] of after) {
              const given = contested.filter((host) => hosts.includes(host) && !before.get(namespace)?.includes(host))
              const taken = before
                .get(namespace)!
                .filter((host) => !hosts.includes(host) && routes.naming(host).length > 0)
              if (given.length > 0 || (taken.length > 0 && step.kind !== 'list'))
                expect([...routes.told], 'is woken').to.include(`${namespace}/web`)
              for (const host of hosts)
                expect([namespace, undefined], `${namespace} has ${host}`).to.include(routes.naming(host)[0]?.namespace)
            }
            before = after
          }
          // two lists later it is known what everybody names, and nobody waits any more
          for (let round = 0; round < 2; round++) {
            await routes.list()
            look()
          }
          const first = contested.filter((host) => routes.naming(host)[0]?.namespace === 'small')
          // its client looks at 100 hosts
          const isSmall = steps.every((step) => step.kind !== 'put' || step.namespace !== 'small' || step.before === 0)
          if (isSmall) expect(routes.followed('small'), 'has what it names first').to.include.members(first)
        } finally {
          await routes.stop()
        }
      }),
      { numRuns: runs },
    ))
})

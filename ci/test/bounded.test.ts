// Whatever is kept by a key from outside is bounded: each unit that keeps such a thing gets as many different keys as anybody could send.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'chai'
import { quietLog as log } from '@nauthera/harness/kept-log'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { largestCollection } from '@nauthera/harness/largest-collection'
import { createMetrics } from '@nauthera/runtime/metrics'
import { LiveState } from '@nauthera/config-agent/live/live-state'
import { SecretReports } from '@nauthera/config-agent/report/secret-reports'
import { createClientIndex } from '@nauthera/operator/intake/client-index'
import { FairKeys } from '@nauthera/operator/intake/fair-keys'
import { createShare } from '@nauthera/operator/intake/share'
import { createWorkQueue } from '@nauthera/operator/intake/work-queue'
import { createEventRecorder } from '@nauthera/operator/kubernetes/events'
import { IdentityUsage, SectorProofs, Usage } from '@nauthera/operator/replicas/usage'
import { WaitingClients } from '@nauthera/operator/replicas/waiting-clients'
import { createMemories } from '@nauthera/operator/secret/memories'
import { createAppliedStatuses } from '@nauthera/operator/status/applied-statuses'
import { createPatience } from '@nauthera/operator/status/patience'
import { PolicyTally } from '@nauthera/operator/status/policy-tally'
import { createUsage } from '@nauthera/server/clients/usage'
import { createLogos } from '@nauthera/server/http/branding/logos'
import { createMinuteCounts } from '@nauthera/server/minute-counts'
import { createRouteNames, observeRequests } from '@nauthera/server/http/request/request-log'
import { createLogoutTurns } from '@nauthera/server/oidc/artefacts/logout-turns'
import { createDocuments } from '@nauthera/server/oidc/clients/documents'
import { Seen } from '@nauthera/server/oidc/keys/seen'
import { createJwksFetch } from '@nauthera/server/oidc/outbound/jwks-fetch'
import { createSectorDocuments } from '@nauthera/server/oidc/outbound/sector-documents'
import { AuditCounts, countingOf } from '@nauthera/server/store/audit/audit-counts'
import { createMemoryCache } from '@nauthera/server/store/cache/memory-cache'

/** Many times what any of them keeps; a million at night. */
const all = Math.min(1_000_000, propertyRuns(40_000))
/** Where each input is a request elsewhere, or makes its unit look through all that it has: a little more than is kept. */
const some = 11_000
/** Clients that are there before those that are gone are forgotten. */
const step = 10_000

const asker = () => '192.0.2.1'
const unreachable = () => Promise.reject(new Error('refused'))

type Feed = (index: number) => unknown

/** @param most entries that any Map or Set may have
 *  @param make what is made gets each input; what it returns is awaited when it is a promise */
interface Unit {
  readonly what: string
  readonly inputs: number
  readonly most: number
  readonly make: () => Feed
}

const client = (index: number) => ({
  metadata: {
    namespace: `n${index % 20}`,
    name: `c${index}`,
    uid: `u${index}`,
    generation: 1,
    creationTimestamp: new Date(index * 1000).toISOString(),
    resourceVersion: '1',
  },
  spec: { type: 'M2M' as const },
})
const keyOf = (index: number) => `n${index % 20}/c${index}`
const at = (seconds: number) => ({ seconds: BigInt(seconds) })

const server: readonly Unit[] = [
  {
    what: 'tokens that were right',
    inputs: all,
    most: 1_000,
    make: () => {
      const seen = new Seen<number>()
      return (index) => seen.record(`token ${index}`, index)
    },
  },
  {
    what: 'addresses whose pages, or requests to others, are counted',
    inputs: all,
    most: 10_000,
    make: () => {
      const counts = createMinuteCounts(() => 0)
      return (index) => counts.add(`address ${index}`)
    },
  },
  {
    what: 'people of a directory, in the cache of one replica',
    inputs: Math.max(some, all / 10),
    most: 10_000,
    make: () => {
      const cache = createMemoryCache({ now: () => 0 })
      // more than one tick each would be minutes
      return (index) => void cache.set({ purpose: 'person', id: `${index}` }, Buffer.of(1), 60_000)
    },
  },
  {
    what: 'refusals that are counted, by address and reason',
    inputs: all,
    most: 2_000,
    make: () => {
      const counts = new AuditCounts()
      return (index) => {
        const address = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`
        const event = { event: 'signin.failure', outcome: 'failure', reason: `reason ${index}`, address } as const
        counts.add(event, countingOf(event, 'counted')!, new Date(0))
      }
    },
  },
  {
    what: 'routes of requests, as labels of a metric',
    inputs: all,
    most: 200,
    make: () => {
      const routeOf = createRouteNames(['/token', '/interaction/:uid/sign-in'], '')
      const observe = observeRequests(createMetrics('test'))
      return (index) => {
        const route = routeOf(index % 2 ? `/interaction/${index}/sign-in/${index}` : `/${index}/token`)
        observe({ route, status: 404, seconds: 0.001 })
      }
    },
  },
  {
    what: 'applications that could not be told of a sign-out',
    inputs: Math.max(some, all / 10),
    most: 10_000,
    make: () => {
      const turns = createLogoutTurns({ share: 4, now: () => 0 })
      return (index) => {
        const turn = turns.next({ uid: `${index}`, namespace: `${index}` })
        if (turn.kind === 'now') turn.end('failed')
      }
    },
  },
  {
    what: 'uses of secrets, once clients are gone',
    inputs: all,
    most: step,
    make: () => {
      const usage = createUsage()
      return (index) => {
        const one = { namespace: 'n', name: `c${index}`, clientId: `n.c${index}`, uid: `u${index}` } as never
        usage.record(one, 'a')
        usage.recordIdentity(one, {} as never)
        if (index % step === step - 1) usage.removeAllBut({ find: () => undefined } as never)
      }
    },
  },
  {
    what: 'addresses of keys that cannot be fetched',
    inputs: some,
    most: 10_000,
    make: () => {
      const fetch = createJwksFetch({ fetch: unreachable, asker, log, now: () => 0 })
      return (index) => fetch(`https://app-${index}.example.com/jwks`).catch(() => undefined)
    },
  },
  {
    what: 'documents of sectors',
    inputs: some,
    most: 10_000,
    make: () => {
      const kept = { find: () => Promise.resolve(undefined), set: () => Promise.resolve() }
      const documents = createSectorDocuments({ kept, fetch: unreachable, asker, log, now: () => 0 })
      const config = { redirectUris: ['https://a.test/'], grantTypes: [], jwksUri: '' }
      return (index) => documents.fault({ ...config, sectorIdentifierUri: `https://s-${index}.example.com/` } as never)
    },
  },
  {
    what: 'documents of sectors, of 60 KB each',
    inputs: 1_000,
    most: 280,
    make: () => {
      const kept = {
        find: (uri: string) => Promise.resolve([`${uri}/`.padEnd(60_000)]),
        set: () => Promise.resolve(),
      }
      const documents = createSectorDocuments({ kept, fetch: unreachable, asker, log, now: () => 0 })
      const config = { redirectUris: [], grantTypes: [], jwksUri: '' }
      return (index) => documents.fault({ ...config, sectorIdentifierUri: `https://s-${index}.example.com/` } as never)
    },
  },
  {
    what: 'large values in the cache of one replica',
    inputs: 1_000,
    most: 64,
    make: () => {
      const cache = createMemoryCache({ now: () => 0 })
      const value = Buffer.alloc(1024 * 1024)
      return (index) => void cache.set({ purpose: 'person', id: `${index}` }, value, 60_000)
    },
  },
  ...[true, false].map((isThere) => ({
    what: `metadata documents that are ${isThere ? 'there' : 'not there'}, each of a host of its own`,
    inputs: isThere ? 3_000 : some,
    most: isThere ? 3_000 : 10_000,
    make: () => {
      const config = { resourceServer: { identifier: 'https://tools.example.com/mcp' }, suspended: false }
      const apis = [{ config, documents: [{ hosts: ['.example.com'], scopes: ['tools:use'] }] }]
      let now = 0
      const documents = createDocuments({
        hosts: ['.example.com'],
        algorithms: ['ES256'],
        registry: { current: () => ({ documentApis: () => apis, findApi: () => undefined }) as never },
        fetch: (url) =>
          isThere
            ? Promise.resolve(
                Response.json({ client_id: String(url), redirect_uris: [`${new URL(String(url)).origin}/callback`] }),
              )
            : unreachable(),
        asker,
        log,
        now: () => (now += 20),
      })
      return (index: number) => documents.load(`https://h-${index}.example.com/client`)
    },
  })),
  {
    what: 'logos that are not there',
    inputs: some,
    most: 10_000,
    make: () => {
      const logoOf = (id: string) => ({ path: `/logo/${id}/x`, url: `https://x.test/${id}`, namespace: `n${id}` })
      const logos = createLogos({ basePath: '', logoOf, fetch: unreachable, asker, now: () => 0, log })
      return async (index) => {
        logos.show(`/logo/${index}/x`)
        await nextTurn()
      }
    },
  },
]

const operator: readonly Unit[] = [
  {
    what: 'uses of secrets and of identities, once clients are gone',
    inputs: all,
    most: step,
    make: () => {
      const [usage, identities, sectors] = [new Usage(), new IdentityUsage(), new SectorProofs()]
      return (index) => {
        const use = { namespace: 'n', name: `c${index}`, lastUsed: at(index + 1) }
        usage.record([{ ...use, secretId: 'a' }])
        identities.record([{ ...use, identity: { kind: { case: undefined } } as never }])
        sectors.record([
          { namespace: 'n', name: `c${index}`, generation: 1n, fault: '', at: { seconds: 1n, nanos: 0 } },
        ])
        if (index % step !== step - 1) return
        sectors.keepOnly(() => false)
        usage.keepOnly(() => false)
        identities.keepOnly(() => false)
      }
    },
  },
  {
    what: 'secrets of a client that rotates for ever',
    inputs: all,
    most: 8,
    make: () => {
      const usage = new Usage()
      return (index) => usage.record([{ namespace: 'n', name: 'c', secretId: `s${index}`, lastUsed: at(index + 1) }])
    },
  },
  {
    what: 'values that clients share, of 100 KB each',
    inputs: 2_500,
    most: 25,
    make: () => {
      const share = createShare()
      return (index) => share({ text: `${index}`.padEnd(100_000) })
    },
  },
  {
    what: 'policies that come and go',
    inputs: all,
    most: 1,
    make: () => {
      const tally = new PolicyTally()
      return (index) => tally.record('n/c', { policies: [`p${index}`], violations: [] })
    },
  },
  {
    what: 'clients that come and go',
    inputs: all,
    most: 200,
    make: () => {
      const clock = createManualClock()
      const [index, waiting, tally] = [createClientIndex(), new WaitingClients(), new PolicyTally()]
      const [patience, applied, keys] = [createPatience(clock), createAppliedStatuses(clock), new FairKeys()]
      const leave = (key: string) => {
        index.set(key, undefined)
        waiting.remove(key)
        tally.remove(key)
        patience.end(key)
        applied.remove(key)
      }
      return (number) => {
        const [key, object] = [keyOf(number), client(number) as never]
        index.set(key, object)
        index.admit(key, true)
        index.isTenantFull(object, 0, () => false)
        waiting.wait(key)
        waiting.settle(key, { uid: '1', seq: 1 })
        tally.record(key, { policies: ['p'], violations: [] })
        patience.waitFor(key)
        applied.record(object, {} as never, '2')
        keys.add(key)
        keys.next()
        if (number >= 100) leave(keyOf(number - 100))
      }
    },
  },
  {
    what: 'names of deleted clients',
    inputs: all,
    most: 10_000,
    make: () => {
      const memories = createMemories()
      return (number) => {
        memories.of(keyOf(number), client(number) as never)
        memories.remove(keyOf(number))
      }
    },
  },
  {
    what: 'keys whose work failed, once their object is gone',
    inputs: some,
    most: 40,
    make: () => {
      const clock = createManualClock()
      const queue = createWorkQueue({ workers: 16, clock, onFailed: () => undefined })
      const gone = new Set<string>()
      queue.start((key) => (gone.has(key) ? Promise.resolve() : Promise.reject(new Error('refused'))))
      return async (index) => {
        queue.add(keyOf(index))
        await queue.waitUntilIdle()
        gone.clear()
        gone.add(keyOf(index - 1))
        clock.advance(10)
        await queue.waitUntilIdle()
      }
    },
  },
  {
    what: 'events of objects, each one another',
    inputs: Math.max(some, all / 10),
    most: 10_000,
    make: () => {
      const connection = { call: () => Promise.resolve({} as never) }
      const recorder = createEventRecorder({
        connection,
        component: 'o',
        instance: 'o',
        clock: createManualClock(),
        log,
      })
      return (index) => {
        recorder.record(client(index) as never, { type: 'Normal', reason: 'Ready', message: `${index}` })
        return recorder.flush()
      }
    },
  },
]

const agent: readonly Unit[] = [
  {
    what: 'uses of secrets and of identities, once clients are gone',
    inputs: Math.max(some, all / 10),
    most: 8,
    make: () => {
      const live = new LiveState()
      const reports = new SecretReports({ log, live, wallNow: () => 0 })
      return (index) => {
        const use = { namespace: 'n', name: `c${index}`, secretId: 'a' } as never
        live.used([use], undefined, { identities: [use], sectors: [use] })
        reports.used([use])
        const ref = { shard: 0, seq: BigInt(index), digest: '' } as never
        const about = { client: `n/c${index}`, kind: 'removed', fields: [], retired: ['a'] } as const
        reports.retire({ ref, change: 'x' } as never, [{ ...about, verifiers: { before: ['a'], after: [] } }])
        live.applied(ref, { rejected: [], others: [] } as never)
        reports.applied(0)
      }
    },
  },
]

describe('what is kept by a key from outside', () => {
  for (const [process, units] of Object.entries({ server, operator, agent })) {
    for (const { what, inputs, most, make } of units) {
      it(`${process}: ${what}: ${inputs} of them are at most ${most} entries`, async () => {
        const largest = await largestCollection(async () => {
          const feed = make()
          for (let index = 0; index < inputs; index++) {
            const fed = feed(index)
            if (fed instanceof Promise) await fed
          }
        })
        // one may come before another goes
        expect(largest)
          .to.be.greaterThan(0)
          .and.at.most(most + 2)
      })
    }
  }

  it('is seen when it grows', async () => {
    const largest = await largestCollection(() => {
      const known = new Set<number>()
      for (let index = 0; index < 5_000; index++) known.add(index)
    })
    expect(largest).to.equal(5_000)
  })
})

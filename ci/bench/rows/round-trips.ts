import { basic, send } from '@nauthera/harness/browser'
import { fetchCode, introspect, redeem, refresh, tokensOf } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import { startValkey } from '@nauthera/local/programs/valkey'
import { measurement } from '../../report.ts'
import type { Measurement } from '../../report.ts'

/** What each flow costs in PostgreSQL; batched audit rows are not counted. */
export async function measureRoundTrips(): Promise<Measurement[]> {
  return [...(await measureWithout()), ...(await measureWithCache())]
}

async function measureWithout(): Promise<Measurement[]> {
  const replicas = await startReplicas()
  try {
    await replicas.serve([entry('app.web', configs.web), entry('app.machine', configs.machine)])
    await addPerson(replicas, 'ada')
    const { store } = replicas.apps[0]!
    const cost = async <T>(work: () => Promise<T>) => {
      const before = store.database.counters()
      const result = await work()
      const after = store.database.counters()
      return { result, trips: after.roundTrips - before.roundTrips, commits: after.commits - before.commits }
    }
    const signIn = await cost(async () => tokensOf(await redeem(replicas, await fetchCode(replicas))))
    const refreshed = await cost(async () => tokensOf(await refresh(replicas, signIn.result.refresh)))
    const introspected = await cost(() => introspect(replicas, refreshed.result.access))
    const userinfo = await cost(() =>
      send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${refreshed.result.access}` } }),
    )
    const machine = await cost(() =>
      send(replicas, {
        path: '/token',
        form: { grant_type: 'client_credentials' },
        headers: basic('app.machine', clientSecret),
      }),
    )
    const discovery = await cost(() => send(replicas, { path: '/.well-known/openid-configuration' }))
    const jwks = await cost(() => send(replicas, { path: '/jwks' }))
    return [
      trips('sign-in-with-code', signIn.trips, 6),
      measurement({ name: 'commits.sign-in-with-code', value: signIn.commits, unit: 'commits', target: 3 }),
      trips('refresh', refreshed.trips, 2),
      trips('introspection', introspected.trips, 1),
      trips('userinfo', userinfo.trips, 1),
      trips('client-credentials', machine.trips, 0),
      trips('discovery', discovery.trips, 0),
      trips('jwks', jwks.trips, 0),
    ]
  } finally {
    await replicas.stop()
  }
}

/** Introspection and userinfo of a token that a replica has looked at just before. */
async function measureWithCache(): Promise<Measurement[]> {
  const valkey = await startValkey()
  const replicas = await startReplicas({ cache: { url: valkey.url } })
  try {
    await replicas.serve([entry('app.web', configs.web)])
    await addPerson(replicas, 'ada')
    const { access } = tokensOf(await redeem(replicas, await fetchCode(replicas)))
    const looks = {
      introspection: () => introspect(replicas, access),
      userinfo: () => send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${access}` } }),
    }
    await looks.introspection()
    const { store } = replicas.apps[0]!
    const measured: Measurement[] = []
    for (const [flow, look] of Object.entries(looks)) {
      const before = store.database.counters().roundTrips
      await look()
      measured.push(trips(`${flow}-with-cache`, store.database.counters().roundTrips - before, 0))
    }
    return measured
  } finally {
    await replicas.stop()
    await valkey.stop()
  }
}

const trips = (flow: string, value: number, target: number): Measurement =>
  measurement({ name: `round-trips.${flow}`, value, unit: 'round trips', target })

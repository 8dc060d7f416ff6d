import { expect } from 'chai'
import { Browser } from '@nauthera/harness/browser'
import type { Answer } from '@nauthera/harness/browser'
import { fetchCode } from '@nauthera/harness/flows'
import { addPerson, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { accessTokenType, exchangeGrant, startServedCluster } from './support/served-cluster.ts'
import type { ServedCluster } from './support/served-cluster.ts'

// What is taken from a caller at an API ends everywhere: at the next token, at introspection of an older one, at a refresh and at an exchange,
// on each of three replicas. Each tightening has an API and callers of its own, and all of them are in one cluster.

type Spec = Record<string, unknown>

/** The namespaces, clients and identifiers of one tightening. */
interface Place {
  readonly owner: string
  readonly callers: string
  readonly billing: string
  readonly orders: string
}

/** billing is the API that is tightened; the other three call it: a machine, an application, and an API that exchanges tokens. */
const specs = ({ callers, billing, orders }: Place) => ({
  billing: {
    type: 'M2M',
    resourceServer: {
      identifier: billing,
      scopes: [{ name: 'read' }, { name: 'write' }],
      access: [{ namespaces: [callers] }],
    } as Spec,
  },
  orders: {
    type: 'M2M',
    grantTypes: ['client_credentials', 'token_exchange'],
    resourceServer: { identifier: orders, scopes: [{ name: 'take' }] },
    audiences: [billing],
    scopes: ['read', 'write'],
  },
  machine: { type: 'M2M', audiences: [billing, orders], scopes: ['read', 'write', 'take'] },
  app: {
    type: 'Web',
    consent: 'Skip',
    redirectURIs: [redirectUri],
    audiences: [billing, orders],
    scopes: ['openid', 'read', 'write', 'take'],
  },
})

interface Tightening {
  readonly leaves: 'nothing' | 'read' | 'all'
  readonly tighten: (served: ServedCluster, place: Place) => Promise<unknown>
}

const applyApi = (served: ServedCluster, place: Place, change: (resourceServer: Spec) => Spec, more: Spec = {}) => {
  const { billing } = specs(place)
  const resourceServer = change(billing.resourceServer)
  return served.cluster.apply('billing', { ...billing, ...more, resourceServer }, { namespace: place.owner })
}
const applyCallers = async (served: ServedCluster, place: Place, change: (spec: Spec) => Spec) => {
  const { billing: _api, ...callers } = specs(place)
  for (const [name, spec] of Object.entries(callers))
    await served.cluster.apply(name, change(spec), { namespace: place.callers })
}
const without = (spec: Spec, field: string, word: string): Spec => ({
  ...spec,
  [field]: (spec[field] as string[]).filter((one) => one !== word),
})
const policy = async (served: ServedCluster, namespace: string, spec: object) =>
  served.putPolicy(`of-${namespace}`, { selector: { namespaces: { matchLabels: { name: namespace } } }, ...spec })

const forbidden = { allow: { resourceServer: false } }

const tightenings: Readonly<Record<string, Tightening>> = {
  'a policy with Audit forbids the API': {
    leaves: 'all',
    tighten: (served, { owner }) => policy(served, owner, { enforcement: 'Audit', ...forbidden }),
  },
  'a policy with Warn forbids the API': {
    leaves: 'all',
    tighten: (served, { owner }) => policy(served, owner, { enforcement: 'Warn', ...forbidden }),
  },
  'a policy forbids the API, within its grace': {
    leaves: 'all',
    tighten: (served, { owner }) => policy(served, owner, { grace: '1h', ...forbidden }),
  },
  'the API is suspended': {
    leaves: 'nothing',
    tighten: (served, place) => applyApi(served, place, (api) => api, { suspended: true }),
  },
  'the API is deleted': {
    leaves: 'nothing',
    tighten: (served, { owner }) => served.cluster.remove('billing', owner),
  },
  'the entry of its access is removed': {
    leaves: 'nothing',
    tighten: (served, place) => applyApi(served, place, (api) => ({ ...api, access: [] })),
  },
  'a scope of that entry is removed': {
    leaves: 'read',
    tighten: (served, place) =>
      applyApi(served, place, (api) => ({ ...api, access: [{ namespaces: [place.callers], scopes: ['read'] }] })),
  },
  'a scope of the API is removed': {
    leaves: 'read',
    tighten: (served, place) => applyApi(served, place, (api) => ({ ...api, scopes: [{ name: 'read' }] })),
  },
  'a policy forbids the API': {
    leaves: 'nothing',
    tighten: (served, { owner }) => policy(served, owner, { grace: '0s', ...forbidden }),
  },
  'a policy forbids the API, and that of its callers lists the audience': {
    leaves: 'nothing',
    tighten: async (served, { owner, callers }) => {
      await policy(served, callers, { allow: { audiences: ['https://*'] } })
      await policy(served, owner, { grace: '0s', ...forbidden })
    },
  },
  'a policy leaves a scope out, within the grace of its callers': {
    leaves: 'read',
    tighten: (served, { callers }) =>
      policy(served, callers, { grace: '1h', allow: { scopes: ['openid', 'read', 'take'] } }),
  },
  'the callers no longer list the audience': {
    leaves: 'nothing',
    tighten: (served, place) => applyCallers(served, place, (spec) => without(spec, 'audiences', place.billing)),
  },
  'the callers no longer list a scope': {
    leaves: 'read',
    tighten: (served, place) => applyCallers(served, place, (spec) => without(spec, 'scopes', 'write')),
  },
}

const places = Object.keys(tightenings).map((_, index): Place => ({
  owner: `owner${index}`,
  callers: `callers${index}`,
  billing: `https://billing${index}.example.com`,
  orders: `https://orders${index}.example.com`,
}))

/** What the callers got before, for each replica another: a refresh token is used once. */
interface Earlier {
  readonly access: string
  readonly refresh: string
  readonly received: string
}

const replicaNumbers = [0, 1, 2]

describe('T13 K18 what is taken from a caller at an API', () => {
  let replicas: ServerReplicas
  let served: ServedCluster
  const earlier = new Map<Place, readonly Earlier[]>()

  const form = (place: Place, scope?: string): Record<string, string> => ({
    resource: place.billing,
    ...(scope === undefined ? {} : { scope }),
  })
  const asMachine = (place: Place, replica: number, scope?: string) =>
    served.ask(
      `${place.callers}.machine`,
      '/token',
      { grant_type: 'client_credentials', ...form(place, scope) },
      replica,
    )
  const asApp = (place: Place, replica: number, grant: Record<string, string>) =>
    served.ask(`${place.callers}.app`, '/token', grant, replica)
  const exchanged = (place: Place, received: string, replica: number, scope: string) =>
    served.ask(
      `${place.callers}.orders`,
      '/token',
      {
        grant_type: exchangeGrant,
        subject_token: received,
        subject_token_type: accessTokenType,
        ...form(place, scope),
      },
      replica,
    )
  const tokens = (answer: Answer): Record<string, string> => {
    expect(answer.status, answer.body).to.equal(200)
    return answer.json() as Record<string, string>
  }

  /** A person signs in to the application for one API. */
  const signIn = async (place: Place, browser: Browser, resource: string, scope: string) => {
    const parameters = { client_id: `${place.callers}.app`, resource, scope }
    const { value: code, proof } = await fetchCode(replicas, { browser, parameters })
    const form = { code, redirect_uri: redirectUri, code_verifier: proof.verifier, resource }
    return tokens(await asApp(place, 0, { grant_type: 'authorization_code', ...form }))
  }
  const getAll = async (place: Place, replica: number, browser: Browser): Promise<Earlier> => ({
    access: tokens(await asMachine(place, replica))['access_token']!,
    refresh: (await signIn(place, browser, place.billing, 'openid read write'))['refresh_token']!,
    received: (await signIn(place, browser, place.orders, 'openid take'))['access_token']!,
  })
  const expected = { nothing: '', read: 'read', all: 'read,write' }
  const isObeyed = (place: Place, leaves: Tightening['leaves']): boolean =>
    ['machine', 'app', 'orders'].every((name) =>
      served.servedBy(`${place.callers}.${name}`).every((client) => {
        const { audiences, scopes } = client!.config
        const granted = client!.granted!.find(({ identifier }) => identifier === place.billing)
        const left = audiences.includes(place.billing) ? granted?.scopes.filter((one) => scopes.includes(one)) : []
        return (left ?? []).join() === expected[leaves]
      }),
    )

  before(async () => {
    replicas = await startReplicas({ count: 3 })
    await addPerson(replicas, 'ada')
    served = await startServedCluster(replicas)
    const { cluster, operator } = served
    for (const { owner, callers } of places) for (const name of [owner, callers]) served.putNamespace(name, { name })
    for (const place of places) {
      await applyApi(served, place, (api) => api)
      await applyCallers(served, place, (spec) => spec)
    }
    operator.clock.leap(3_000)
    const isReady = (name: string, namespace: string) =>
      cluster.condition(name, 'Ready', namespace)?.status === 'True' &&
      served.servedBy(`${namespace}.${name}`).every((client) => (client?.verifiers.length ?? 0) > 0)
    await cluster.until(
      () =>
        places.every(
          (place) =>
            ['machine', 'app', 'orders'].every((name) => isReady(name, place.callers)) && isObeyed(place, 'all'),
        ),
      'all callers are Ready, and served',
    )
    const browser = new Browser(replicas)
    for (const place of places) {
      const got: Earlier[] = []
      for (const replica of replicaNumbers) got.push(await getAll(place, replica, browser))
      earlier.set(place, got)
    }
    operator.clock.leap(2_000)
    for (const [at, { tighten }] of Object.values(tightenings).entries()) await tighten(served, places[at]!)
    // ten seconds, and two of them are over by this leap
    operator.clock.leap(2_000)
    // what changes nothing has been looked at all the same
    const isSeen = ({ owner }: Place) => cluster.client('billing', owner)?.status?.policies?.includes(`of-${owner}`)
    const open = () =>
      Object.entries(tightenings).flatMap(([name, { leaves }], at) =>
        isObeyed(places[at]!, leaves) && (leaves !== 'all' || isSeen(places[at]!)) ? [] : [name],
      )
    await cluster
      .until(() => open().length === 0, 'all replicas obey', 8_000)
      .catch((error: unknown) => {
        throw new Error(`not obeyed: ${open().join('; ')}`, { cause: error })
      })
  })
  after(async () => {
    await served.stop()
    await replicas.stop()
  })

  /** @param asked what comes for the scopes that are asked for */
  const expectLess = async (leaves: Tightening['leaves'], asked: (scope: string) => Promise<Answer>) => {
    const errorOf = async (scope: string) => {
      const answer = await asked(scope)
      return [answer.status, answer.json()['error']]
    }
    if (leaves === 'nothing') return expect(await errorOf('read')).to.deep.equal([400, 'invalid_target'])
    if (leaves === 'all') return expect(tokens(await asked('read write'))['scope']).to.equal('read write')
    expect(await errorOf('read write')).to.deep.equal([400, 'invalid_scope'])
    return expect(tokens(await asked('read'))['scope']).to.equal('read')
  }

  for (const [at, [name, { leaves }]] of Object.entries(tightenings).entries()) {
    const place = places[at]!
    describe(`when ${name}`, () => {
      for (const replica of replicaNumbers) {
        const of = () => earlier.get(place)![replica]!

        it(`a machine gets ${leaves} from replica ${replica}`, () =>
          expectLess(leaves, (scope) => asMachine(place, replica, scope)))

        it(`an older token is worth ${leaves} at replica ${replica}`, async () => {
          const client = `${place.callers}.machine`
          const said = (await served.ask(client, '/introspect', { token: of().access }, replica)).json()
          if (leaves === 'nothing') expect(said).to.deep.equal({ active: false })
          else expect(said).to.include({ active: true, aud: place.billing, scope: expected[leaves].replace(',', ' ') })
        })

        it(`a refresh gives ${leaves} at replica ${replica}`, () =>
          expectLess(leaves, (scope) =>
            asApp(place, replica, { grant_type: 'refresh_token', refresh_token: of().refresh, ...form(place, scope) }),
          ))

        it(`an exchange gives ${leaves} at replica ${replica}`, () =>
          expectLess(leaves, (scope) => exchanged(place, of().received, replica, scope)))
      }
    })
  }
})

// Sets of clients, APIs and policies whose names meet often. Two teams: shop has the API pay, web has the API box, which calls pay itself; two
// more callers are the application app of web and the machine job of shop.
import fc from 'fast-check'
import { redirectUri } from '@nauthera/harness/server'

export type CallerName = 'app' | 'job' | 'box'
export type ClientName = CallerName | 'pay'
type Team = 'shop' | 'web'

export interface WorldEntry {
  readonly namespaces?: readonly string[]
  readonly namespaceSelector?: { readonly matchLabels: Readonly<Record<string, string>> }
  readonly clientIds?: readonly string[]
  readonly scopes?: readonly string[]
  readonly authorizationDetailsTypes?: readonly string[]
}
export interface Policy {
  readonly selector: { readonly namespaces: { readonly matchLabels: Readonly<Record<string, string>> } }
  readonly enforcement?: 'Deny' | 'Warn' | 'Audit'
  readonly grace?: string
  readonly allow: {
    readonly scopes?: readonly string[]
    readonly audiences?: readonly string[]
    readonly authorizationDetailsTypes?: readonly string[]
    readonly resourceIdentifiers?: readonly string[]
    readonly resourceServer?: boolean
    readonly tokenExchange?: boolean
  }
}
interface Caller {
  readonly audiences: readonly string[]
  readonly scopes: readonly string[]
  readonly authorizationDetailsTypes: readonly string[]
}
export interface Api {
  readonly scopes: readonly string[]
  readonly types: readonly string[]
  readonly access: readonly WorldEntry[] | undefined
}
export interface AccessWorld {
  /** Its number, which is in all names. */
  readonly at: number
  readonly teams: Readonly<Record<Team, Readonly<Record<string, string>>>>
  /** Undefined: no object declares the identifier. */
  readonly apis: { readonly pay: Api | undefined; readonly box: Api }
  readonly callers: Readonly<Record<CallerName, Caller>>
  readonly policies: readonly Policy[]
  readonly suspended: readonly ClientName[]
  /** Whose spec breaks a rule. */
  readonly invalid: readonly ClientName[]
}

const teamOf: Readonly<Record<string, Team>> = { app: 'web', box: 'web', job: 'shop', pay: 'shop' }

export const namespaceOf = ({ at }: Pick<AccessWorld, 'at'>, name: string): string => `${teamOf[name]!}${at}`

/** `other` is declared by nobody. */
export const identifiersOf = ({ at }: Pick<AccessWorld, 'at'>) => ({
  pay: `https://pay${at}.example.com`,
  box: `https://box${at}.example.com`,
  other: `https://other${at}.example.com`,
})

const never = { interval: '720h', window: { schedule: '0 0 30 2 *', duration: '1h' } }

/** @returns the objects of a world as somebody would apply them */
export function clientsOf(
  world: AccessWorld,
): { name: ClientName; namespace: string; spec: Record<string, unknown> }[] {
  const { apis, callers } = world
  const resourceServer = (identifier: string, { scopes, types, access }: Api) => ({
    identifier,
    scopes: scopes.map((name) => ({ name })),
    ...(access ? { access } : {}),
    ...(types.length > 0
      ? { authorizationDetails: types.map((type) => ({ type, title: `Use ${type}`, remember: true })) }
      : {}),
  })
  const { pay, box } = identifiersOf(world)
  const specs: Record<ClientName, Record<string, unknown> | undefined> = {
    pay: apis.pay && { type: 'M2M', resourceServer: resourceServer(pay, apis.pay) },
    box: {
      type: 'M2M',
      grantTypes: ['client_credentials', 'token_exchange'],
      resourceServer: resourceServer(box, apis.box),
      ...callers.box,
    },
    job: { type: 'M2M', ...callers.job },
    app: { type: 'Web', redirectURIs: [redirectUri], consent: 'Skip', ...callers.app },
  }
  return (Object.keys(specs) as ClientName[]).flatMap((name) => {
    const spec = specs[name]
    if (!spec) return []
    const more = {
      ...(world.suspended.includes(name) ? { suspended: true } : {}),
      ...(world.invalid.includes(name) ? { rotation: never } : {}),
    }
    return [{ name, namespace: namespaceOf(world, name), spec: { ...spec, ...more } }]
  })
}

const words = ['read', 'write', 'admin']
const types = ['payment', 'statement']
const some = <T>(of: readonly T[]) => fc.subarray([...of])
/** All of them, half of the time: else nearly everything is refused. */
const most = <T>(of: readonly T[]): fc.Arbitrary<T[]> => fc.oneof(fc.constant<T[]>([...of]), some(of))
/** The schema takes no empty list there. */
const any = <T>(of: readonly T[]) => fc.subarray([...of], { minLength: 1 })
const seldom = <T>(of: fc.Arbitrary<T>, weight = 4): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: of })
/** Left out where it is undefined. */
const present = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T

function worldAt(at: number): fc.Arbitrary<AccessWorld> {
  const ids = Object.values(identifiersOf({ at }))
  const entry = fc
    .record({
      namespaces: seldom(any([`shop${at}`, `web${at}`, '*']), 1),
      namespaceSelector: seldom(fc.constantFrom({ matchLabels: { team: 'web' } }, { matchLabels: { team: 'else' } })),
      clientIds: seldom(any(['app', 'job', 'box'].map((name) => `${namespaceOf({ at }, name)}.${name}`))),
      scopes: seldom(most(words), 2),
      authorizationDetailsTypes: seldom(most(types), 2),
    })
    .map((one) => ({
      ...(one.namespaceSelector || one.clientIds ? {} : { namespaces: ['*'] }),
      ...(present(one) as WorldEntry),
    }))
  const api: fc.Arbitrary<Api> = fc
    .record({
      scopes: most(words),
      types: any(types),
      access: fc.option(fc.array(entry, { minLength: 1, maxLength: 2 }), { nil: undefined, freq: 3 }),
    })
    .map((one) => ({ ...one, access: one.access?.map((each) => within(each, one)) }))
  const caller = (own: readonly string[]) =>
    fc.record({
      audiences: most(ids),
      scopes: most(words).map((more) => [...own, ...more]),
      authorizationDetailsTypes: most(types),
    })
  const policy = fc
    .record({
      team: fc.constantFrom('shop', 'web', undefined),
      enforcement: fc.constantFrom('Deny', 'Deny', undefined, 'Warn', 'Audit'),
      grace: fc.constantFrom('0s', '1h', undefined),
      allow: fc
        .record({
          scopes: seldom(most([...words, 'openid', 'a*'])),
          audiences: seldom(fc.oneof(fc.constant(['https://*']), most(ids)), 2),
          authorizationDetailsTypes: seldom(most([...types, 'pay*'])),
          resourceIdentifiers: seldom(most(ids)),
          resourceServer: seldom(fc.boolean(), 2),
          tokenExchange: seldom(fc.boolean()),
        })
        .map(present),
    })
    .map(({ team, enforcement, grace, allow }) =>
      present({
        selector: { namespaces: { matchLabels: { world: String(at), ...(team ? { team } : {}) } } },
        enforcement,
        grace,
        allow,
      }),
    ) as fc.Arbitrary<Policy>
  const names: readonly ClientName[] = ['pay', 'pay', 'box', 'job', 'app']
  return fc.record({
    at: fc.constant(at),
    teams: fc.constant({ shop: { world: String(at), team: 'shop' }, web: { world: String(at), team: 'web' } }),
    apis: fc.record({ pay: fc.option(api, { nil: undefined, freq: 6 }), box: api }),
    callers: fc.record({ app: caller(['openid']), job: caller([]), box: caller([]) }),
    policies: fc.array(policy, { maxLength: 3 }),
    suspended: seldom(fc.constantFrom(...names)).map((name) => (name ? [name] : [])),
    invalid: seldom(fc.constantFrom(...names)).map((name) => (name ? [name] : [])),
  })
}

/** An entry may list only what the API has: else the object is refused. */
const within = (entry: WorldEntry, api: Omit<Api, 'access'>): WorldEntry => ({
  ...entry,
  ...(entry.scopes ? { scopes: entry.scopes.filter((one) => api.scopes.includes(one)) } : {}),
  ...(entry.authorizationDetailsTypes
    ? { authorizationDetailsTypes: entry.authorizationDetailsTypes.filter((one) => api.types.includes(one)) }
    : {}),
})

export const worlds = (count: number): fc.Arbitrary<readonly AccessWorld[]> =>
  fc.tuple(...Array.from({ length: count }, (_, at) => worldAt(at)))

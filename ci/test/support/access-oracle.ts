// What docs/fields.md says of who may call which API, once more in other words, for clients that are served for the first time. It is written
// from that page alone, and knows nothing of the code that it is compared with.
import { identifiersOf, namespaceOf } from './access-worlds.ts'
import type { Api, CallerName, ClientName, WorldEntry, Policy, AccessWorld } from './access-worlds.ts'

/** `api:*` allows every one that begins with `api:`. */
const lists = (listed: readonly string[] | undefined, value: string): boolean =>
  listed === undefined ||
  listed.some((one) => one === value || (one.endsWith('*') && value.startsWith(one.slice(0, -1))))

const fits = (wanted: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value)

const labelsOf = (world: AccessWorld, name: string) =>
  namespaceOf(world, name).startsWith('shop') ? world.teams.shop : world.teams.web

/** "Deny refuses it, Warn says so in its conditions, Audit only counts it": Deny is what is usual. */
const denying = (world: AccessWorld, name: string): readonly Policy['allow'][] =>
  world.policies
    .filter(({ enforcement = 'Deny', selector }) =>
      enforcement === 'Deny' ? fits(selector.namespaces.matchLabels, labelsOf(world, name)) : false,
    )
    .map(({ allow }) => allow)

/** Whether it is served: no policy refuses it, and its spec follows the rules. There is no version of before that a grace could keep. */
export function isServed(world: AccessWorld, name: ClientName): boolean {
  if (world.invalid.includes(name)) return false
  const identifier = identifiersOf(world)[name as 'pay' | 'box'] as string | undefined
  const asked = name === 'pay' ? undefined : world.callers[name]
  return denying(world, name).every(
    (allow) =>
      (asked?.scopes ?? []).every((scope) => lists(allow.scopes, scope)) &&
      (asked?.audiences ?? []).every((audience) => lists(allow.audiences, audience)) &&
      (asked?.authorizationDetailsTypes ?? []).every((type) => lists(allow.authorizationDetailsTypes, type)) &&
      (identifier === undefined || (allow.resourceServer !== false && lists(allow.resourceIdentifiers, identifier))) &&
      (name !== 'box' || allow.tokenExchange !== false),
  )
}

/** "suspended: Stops sign-ins and tokens." */
export const standsOf = (world: AccessWorld, name: ClientName): boolean =>
  isServed(world, name) && !world.suspended.includes(name)

/** @returns the entries of the access that let the caller in; without access those of the API's own namespace are let in with all */
function entriesFor(world: AccessWorld, caller: CallerName, owner: ClientName, { access }: Api): readonly WorldEntry[] {
  const namespace = namespaceOf(world, caller)
  if (!access) return namespace === namespaceOf(world, owner) ? [{}] : []
  return access.filter((entry) => {
    const { namespaces, namespaceSelector: selector, clientIds } = entry
    if (!namespaces && !selector && !clientIds) return false
    if (namespaces && !namespaces.includes('*') && !namespaces.includes(namespace)) return false
    if (selector && !fits(selector.matchLabels, labelsOf(world, caller))) return false
    return clientIds === undefined || clientIds.includes(`${namespace}.${caller}`)
  })
}

const nothing = { isGranted: false, scopes: [], types: [] } as const

/** @returns what a token of the caller for the API may carry */
export function mayHave(
  world: AccessWorld,
  caller: CallerName,
  resource: string,
): { readonly isGranted: boolean; readonly scopes: readonly string[]; readonly types: readonly string[] } {
  const { audiences, scopes, authorizationDetailsTypes } = world.callers[caller]
  const policies = denying(world, caller)
  if (!audiences.includes(resource) || policies.some((allow) => !lists(allow.audiences, resource))) return nothing
  const own = scopes.filter((scope) => scope !== 'openid' && policies.every((allow) => lists(allow.scopes, scope)))
  const owner = (['pay', 'box'] as const).find((name) => identifiersOf(world)[name] === resource)
  const api = owner && world.apis[owner]
  if (!api) {
    // "One that no OIDCClient declares needs a policy that lists it in allow.audiences."
    const isListed = policies.some((allow) => allow.audiences && lists(allow.audiences, resource))
    return isListed ? { isGranted: true, scopes: own, types: [] } : nothing
  }
  const entries = standsOf(world, owner) ? entriesFor(world, caller, owner, api) : []
  if (entries.length === 0) return nothing
  return {
    isGranted: true,
    scopes: own.filter((scope) => api.scopes.includes(scope) && entries.some((entry) => lists(entry.scopes, scope))),
    types: authorizationDetailsTypes.filter(
      (type) =>
        api.types.includes(type) &&
        entries.some((entry) => lists(entry.authorizationDetailsTypes, type)) &&
        policies.every((allow) => lists(allow.authorizationDetailsTypes, type)),
    ),
  }
}

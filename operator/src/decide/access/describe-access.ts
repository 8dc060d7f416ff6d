// Describes a client's access to APIs for people: each fault, its object, and the remedy.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Fault } from '@nauthera/runtime/coded-error'
import { isBareName } from '../client/policies.ts'
import { ungrantedScopes, ungrantedTypes } from './resolve-access.ts'
import type { ApiAccess } from './resolve-access.ts'

type Refused = Extract<ApiAccess, { kind: 'refused' }>

/** @returns why an audience or a scope of an API is not granted; empty when all are */
export function accessFaults(
  config: Pick<ClientConfig, 'scopes' | 'authorizationDetailsTypes'>,
  access: readonly ApiAccess[],
): readonly Fault[] {
  const refused = access.flatMap((one) =>
    one.kind === 'refused' ? [{ path: 'spec.audiences', message: `${one.identifier} ${refusalText(one)}` }] : [],
  )
  // a missing scope of a refused API has the same cause
  if (refused.length > 0) return refused
  return [
    ...ungrantedScopes(config.scopes, access).map((scope) => ({
      path: 'spec.scopes',
      message: `${scope} ${scopeText(scope, access)}`,
    })),
    ...ungrantedTypes(config.authorizationDetailsTypes, access).map((type) => ({
      path: 'spec.authorizationDetailsTypes',
      message: `${type} ${typeText(type, access)}`,
    })),
  ]
}

/** @returns `https://api.example.com (read, write)` */
export function grantText(access: ApiAccess): string {
  if (access.kind === 'refused') return `${access.identifier} (not granted)`
  if (access.scopes.length + access.types.length > 0)
    return `${access.identifier} (${[...access.scopes, ...access.types].join(', ')})`
  return `${access.identifier} (no scope: spec.scopes of this client has none of the API)`
}

/** @returns why, and what is to be done: `does not let this client in; …` */
export function refusalText({ identifier, why, api = 'that declares it' }: Refused): string {
  switch (why.kind) {
    case 'undeclared':
      if (isBareName(identifier))
        return 'is declared by no OIDCClient that this release watches; create one with this spec.resourceServer.identifier, or correct the identifier'
      return 'is declared by no OIDCClient that this release watches, and no policy lists it in allow.audiences; create an OIDCClient with this spec.resourceServer.identifier, correct the identifier, or ask for such a policy'
    case 'policy':
      return `is not among allow.audiences (policy ${why.policy}); remove it, or ask for it to be added there`
    case 'no-entry':
      return `does not let this client in; OIDCClient ${api} needs an entry in spec.resourceServer.access for its namespace or client id`
    case 'closed':
      return closedText[why.standing](api)
  }
}

const closedText = {
  suspended: (api: string) => `lets nobody in while OIDCClient ${api} is suspended; set spec.suspended there to false`,
  invalid: (api: string) => `lets nobody in while OIDCClient ${api} breaks a rule; see its condition Accepted`,
  denied: (api: string) => `lets nobody in while a policy refuses OIDCClient ${api}; see its condition PolicyCompliant`,
  taken: (api: string) =>
    `lets nobody in while OIDCClient ${api} has a name of another one; see its condition Accepted`,
  left: (api: string) =>
    `lets nobody in while servers still have OIDCClient ${api} under it, whose spec names another identifier now; see its condition Accepted`,
  waiting: (api: string) =>
    `lets nobody in before OIDCClient ${api} is served under it; see its conditions Accepted and Ready`,
} as const

/** @param word a scope or type @returns undefined where no API withholds it */
function withheldText(word: string, access: readonly ApiAccess[]): string | undefined {
  const withholding = access.find((one) => one.kind === 'granted' && one.withheld.includes(word))
  return withholding?.kind === 'granted'
    ? `is not given to this client; OIDCClient ${withholding.api} needs it in an entry of spec.resourceServer.access for this client`
    : undefined
}

function typeText(type: string, access: readonly ApiAccess[]): string {
  const withheld = withheldText(type, access)
  if (withheld !== undefined) return withheld
  return access.length === 0
    ? 'is a type of an API; add the identifier of that API to spec.audiences, or remove the type'
    : 'is a type of none of the APIs in spec.audiences; remove it, add the API that has it in resourceServer.authorizationDetails, or correct it'
}

function scopeText(scope: string, access: readonly ApiAccess[]): string {
  const withheld = withheldText(scope, access)
  if (withheld !== undefined) return withheld
  return access.length === 0
    ? 'is a scope of an API; add the identifier of that API to spec.audiences, or remove the scope'
    : 'is a scope of none of the APIs in spec.audiences; remove it, add the API that has it, or correct it'
}

// What is well with a client.
import { meaningOf } from '@nauthera/rules/client-types'
import type { OIDCClientStatus } from '../../api/client-status.ts'
import { scopesOf } from '../../api/in-effect.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { agoText } from '../terminal.ts'

/** By subject. @param now epoch milliseconds */
export function factsOf(
  { metadata, spec }: OIDCClient,
  {
    policies = [],
    replicas,
    redirectURIs = [],
    secret,
    verifiers = [],
    identity,
    effective,
    clientId = '',
    issuer = '',
  }: OIDCClientStatus,
  now: number,
): Readonly<Record<string, string>> {
  const apis = effective?.apis?.map(({ identifier }) => identifier) ?? []
  return {
    object: `${spec.type}, generation ${metadata.generation}, client id ${clientId} at ${issuer}`,
    policies: policies.length === 0 ? 'none' : policies.join(', '),
    ...(apis.length > 0 ? { APIs: apis.join(', ') } : {}),
    ...(meaningOf(spec.type).redirects ? { scopes: defaultScopesFact(spec, apis.length) } : {}),
    ...(redirectURIs.length > 0 ? { redirects: redirectURIs.map(redirectFact).join('; ') } : {}),
    ...(secret?.activeId === undefined ? {} : { Secret: secretFact(secret, now) }),
    ...(verifiers.length === 0 ? {} : { 'listed secrets': verifiers.map((one) => listedFact(one, now)).join('; ') }),
    ...(identity === undefined
      ? {}
      : { identity: `${identity.name}, last used ${agoText(Date.parse(identity.lastUsed), now)}` }),
    ...(replicas === undefined ? {} : { servers: `${replicas.loaded} of ${replicas.total} replicas serve it` }),
  }
}

/** What a server gives to a request without a scope (RFC 6749 section 3.3). */
function defaultScopesFact(spec: OIDCClient['spec'], apis: number): string {
  const scopes = scopesOf(spec).filter((scope) => scope !== 'offline_access')
  if (scopes.length === 0) return 'a sign-in that names no scope is refused: the object lists none'
  const ofApis = apis > 1 ? '; those of an API only if it names the API' : ''
  return `a sign-in that names no scope gets ${scopes.join(', ')}${ofApis}`
}

const redirectFact = ({ uri, from, goneSince }: NonNullable<OIDCClientStatus['redirectURIs']>[number]): string =>
  `${uri} from ${from.kind} ${from.name}${goneSince === undefined ? '' : `, gone since ${goneSince}`}`

function secretFact(
  { name, activeId, lastRotated, lastUsed, nextRotation, previous = [] }: NonNullable<OIDCClientStatus['secret']>,
  now: number,
): string {
  const parts = [
    `${name} holds secret ${activeId}`,
    ...(lastRotated === undefined ? [] : [`written ${agoText(Date.parse(lastRotated), now)}`]),
    ...(lastUsed === undefined ? [] : [lastUseFact(Date.parse(lastUsed), now)]),
    ...(nextRotation === undefined ? [] : [`next rotation ${nextRotation}`]),
    ...previous.map((one) => previousFact(one, now)),
  ]
  return parts.join('; ')
}

/** The status tells a use to within a day. */
const lastUseFact = (at: number, now: number): string =>
  now - at < 2 * 86_400_000 ? 'used within the last two days' : `last used ${agoText(at, now)}`

/** The status does not say of an older secret whether it has ended. */
function previousFact(
  { id, expiresAt, lastUsed }: NonNullable<NonNullable<OIDCClientStatus['secret']>['previous']>[number],
  now: number,
): string {
  const hasEnded = expiresAt !== undefined && Date.parse(expiresAt) <= now
  const accepts = `a server may still accept secret ${id}`
  return [
    hasEnded
      ? `secret ${id} ended at ${expiresAt} and a server may still accept it`
      : [accepts, ...(expiresAt === undefined ? [] : [`until ${expiresAt}`])].join(' '),
    lastUsed === undefined ? 'not used' : `last used ${agoText(Date.parse(lastUsed), now)}`,
  ].join(', ')
}

function listedFact(
  { id, notAfter, lastUsed, acceptedByAll }: NonNullable<OIDCClientStatus['verifiers']>[number],
  now: number,
): string {
  return [
    acceptedByAll ? `every replica takes ${id}` : `not every replica takes ${id} yet`,
    ...(notAfter === undefined ? [] : [`until ${notAfter}`]),
    lastUsed === undefined ? 'not used' : `last used ${agoText(Date.parse(lastUsed), now)}`,
  ].join(', ')
}

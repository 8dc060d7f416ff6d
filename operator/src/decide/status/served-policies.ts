// Checks policies against earlier versions that servers still have: policies apply to every served version.
import { parseVersion } from '@nauthera/proto/client-version'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientConfig, ClientVersion, ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { authMethods, secretWays } from '@nauthera/rules/client-authentication'
import type { AuthMethod } from '@nauthera/rules/client-authentication'
import { clientTypes, meaningOf } from '@nauthera/rules/client-types'
import { grantTypes, wireGrant } from '@nauthera/rules/grants'
import { fieldsOf } from '@nauthera/runtime/json'
import type { OIDCClient, OIDCClientSpec } from '../../api/oidc-client.ts'
import { applyDefaults } from '../client/apply-defaults.ts'
import { checkPolicies } from '../client/check-policies.ts'
import type { Violation } from '../client/check-policies.ts'
import { bindingOf } from '../client/policies.ts'
import type { Policies } from '../client/policies.ts'
import { present } from '../client/present.ts'
import type { Standing } from './propagation.ts'

/** @param entry the stored one of this very object
 *  @param about.present the version of the object as it is now; undefined when it is refused
 *  @param about.standing how the stored `desired` stands: once every replica has accepted it none serves another version, and one that is
 *    rejected is served by none
 *  @returns how the other versions in the entry break policies that bind, once each */
export function servedViolations(
  client: OIDCClient,
  entry: ShardEntry | undefined,
  about: { readonly policies: Policies; readonly present: ClientVersion | undefined; readonly standing: Standing },
): readonly Violation[] {
  const binding = bindingOf(about.policies)
  const found = versionsServed(entry, about.standing).flatMap((version) => {
    if (version.config === about.present?.config) return []
    const served = clientOfVersion(version, client, entry!.clientId)
    return served ? checkPolicies(applyDefaults(served, binding).client, binding) : []
  })
  return [...new Map(found.map((one) => [`${one.policy} ${one.field}`, one])).values()]
}

function versionsServed(entry: ShardEntry | undefined, standing: Standing): readonly ClientVersion[] {
  const desired = standing === 'rejected' ? [] : [entry?.desired]
  const accepted = standing === 'accepted' && entry?.desired ? [] : [entry?.accepted]
  return [...desired, ...accepted].filter((version) => version !== undefined)
}

/** The object that a version was rendered from, for policies. Secret and rotation are no part of a version, so those of the present object
 *  count.
 *  @returns undefined for a version of a later operator, which may have a type that this one does not know */
function clientOfVersion(version: ClientVersion, client: OIDCClient, clientId: string): OIDCClient | undefined {
  const config = configIn(version)
  const type = clientTypes.find((one) => one === config?.type)
  if (config === undefined || type === undefined) return undefined
  const { existingSecretRef, verifiers } = fieldsOf(fieldsOf(client.spec)['secret'])
  const { interval, overlap } = fieldsOf(fieldsOf(client.spec)['rotation'])
  const rotation = { ...present({ interval: textOf(interval), overlap: textOf(overlap) }) }
  const spec: OIDCClientSpec = {
    type,
    clientId,
    redirectURIs: config.redirectUris,
    postLogoutRedirectURIs: config.postLogoutRedirectUris,
    grantTypes: grantTypes.filter((grant) => config.grantTypes.includes(wireGrant(grant))),
    scopes: config.scopes,
    audiences: config.audiences,
    authorizationDetailsTypes: config.authorizationDetailsTypes,
    auth: { method: methodOf(config), identities: identitiesOf(config) },
    ...present({ pkce: pkceOf(config, type) }),
    par: config.requirePushedAuthorizationRequests,
    dpop: config.dpopBoundAccessTokens,
    consent: consentOf(config.consent),
    ...(config.resourceServer ? { resourceServer: apiOf(config.resourceServer) } : {}),
    tokens: {
      ...present({
        accessTTL: secondsText(config.accessTokenTtl),
        idTTL: secondsText(config.idTokenTtl),
        refreshTTL: secondsText(config.refreshTokenTtl),
      }),
    },
    rotation,
    // policies ask whether it has these, not what they say
    secret: {
      ...(typeof existingSecretRef === 'object' && existingSecretRef !== null
        ? { existingSecretRef: { name: '', key: '' } }
        : {}),
      ...(Array.isArray(verifiers) ? { verifiers: [] } : {}),
    },
  }
  return { ...client, spec }
}

function configIn(version: ClientVersion): ClientConfig | undefined {
  try {
    return parseVersion(version)
  } catch {
    return undefined
  }
}

/** Maps the ways of a version back to `client_secret` when it has both. */
function methodOf({ tokenEndpointAuthMethod, secretMethods }: ClientConfig): AuthMethod {
  if (secretMethods.length === secretWays.length) return 'client_secret'
  return authMethods.find((method) => method === (secretMethods[0] ?? tokenEndpointAuthMethod)) ?? 'none'
}

function pkceOf(config: ClientConfig, type: OIDCClientSpec['type']): OIDCClientSpec['pkce'] {
  if (!meaningOf(type).redirects) return undefined
  if (!config.pkceRequired) return 'Optional'
  return config.pkceOrNonce ? 'Auto' : 'Required'
}

const identitiesOf = ({ identities }: ClientConfig): NonNullable<NonNullable<OIDCClientSpec['auth']>['identities']> =>
  identities.map(({ serviceAccount, clusterServiceAccount, issuer, subject }) => {
    const account = serviceAccount ?? clusterServiceAccount
    return account ? { serviceAccount: { name: account.name, namespace: account.namespace } } : { issuer, subject }
  })

const apiOf = ({ identifier, accessTokenTtl }: NonNullable<ClientConfig['resourceServer']>) => ({
  identifier,
  tokens: present({ accessTTL: secondsText(accessTokenTtl) }),
})

function consentOf(mode: ConsentMode): NonNullable<OIDCClientSpec['consent']> {
  if (mode === ConsentMode.SKIP) return 'Skip'
  return mode === ConsentMode.EXPLICIT ? 'Explicit' : 'Remember'
}

const secondsText = (seconds: number): string | undefined => (seconds === 0 ? undefined : `${seconds}s`)

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

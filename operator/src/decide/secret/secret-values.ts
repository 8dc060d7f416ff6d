// The values of a client that keys, presets and templates of its Secret are made of.
import { paths } from '@nauthera/rules/endpoints'
import type { Secret } from '@nauthera/runtime/secret'
import type { CanonicalKey } from '../../api/client-secret.ts'
import { scopesOf } from '../../api/in-effect.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import type { TemplateVariable } from './template.ts'

/** The values of a client, by the names that they have in a Secret. */
export type SecretValues = Readonly<
  Record<Exclude<CanonicalKey, 'client_secret' | 'protected_resource_metadata'>, string>
> & {
  readonly client_secret?: string
  readonly protected_resource_metadata?: string
}

/** @param input.client with the defaults of policy applied
 *  @param input.plain the client secret; undefined for a client without one */
export function valuesOf(input: {
  readonly client: OIDCClient
  readonly clientId: string
  readonly issuer: string
  readonly plain: Secret | undefined
}): SecretValues {
  const { spec } = input.client
  return {
    client_id: input.clientId,
    ...(input.plain ? { client_secret: input.plain.reveal() } : {}),
    issuer: input.issuer,
    ...endpointsOf(input.issuer),
    scopes: scopesOf(spec).join(' '),
    redirect_uris: (spec.redirectURIs ?? []).join(' '),
    ...(spec.resourceServer
      ? { protected_resource_metadata: resourceMetadata(spec.resourceServer, input.issuer) }
      : {}),
  }
}

/** The protected resource metadata of an API (RFC 9728 section 2), by which callers find the issuer. The RFC wants an https URL as
 *  `resource`; lenient programs accept a URN. */
function resourceMetadata(
  { identifier, scopes = [], authorizationDetails = [] }: NonNullable<OIDCClient['spec']['resourceServer']>,
  issuer: string,
): string {
  return JSON.stringify({
    resource: identifier,
    authorization_servers: [issuer],
    ...(scopes.length > 0 ? { scopes_supported: scopes.map(({ name }) => name) } : {}),
    bearer_methods_supported: ['header'],
    ...(authorizationDetails.length > 0
      ? { authorization_details_types_supported: authorizationDetails.map(({ type }) => type) }
      : {}),
  })
}

/** @returns the endpoints of an issuer under the paths of the server. */
function endpointsOf(issuer: string) {
  const base = issuer.replace(/\/$/, '')
  return {
    discovery_url: `${base}${paths.discovery}`,
    authorization_endpoint: `${base}${paths.authorization}`,
    token_endpoint: `${base}${paths.token}`,
    userinfo_endpoint: `${base}${paths.userinfo}`,
    jwks_uri: `${base}${paths.jwks}`,
    end_session_endpoint: `${base}${paths.endSession}`,
  } as const
}

/** @returns the same by the names that templates know */
export function variablesOf(client: OIDCClient, values: SecretValues): Readonly<Record<TemplateVariable, string>> {
  return {
    clientId: values.client_id,
    clientSecret: values.client_secret ?? '',
    issuer: values.issuer,
    discoveryUrl: values.discovery_url,
    authorizationEndpoint: values.authorization_endpoint,
    tokenEndpoint: values.token_endpoint,
    userinfoEndpoint: values.userinfo_endpoint,
    jwksUri: values.jwks_uri,
    endSessionEndpoint: values.end_session_endpoint,
    scopes: values.scopes,
    redirectUris: values.redirect_uris,
    namespace: client.metadata.namespace,
    name: client.metadata.name,
  }
}

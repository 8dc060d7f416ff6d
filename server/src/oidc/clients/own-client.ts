// The built-in client of the account pages, so that people sign in for them by the same steps as for any application. It never gets
// tokens: only the session counts. Its code has no grant, and no secret could redeem it.
import { create } from '@bufbuild/protobuf'
import { ClientConfigSchema, ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { renderVersion } from '@nauthera/proto/client-version'
import { paths } from '@nauthera/rules/endpoints'
import { createRegisteredClient } from '../../clients/registered-client.ts'
import type { OidcClient } from './oidc-client.ts'

/** No OIDCClient can have this id: `@` is not allowed in client ids. */
export const ownClientId = '@account'
/** No object can have this UID either. */
export const ownClientUid = '@account'

/** The redirect path of a sign-in for our own pages, below the issuer. */
export const ownCallback = `${paths.account}/callback`

/** @param site.basePath the issuer's path, '' when it has none; @param site.issuer without a slash at the end
 *  @param more parameters of the request; `state` is the page to return to
 *  @returns the URL that starts a sign-in for our own pages */
export function ownSignInPath(site: { basePath: string; issuer: string }, more: Record<string, string>): string {
  const query = new URLSearchParams({
    client_id: ownClientId,
    response_type: 'code',
    scope: 'openid',
    redirect_uri: `${site.issuer}${ownCallback}`,
    ...more,
  })
  return `${site.basePath}${paths.authorization}?${query}`
}

/** @param issuer without a slash at the end; @param name of these pages on the sign-in page */
export function createOwnClient({ issuer, name }: { issuer: string; name: string }): OidcClient {
  const config = create(ClientConfigSchema, {
    generation: 1n,
    type: 'Web',
    clientName: name,
    redirectUris: [`${issuer}${ownCallback}`],
    grantTypes: ['authorization_code'],
    scopes: ['openid'],
    tokenEndpointAuthMethod: 'client_secret_basic',
    profile: 'Standard',
    subjectType: 'public',
    consent: ConsentMode.SKIP,
    clientUri: `${issuer}${paths.account}`,
  })
  return createRegisteredClient({
    clientId: ownClientId,
    uid: ownClientUid,
    namespace: '',
    name: 'account',
    shard: 0,
    // without a verifier no secret matches
    verifiers: [],
    version: renderVersion(config),
    api: undefined,
    granted: [],
  })
}

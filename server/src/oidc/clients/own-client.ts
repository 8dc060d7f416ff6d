import { create } from '@bufbuild/protobuf'
import { ClientConfigSchema, ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { renderVersion } from '@nauthera/proto/client-version'
import { paths } from '@nauthera/rules/endpoints'
import { createRegisteredClient } from '../../clients/registered-client.ts'
import type { OidcClient } from './oidc-client.ts'

// The pages of the account area are a client of this server, and no object of anybody: so people sign in for them as for every
// other application, by the same steps and checks. Nothing is ever issued to it. What counts is the session that such a sign-in
// begins or renews; the code that comes with it has no grant, and no secret exists with which it could be redeemed.

/** No OIDCClient can have this id: `@` is no letter of a client id. */
export const ownClientId = '@account'
/** No object can have this UID either. */
export const ownClientUid = '@account'

/** Where a sign-in for our own pages ends, below the issuer. */
export const ownCallback = `${paths.account}/callback`

/** @param site.basePath the issuer's path, '' when it has none; @param site.issuer without a slash at the end
 *  @param more parameters of the request; `state` is where it leads back to
 *  @returns where a sign-in for our own pages begins */
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

/** @param issuer without a slash at the end; @param name how the sign-in page calls these pages */
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
    // without a verifier no secret is right
    verifiers: [],
    version: renderVersion(config),
    api: undefined,
    granted: [],
  })
}

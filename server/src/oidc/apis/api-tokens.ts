// Decides the form of access tokens: by their API (resourceServer.tokens), else by the client.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { fapiAlgorithms } from '@nauthera/rules/algorithms'
import { usualTokenLife } from '@nauthera/rules/limits'
import { isOneOf } from '@nauthera/runtime/json'
import { apisOf } from './apis.ts'
import type { Apis, ApisOf } from './apis.ts'

interface TokenTerms {
  /** Empty for the algorithm of the settings. */
  readonly algorithm: string
  readonly format: 'jwt' | 'opaque'
  readonly seconds: number
}

/** Lifetime of an access token for no API, seconds. */
export const accessTokenLifetime = ({ accessTokenTtl }: Pick<ClientConfig, 'accessTokenTtl'>): number =>
  accessTokenTtl || usualTokenLife.access

export function tokenTermsAt(identifier: string, { config }: ApisOf, apis: Pick<Apis, 'findApi'>): TokenTerms {
  const api = apis.findApi(identifier)?.config.resourceServer
  const wanted = api?.accessTokenSignedResponseAlg ?? ''
  const isStrong = config.profile !== 'FAPI2' || isOneOf(fapiAlgorithms, wanted)
  const format = api?.accessTokenFormat || config.accessTokenFormat
  // never longer than the client and its policies allow
  const bounds = [api?.accessTokenTtl, config.accessTokenTtl, config.accessTokenTtlLimit].flatMap((one) => one || [])
  const isOpen = !api?.accessTokenTtl && config.accessTokenTtl === 0
  return {
    algorithm: (isStrong && wanted) || config.accessTokenSignedResponseAlg,
    format: format === 'opaque' ? 'opaque' : 'jwt',
    seconds: Math.min(...bounds, ...(isOpen ? [usualTokenLife.access] : [])),
  }
}

/** Seconds for which an API may accept a JWT access token of this client after its revocation; 0 without such tokens. */
export function signedTokenLife(client: ApisOf, apis: Pick<Apis, 'findApi'>): number {
  const terms = apisOf(client).map(({ identifier }) => tokenTermsAt(identifier, client, apis))
  return Math.max(0, ...terms.filter(({ format }) => format === 'jwt').map(({ seconds }) => seconds))
}

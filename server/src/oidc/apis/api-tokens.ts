import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { fapiAlgorithms } from '@nauthera/rules/algorithms'
import { usualTokenLife } from '@nauthera/rules/limits'
import { apisOf } from './apis.ts'
import type { Apis, ApisOf } from './apis.ts'

// How access tokens are made: as their API says (resourceServer.tokens), else as the client says that gets them.

interface TokenTerms {
  /** Empty: that of the settings. */
  readonly algorithm: string
  readonly format: 'jwt' | 'opaque'
  readonly seconds: number
}

/** How many seconds an access token of the client lives that is for no API. */
export const accessTokenLifetime = ({ accessTokenTtl }: Pick<ClientConfig, 'accessTokenTtl'>): number =>
  accessTokenTtl || usualTokenLife.access

export function tokenTermsAt(identifier: string, { config }: ApisOf, apis: Apis): TokenTerms {
  const api = apis.findApi(identifier)?.config.resourceServer
  const wanted = api?.accessTokenSignedResponseAlg ?? ''
  const isStrong = config.profile !== 'FAPI2' || (fapiAlgorithms as readonly string[]).includes(wanted)
  const format = api?.accessTokenFormat || config.accessTokenFormat
  // neither the client nor its policies get longer tokens than they want
  const bounds = [api?.accessTokenTtl, config.accessTokenTtl, config.accessTokenTtlLimit].flatMap((one) => one || [])
  const isOpen = !api?.accessTokenTtl && config.accessTokenTtl === 0
  return {
    algorithm: (isStrong && wanted) || config.accessTokenSignedResponseAlg,
    format: format === 'opaque' ? 'opaque' : 'jwt',
    seconds: Math.min(...bounds, ...(isOpen ? [usualTokenLife.access] : [])),
  }
}

/** Seconds for which an API may take a signed access token of this client by itself, whatever has ended since; 0 when the client gets
 *  none. */
export function signedTokenLife(client: ApisOf, apis: Apis): number {
  const terms = apisOf(client).map(({ identifier }) => tokenTermsAt(identifier, client, apis))
  return Math.max(0, ...terms.filter(({ format }) => format === 'jwt').map(({ seconds }) => seconds))
}

// Applies the rules of details.ts to requests and tokens, with protocol errors (RFC 9396).
import { wireGrant } from '@nauthera/rules/grants'
import { uriOfApi } from '../../clients/api-names.ts'
import { judgeDetails, narrowDetails, standingDetails } from '../apis/details.ts'
import type { AskedDetails } from '../apis/details.ts'
import type { Apis, ApisOf } from '../apis/apis.ts'
import type { Detail } from '../apis/detail-type.ts'
import { plain } from '../apis/plain.ts'
import { ProtocolError } from '../protocol-error.ts'
import type { GrantPayload } from './grants.ts'

/** @param grantType of a token request; undefined at the authorization endpoint
 *  @throws ProtocolError invalid_authorization_details, invalid_target */
export function checkDetails(asked: AskedDetails, grantType: string | undefined, client: ApisOf, apis: Apis): void {
  if (grantType === wireGrant('token_exchange')) throw notExchanged()
  if (asked.resources.length === 0) throw noApi(client)
  // at the token endpoint: before a code or refresh token is used up (library/refuse-early), and when a token is made (detailsOfMachine)
  if (grantType === undefined) allowed(judgeDetails(asked, client, apis))
}

const notExchanged = () =>
  new ProtocolError('invalid_authorization_details', {
    description: 'a token that was exchanged has no authorization_details: leave them out',
  })

/** The details in a person's token, among the granted ones.
 *  @param api of the token; undefined for a token for userinfo, which has no details
 *  @throws ProtocolError invalid_authorization_details for more than that */
export function detailsOfToken(
  text: string | undefined,
  grant: Pick<GrantPayload, 'authorizationDetails'> | undefined,
  api: string | undefined,
): readonly Detail[] {
  const granted = api === undefined ? [] : (grant?.authorizationDetails?.[api] ?? [])
  return allowed(narrowDetails(text, granted))
}

/** The details in a machine's token: the requested ones. */
export function detailsOfMachine(
  text: string | undefined,
  api: string | undefined,
  client: ApisOf,
  apis: Apis,
): readonly Detail[] {
  if (text === undefined || api === undefined) return []
  return allowed(judgeDetails({ text, resources: [api] }, client, apis)).map(({ detail }) => detail)
}

/** The details that a token still has now. */
export function standingDetailsOf(
  {
    aud,
    authorizationDetails = [],
  }: { readonly aud?: unknown; readonly authorizationDetails?: readonly Detail[] | undefined },
  client: ApisOf,
  apis: Apis,
): readonly Detail[] | undefined {
  if (typeof aud !== 'string' || authorizationDetails.length === 0) return undefined
  const api = uriOfApi(aud)
  return standingDetails({ [api]: authorizationDetails }, client, apis)[api]
}

function allowed<One>(
  verdict:
    | { readonly kind: 'allowed'; readonly details: readonly One[] }
    | { readonly kind: 'refused'; readonly error: string; readonly description: string },
): readonly One[] {
  if (verdict.kind === 'allowed') return verdict.details
  throw new ProtocolError(verdict.error, { description: verdict.description })
}

/** Where there is no API to name, the details are what is wrong. */
const noApi = ({ config: { audiences } }: ApisOf) =>
  audiences.length === 0
    ? new ProtocolError('invalid_authorization_details', {
        description: 'authorization_details are for an API, and this client has none in spec.audiences',
      })
    : new ProtocolError('invalid_target', {
        description: `authorization_details are for an API: name it in resource (${audiences.slice(0, 10).map(plain).join(', ')})`,
      })

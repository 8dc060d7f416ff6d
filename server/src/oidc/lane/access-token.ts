// Finds the access token of a lane request: active and not bound to a key or certificate.
import { hasShape } from '@nauthera/runtime/json'
import type { SecondFactorPolicy } from '../../users/factors/policy.ts'
import type { UserSources } from '../../users/sources/user-sources.ts'
import type { GrantedAccount } from '../../store/sessions/accounts.ts'
import type { Places } from '../artefacts/place.ts'
import { signedTokenName } from '../artefacts/signed-tokens.ts'
import { standingGrant } from '../artefacts/standing-grant.ts'
import type { StandingGrant } from '../artefacts/standing-grant.ts'
import type { ClientInstances } from '../clients/instances.ts'
import { isDocumentId } from '../clients/metadata-document.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { loadAccountOfArtefact } from '../load-account.ts'
import type { RequestContext } from '../request-context.ts'

export interface TokenNeeds {
  readonly clients: ClientInstances
  readonly places: Places
  readonly users: UserSources
  readonly settings: { readonly secondFactor: SecondFactorPolicy }
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** What a place tells of an access token. */
export interface Token {
  readonly jti: string
  readonly iat: number
  readonly exp: number
  readonly kind: 'AccessToken' | 'ClientCredentials'
  readonly clientId?: string
  readonly accountId?: string
  readonly grantId?: string
  readonly aud?: string
  readonly scope?: string
  readonly sid?: string
  readonly extra?: object
  /** Single claims that the sign-in asked for. */
  readonly claims?: object
  readonly jkt?: string
  readonly 'x5t#S256'?: string
  readonly authorizationDetails?: unknown
}

const shape = { required: { jti: 'string', iat: 'number', exp: 'number', kind: 'string' } } as const
const isToken = (found: unknown): found is Token => hasShape(found, shape)

/** Finds it where the library would.
 *  @param kinds of tokens that are meant
 *  @returns with its client; undefined for a token that is not active, or not an ordinary one */
export async function findToken(
  context: RequestContext,
  text: string,
  kinds: readonly Token['kind'][],
  { places, clients, now }: TokenNeeds,
): Promise<{ readonly token: Token; readonly owner: OidcClient } | undefined> {
  const isSigned = text.includes('.')
  if (isSigned) context.signedToken = text
  const value = isSigned ? signedTokenName : text
  for (const kind of kinds) {
    const token = await places[kind]?.find?.(context, value)
    if (!isToken(token)) continue
    const owner = isDocumentId(token.clientId ?? '') ? undefined : clients.registeredById(token.clientId ?? '')
    return owner && isSimple(token) && token.exp > secondsOf(now()) ? { token, owner } : undefined
  }
  return undefined
}

/** Bound to nothing, and without authorization details, which may have been withdrawn in part. */
const isSimple = ({ jkt, 'x5t#S256': certificate, authorizationDetails }: Token): boolean =>
  jkt === undefined && certificate === undefined && authorizationDetails === undefined

/** Asks for the person and the grant of a token, by the query that the library asks too.
 *  @returns undefined unless both stand */
export async function findGrant(
  context: RequestContext,
  { clientId, accountId }: Token,
  { users, clients, settings, now }: TokenNeeds,
): Promise<{ readonly account: GrantedAccount; readonly grant: StandingGrant } | undefined> {
  const account = await loadAccountOfArtefact(context, users)
  const grant = await standingGrant(account, clients, { artefact: context.artefact, ...settings })
  if (account === undefined || grant === undefined) return undefined
  const { row } = grant
  if (row.clientId !== clientId || row.userId !== accountId) return undefined
  return secondsOf(row.expiresAt.getTime()) > secondsOf(now()) ? { account, grant } : undefined
}

const secondsOf = (milliseconds: number): number => Math.floor(milliseconds / 1000)

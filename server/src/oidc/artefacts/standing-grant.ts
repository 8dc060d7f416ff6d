// Whether a code or token counts now, for its client and person, and what it gives. A statement that gives out tokens at once asks by the
// same terms (store/tokens/what-counts.ts).
import type { GrantedAccount } from '../../store/sessions/accounts.ts'
import type { StoredGrant as GrantRow, GrantOwner } from '../../store/tokens/grants.ts'
import { counts, mayServe } from '../../store/tokens/what-counts.ts'
import type { ClientTerms } from '../../store/tokens/what-counts.ts'
import type { User } from '../../store/people/user.ts'
import type { RequiredFactors, SecondFactorPolicy } from '../../users/factors/policy.ts'
import { acrOfArtefact, isEnough } from '../acr.ts'
import { acrNeeded, allowedGroupsOf } from '../clients/access.ts'
import { personScopes, scopesAt } from '../apis/apis.ts'
import { standingDetails } from '../apis/details.ts'
import type { ClientInstances } from '../clients/instances.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { pairwiseSector } from '../clients/subjects.ts'
import type { RequestContext } from '../request-context.ts'
import { narrowed, personScopesLeft } from './grants.ts'
import type { GrantPayload } from './grants.ts'

/** What is asked of the payload of a code or refresh token. */
interface ShownArtefact {
  readonly scope: string
  readonly amr?: readonly string[]
}

/** What a code or refresh token gives its client now. */
export interface GrantedNow {
  readonly user: User
  readonly scope: string
}

/** The present terms of a client for a code or token with this `acr`.
 *  @returns undefined when the sign-in is not enough */
export function termsOf(
  client: Pick<OidcClient, 'config' | 'uid'>,
  acr: string | undefined,
  rules: RequiredFactors,
): ClientTerms | undefined {
  const { requiredGroups } = rules
  if (!isEnough(acrNeeded(client, [], rules), acr)) return undefined
  const isStrict = requiredGroups.length > 0 && !isEnough(acrNeeded(client, requiredGroups, rules), acr)
  const sector = pairwiseSector(client.config)
  const strictGroups = isStrict ? requiredGroups : []
  return { clientUid: client.uid, sector, allowedGroups: allowedGroupsOf(client), strictGroups }
}

/** What a statement asks before it gives out tokens at once.
 *  @returns undefined where nobody gets them at once: the sign-in is not enough, or the client may not know who the person is */
export function termsAtOnce(
  client: OidcClient,
  source: ShownArtefact,
  { secondFactor }: { readonly secondFactor: SecondFactorPolicy },
): ClientTerms | undefined {
  const mayKnow = source.scope.split(' ').includes('openid') && personScopes(client.config).includes('openid')
  return mayKnow ? termsOf(client, acrOfArtefact({ ...source }), secondFactor) : undefined
}

/** A grant that counts now, with its client. */
export interface StandingGrant {
  readonly row: GrantRow
  readonly client: OidcClient
}

/** What a grant gives: limited to what its client may still have. */
export const payloadNow = ({ row, client }: StandingGrant, clients: ClientInstances): GrantPayload =>
  narrowed(row.payload, {
    person: personScopes(client.config),
    at: (api) => scopesAt(api, client),
    details: (granted) => standingDetails(granted, client, clients),
  })

/** The scopes about the person in it. */
export const personScopesNow = ({ row, client }: StandingGrant): readonly string[] =>
  personScopesLeft(row.payload, personScopes(client.config))

/** Finds the grant that counts now.
 *  @param loaded the person, with the grant
 *  @param by.artefact the presented code or token
 *  @returns undefined unless the person and all clients of the grant still count */
export async function standingGrant(
  loaded: GrantedAccount | undefined,
  clients: ClientInstances,
  by: { readonly artefact: RequestContext['artefact']; readonly secondFactor: SecondFactorPolicy },
): Promise<StandingGrant | undefined> {
  const row = loaded?.grant
  if (!loaded || !row) return undefined
  const owners = [...loaded.grantFrom, row]
  for (const { clientId } of owners) await clients.ensure(clientId)
  const acr = acrOfArtefact(by.artefact)
  const client = ownerOf(owners, clients, (one) => {
    const terms = termsOf(one, acr, by.secondFactor)
    if (terms === undefined) return false
    return one.uid === row.clientUid ? counts(loaded, terms) : mayServe(loaded, terms)
  })
  return client && { row, client }
}

/** @returns what a code or refresh token gives its client now; undefined where the library has to look at it more closely */
export async function judgeGrant(
  account: GrantedAccount | undefined,
  about: { readonly client: OidcClient; readonly source: ShownArtefact },
  {
    clients,
    settings,
  }: { readonly clients: ClientInstances; readonly settings: { readonly secondFactor: SecondFactorPolicy } },
): Promise<GrantedNow | undefined> {
  const { client, source } = about
  const grant = await standingGrant(account, clients, { artefact: { ...source }, ...settings })
  if (account === undefined || grant?.row.clientId !== client.clientId) return undefined
  const asked = source.scope.split(' ')
  const scope = personScopesNow(grant).filter((one) => asked.includes(one))
  return scope.includes('openid') ? { user: account.user, scope: scope.join(' ') } : undefined
}

/** @param owners clients of the grant, after those of the grants that it was exchanged from
 *  @returns the client of the grant; undefined unless each owner is registered, may serve the person, and may call the next one's API */
function ownerOf(
  owners: readonly GrantOwner[],
  clients: ClientInstances,
  mayServe: (client: OidcClient) => boolean,
): OidcClient | undefined {
  let before: OidcClient | undefined
  for (const { clientId, clientUid } of owners) {
    const client = clients.registeredById(clientId)
    if (client?.uid !== clientUid || !mayServe(client)) return undefined
    if (before && scopesAt(client.config.resourceServer?.identifier ?? '', before) === undefined) return undefined
    before = client
  }
  return before
}

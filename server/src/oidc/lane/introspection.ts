import type { UserSources } from '../../users/user-sources.ts'
import type { Places } from '../artefacts/places.ts'
import { standingFor } from '../artefacts/resources.ts'
import { signedTokenName } from '../artefacts/signed-tokens.ts'
import { standingGrant } from '../artefacts/standing-grant.ts'
import type { ClientInstances } from '../clients/instances.ts'
import { isDocumentId } from '../clients/metadata-document.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { createSubjectOf } from '../clients/subjects.ts'
import type { KeySet } from '../keys/key-set.ts'
import { loadAccountOfArtefact } from '../load-account.ts'
import type { RequestContext } from '../request-context.ts'
import { onlyHas, wantsJson } from './plain-request.ts'
import type { PlainForm } from './plain-request.ts'

export interface IntrospectionNeeds {
  readonly issuer: string
  readonly clients: ClientInstances
  readonly places: Places
  readonly users: UserSources
  readonly keys: KeySet
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** What a place tells of an access token. */
interface Token {
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
  readonly jkt?: string
  readonly 'x5t#S256'?: string
  readonly authorizationDetails?: unknown
}

type Answer = (context: RequestContext, form: PlainForm, caller: OidcClient) => Promise<object | undefined>

/** What the lane answers to an introspection: of an access token that is active, bound to nothing, and no secret to the caller.
 *  @returns the function makes the answer; undefined for a request that is the library's, so for every inactive token */
export function createIntrospection(needs: IntrospectionNeeds): Answer {
  const { issuer, clients, now } = needs
  const subjectOf = createSubjectOf(needs.keys.pairwise)
  return async (context, form, caller) => {
    if (!isPlain(context, form)) return undefined
    const token = await findToken(context, form.get('token')!, needs.places)
    if (token === undefined || token.exp <= secondsOf(now())) return undefined
    const { clientId, accountId, aud, exp, iat, jti, sid } = token
    const owner = isDocumentId(clientId ?? '') ? undefined : clients.registeredById(clientId ?? '')
    if (owner === undefined || !isSimple(token)) return undefined
    if (token.grantId !== undefined && !(await isGranted(context, token, needs))) return undefined
    const standing = standingFor(caller, token, clients)
    if (standing === undefined) return undefined
    return {
      active: true,
      ...(accountId !== undefined && { sub: subjectOf(owner, accountId) }),
      ...token.extra,
      client_id: clientId,
      exp,
      iat,
      sid,
      iss: issuer,
      jti,
      aud,
      scope: standing.scope,
      token_type: 'Bearer',
    }
  }
}

function isPlain({ request }: RequestContext, form: PlainForm): boolean {
  const hint = form.get('token_type_hint')
  if (!form.has('token') || (hint !== undefined && hint !== 'access_token')) return false
  return wantsJson(request.headers.accept) && onlyHas(form, ['token', 'token_type_hint'])
}

/** Bound to nothing, and without authorization details, which may have been withdrawn in part. */
const isSimple = ({ jkt, 'x5t#S256': certificate, authorizationDetails }: Token): boolean =>
  jkt === undefined && certificate === undefined && authorizationDetails === undefined

/** Finds it where the library would. */
async function findToken(context: RequestContext, text: string, places: Places): Promise<Token | undefined> {
  const isSigned = text.includes('.')
  if (isSigned) context.signedToken = text
  const value = isSigned ? signedTokenName : text
  const found =
    (await places['AccessToken']?.find?.(context, value)) ?? (await places['ClientCredentials']?.find?.(context, value))
  return found as Token | undefined
}

/** Whether person and grant stand, by the query that the library asks too. */
async function isGranted(
  context: RequestContext,
  { clientId, accountId }: Token,
  { users, clients, now }: IntrospectionNeeds,
): Promise<boolean> {
  const grant = await standingGrant(await loadAccountOfArtefact(context, users), clients)
  if (grant === undefined || grant.row.clientId !== clientId || grant.row.userId !== accountId) return false
  return secondsOf(grant.row.expiresAt.getTime()) > secondsOf(now())
}

const secondsOf = (milliseconds: number): number => Math.floor(milliseconds / 1000)

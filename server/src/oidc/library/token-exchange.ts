// The token exchange grant (RFC 8693).
import { wireGrant } from '@nauthera/rules/grants'
import { isJsonRecord } from '@nauthera/runtime/json'
import { errors } from 'oidc-provider'
import type Provider from 'oidc-provider'
import { signedTokenName } from '../artefacts/signed-tokens.ts'
import { allowedScope } from '../artefacts/resources.ts'
import { judgeExchange, standingScope } from '../apis/asked.ts'
import type { Access } from '../clients/access.ts'
import { accessTokenType, actorOf, readExchange, subjectFault } from '../apis/exchange.ts'
import type { ExchangeFault, ExchangeRequest } from '../apis/exchange.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { plain } from '../apis/plain.ts'
import { loadAccountOfArtefact } from '../load-account.ts'
import { ProtocolError } from '../protocol-error.ts'
import type { ExchangedToken } from '../request-context.ts'
import { accessOfArtefact, findAccount } from './accounts.ts'
import { currentRequest, fromStore } from './current-request.ts'
import type { GrantHandler } from './grant-handlers.ts'
import type { LibraryNeeds } from './needs.ts'
import { clientOf, internalsOf, setParameter } from './shapes.ts'
import type { AccessToken, Context, Internals } from './shapes.ts'

type Needs = Pick<LibraryNeeds, 'users' | 'clients' | 'settings'>

const parameters = [
  'subject_token',
  'subject_token_type',
  'actor_token',
  'actor_token_type',
  'requested_token_type',
  'audience',
  'resource',
  'scope',
]

/** Token exchange (RFC 8693): an API exchanges a received access token for one of another API. This judges the request; the library's
 *  client_credentials grant builds the token, and overrides/exchange-tokens makes it the person's. */
export function registerTokenExchange(provider: Provider, issue: GrantHandler, needs: Needs): void {
  const internals = internalsOf(provider)
  const handle: GrantHandler = async (context) => {
    const client = needs.clients.registered(clientOf(context))
    const read = readExchange(context.oidc.params ?? {})
    if (read.kind === 'refused') throw refused(read)
    const exchange = await judge(needs, internals, context, client, read.request)
    currentRequest().exchange = exchange
    setParameter(context, 'resource', exchange.api)
    setParameter(context, 'scope', exchange.scope)
    await issue(context)
    if (!isJsonRecord(context.body)) throw new TypeError('oidc-provider has no answer to a token exchange')
    Object.assign(context.body, { issued_token_type: accessTokenType })
  }
  provider.registerGrantType(wireGrant('token_exchange'), handle, parameters, ['audience', 'resource'])
}

const refused = ({ description, detail }: ExchangeFault) =>
  new ProtocolError('invalid_request', { description, detail })

const ended = (detail: string, api: string) =>
  refused({
    description: `subject_token is no valid access token for the API ${plain(api)}`,
    detail: `subject token: ${detail}`,
  })

async function judge(
  needs: Needs,
  internals: Internals,
  context: Context,
  client: OidcClient,
  request: ExchangeRequest,
): Promise<ExchangedToken> {
  const api = client.config.resourceServer?.identifier
  if (api === undefined) throw new errors.UnauthorizedClient('only a client that is an API exchanges tokens')
  const token = await findToken(internals, request.subjectToken)
  const fault = subjectFault(token, api)
  if (fault !== undefined || token === undefined) throw refused(fault!)
  await needs.clients.ensure(token.clientId!)
  const owner = needs.clients.registeredById(token.clientId!)
  const standing = owner && standingScope(token, owner)
  if (standing === undefined) throw ended('its client may not call this API any more', api)
  await checkPerson(needs, internals, context, { token, api, client })
  const asked = { scope: request.scope, resources: request.apis }
  const verdict = judgeExchange(asked, standing.scope, client)
  if (verdict.kind === 'refused') {
    allowedScope(verdict)
    throw new TypeError('a refused exchange goes on')
  }
  return {
    subject: {
      clientId: token.clientId!,
      accountId: token.accountId!,
      grantId: token.grantId!,
      sessionUid: token.sessionUid,
      exp: token.exp!,
      jkt: token.jkt,
      certificate: token['x5t#S256'],
    },
    api: verdict.api,
    scope: verdict.scope,
    act: actorOf(client.clientId, token),
    signIn: signInOf(token),
  }
}

function signInOf({ extra: { acr, auth_time } = {} }: AccessToken): ExchangedToken['signIn'] {
  return { ...(acr === undefined ? {} : { acr }), ...(auth_time === undefined ? {} : { auth_time }) }
}

/** Why the person may not use the client that asks. */
const mayNot = (access: Extract<Access, { kind: 'refused' }>): string =>
  access.reason === 'groups'
    ? 'the person of subject_token may not use this client (access.allowedGroups)'
    : `the sign-in behind subject_token is not enough for this client, which wants ${access.values.join(' or ')} (access.requiredAcr, or secondFactor of the server)`

/** The person, their grant and session, as PostgreSQL has them now. */
async function checkPerson(
  needs: Needs,
  internals: Internals,
  context: Context,
  { token, api, client }: { token: AccessToken; api: string; client: OidcClient },
): Promise<void> {
  const grant = await internals.Grant.find(token.grantId!)
  if (grant === undefined) throw ended('its grant, session or person has ended', api)
  if (grant.clientId !== token.clientId || grant.accountId !== token.accountId) throw ended('of another grant', api)
  const loaded = await fromStore(() => loadAccountOfArtefact(currentRequest(), needs.users))
  if (loaded === undefined) throw ended('its grant, session or person has ended', api)
  const access = accessOfArtefact(client, loaded.user, needs.settings)
  if (access.kind === 'refused') throw refused({ description: mayNot(access) })
  const account = await fromStore(() => findAccount(needs, context, { sub: token.accountId!, isOfToken: true }))
  context.oidc.entity('Account', account!)
}

/** @returns also a token of a machine, so that its refusal can say so */
async function findToken(
  { AccessToken, ClientCredentials }: Internals,
  value: string,
): Promise<AccessToken | undefined> {
  const request = currentRequest()
  const isSigned = value.includes('.')
  if (isSigned) request.signedToken = value
  const name = isSigned ? signedTokenName : value
  const token = (await AccessToken.find(name)) ?? (await ClientCredentials.find(name))
  // not as an access token: what the cache has may be 10 s old
  request.artefact = { ...request.artefact, kind: 'SubjectToken' }
  return token?.isValid === true ? token : undefined
}

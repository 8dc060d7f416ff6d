import { errors } from 'oidc-provider'
import { grantPayload, newGrantId } from '../../artefacts/grants.ts'
import { pairwiseSector } from '../../clients/subjects.ts'
import { ProtocolError } from '../../protocol-error.ts'
import type { ExchangedToken } from '../../request-context.ts'
import { currentRequest, fromStore } from '../current-request.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { clientOf, currentContext } from '../shapes.ts'
import type { AccessToken, Internals } from '../shapes.ts'

/** Seconds: some of the tokens have expired by then. */
const tryAgainAfter = 30

type Needs = Pick<OverrideNeeds, 'store' | 'clients' | 'now'>

/** ClientCredentials.prototype.save: in a token exchange (library/token-exchange) it saves a token of the person, with its own grant. The
 *  grant ends with the former one, and the token expires no later than the subject token. */
export function exchangeTokens(library: Pick<Internals, 'AccessToken' | 'ClientCredentials'>, needs: Needs): void {
  replace(
    library.ClientCredentials.prototype,
    'save',
    (original) =>
      async function save(this: AccessToken, ttl) {
        const { exchange } = currentRequest()
        return exchange === undefined ? original.call(this, ttl) : issue(library, this, exchange, needs)
      },
  )
}

/** @param made the machine's token: its key, audience and scope are those of the new one */
async function issue(
  { AccessToken }: Pick<Internals, 'AccessToken'>,
  made: AccessToken,
  { subject, api }: ExchangedToken,
  { store, clients, now }: Needs,
): Promise<string> {
  checkProof(made, subject)
  const context = currentContext()
  const client = clients.registered(clientOf(context))
  const seconds = Math.floor(now() / 1000)
  const expiresIn = Math.min(made.expiration, subject.exp - seconds)
  if (expiresIn <= 0) throw new errors.InvalidRequest('subject_token has expired')
  made.expiresIn = expiresIn
  const grantId = newGrantId()
  const token = new AccessToken({
    accountId: subject.accountId,
    client: clientOf(context),
    grantId,
    gty: 'token_exchange',
    sessionUid: subject.sessionUid,
    scope: made.scope,
    resourceServer: made.resourceServer,
    expiresIn,
    // the library counts from when it saves, which may be a second later
    exp: seconds + expiresIn,
    jkt: made.jkt,
    'x5t#S256': made['x5t#S256'],
  })
  const stored = await fromStore(() =>
    store.grants.insertChild({
      parentId: subject.grantId,
      id: grantId,
      clientUid: client.uid,
      clientId: client.clientId,
      payload: {
        ...grantPayload({ scopes: [], resources: { [api]: [...(made.scope?.split(' ') ?? [])] } }, []),
        sector: pairwiseSector(client.config),
      },
      lifeMs: expiresIn * 1000,
    }),
  )
  if (stored === 'ended') throw new errors.InvalidRequest('the grant of subject_token has ended')
  if (stored === 'too-many') {
    context.set('retry-after', String(tryAgainAfter))
    const description = 'this client got too many tokens of one sign-in: keep each until it expires; try again later'
    throw new ProtocolError('temporarily_unavailable', { description, status: 429 })
  }
  context.oidc.entity('AccessToken', token)
  return token.save()
}

/** @throws errors.InvalidRequest for a bound token that is shown without its proof */
function checkProof(made: AccessToken, { jkt, certificate }: ExchangedToken['subject']): void {
  if (jkt !== undefined && jkt !== made.jkt)
    throw new errors.InvalidRequest('subject_token is bound to a key: the request needs a DPoP proof of that key')
  if (certificate !== undefined && certificate !== made['x5t#S256'])
    throw new errors.InvalidRequest('subject_token is bound to a certificate: the request needs that certificate')
}

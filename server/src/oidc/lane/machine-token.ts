// The lane's client_credentials grant.
import type { SigningAlgorithm } from '@nauthera/rules/algorithms'
import { uriOfApi } from '../../clients/api-names.ts'
import { recordGranted } from '../artefacts/granted-tokens.ts'
import type { GrantEvents } from '../artefacts/granted-tokens.ts'
import { apiTokenOf, defaultResource, scopeOfRequest } from '../artefacts/resources.ts'
import type { ApiToken } from '../artefacts/resources.ts'
import type { ClientInstances } from '../clients/instances.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import type { JwtSigner } from '../keys/jwt-signer.ts'
import { ProtocolError } from '../protocol-error.ts'
import { createIds } from '../keys/random-ids.ts'
import type { RequestContext } from '../request-context.ts'
import { passedOn, recordedAnswer } from './lane-answer.ts'
import type { LaneAnswer } from './lane-answer.ts'
import { isPlainClient, onlyHas } from './plain-request.ts'
import type { PlainForm } from './plain-request.ts'

export interface MachineTokenNeeds {
  readonly issuer: string
  readonly clients: ClientInstances
  readonly signer: JwtSigner
  /** What signs for clients that name no algorithm. */
  readonly algorithm: SigningAlgorithm
  readonly events: GrantEvents
  /** Epoch milliseconds. */
  readonly now: () => number
}

const grant = 'client_credentials'
/** Of a scope (RFC 6749 section 3.3). */
const wellFormed = /^[!#-[\]-~]+(?: [!#-[\]-~]+)*$/

/** What the lane answers to a token request of a client that has proved itself: a JWT for one API, bound to nothing.
 *  Nothing is written before. */
export function createMachineTokens(
  needs: MachineTokenNeeds,
): (context: RequestContext, form: PlainForm, client: OidcClient) => LaneAnswer {
  const { issuer, signer, events, now } = needs
  const nextId = createIds({ bytes: 32, encoding: 'base64url' })
  return (context, form, client) => {
    if (!isPlain(form, client)) return passedOn
    const terms = termsOf(form, client, needs)
    if (terms === undefined) return passedOn
    const { api, scope } = terms
    const iat = Math.floor(now() / 1000)
    const { clientId } = client
    const claims = { jti: nextId(), sub: clientId, iat, exp: iat + api.accessTokenTTL, scope, client_id: clientId }
    const token = signer.sign({ ...claims, iss: issuer, aud: api.audience })
    const body = { access_token: token, expires_in: api.accessTokenTTL, scope, token_type: 'Bearer' }
    return recordedAnswer(body, () => recordGranted(context, { grant, client }, events))
  }
}

const isPlain = (form: PlainForm, client: OidcClient): boolean =>
  form.get('grant_type') === grant &&
  onlyHas(form, ['grant_type', 'scope', 'resource']) &&
  isPlainClient(client, grant) &&
  client.config.subjectType !== 'pairwise'

/** @returns undefined for what is refused, and for a token of another form */
function termsOf(
  form: PlainForm,
  client: OidcClient,
  { clients, algorithm, signer }: MachineTokenNeeds,
): { readonly api: ApiToken; readonly scope: string | undefined } | undefined {
  const asked = form.get('scope')
  if (asked !== undefined && !wellFormed.test(asked)) return undefined
  try {
    const named = form.get('resource')
    const identifier = named === undefined ? defaultResource(client, grant) : uriOfApi(named)
    if (identifier === undefined || !URL.canParse(identifier) || identifier.includes('#')) return undefined
    const allowed = scopeOfRequest({ scope: asked, resources: [identifier] }, grant, client, clients)
    const api = apiTokenOf(identifier, client, { clients, algorithm })
    if (api.accessTokenFormat !== 'jwt' || api.jwt.sign.alg !== signer.algorithm) return undefined
    if (allowed === undefined) return { api, scope: undefined }
    const atApi = api.scope.split(' ')
    const scopes = allowed.split(' ').filter((scope) => atApi.includes(scope))
    return { api, scope: scopes.join(' ') || undefined }
  } catch (error) {
    if (error instanceof ProtocolError) return undefined
    throw error
  }
}

// What is known about the authorization of a request, for what is pure.
import { isRequired } from '../../users/factors/policy.ts'
import type { SecondFactorPolicy } from '../../users/factors/policy.ts'
import { acrValues, neededAcr } from '../acr.ts'
import { acrWanted } from '../clients/access.ts'
import { personScopes } from '../apis/apis.ts'
import { judgeDetails } from '../apis/details.ts'
import type { AskedDetail } from '../apis/details.ts'
import type { ClientInstances } from '../clients/instances.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import type { SubjectOf } from '../clients/subjects.ts'
import { requestedOf, isPrompted, judgeConsent } from '../interaction/consent.ts'
import type { ConsentVerdict } from '../interaction/consent.ts'
import type { AuthorizationState } from '../interaction/what-is-asked.ts'
import { currentRequest } from './current-request.ts'
import { authorizationParams, clientOf, parameterOf, resourcesOf, sessionOf, submissionOf } from './shapes.ts'
import type { Context } from './shapes.ts'

export interface AuthorizationRules {
  readonly secondFactor: SecondFactorPolicy
  readonly subjectOf: SubjectOf
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** What is known about the authorization of this request. */
export function authorizationState(
  context: Context,
  clients: ClientInstances,
  { secondFactor, subjectOf, now }: AuthorizationRules,
): AuthorizationState {
  const { account, entities } = context.oidc
  const client = clients.registered(clientOf(context))
  const sessionAccountId = sessionOf(context)?.accountId
  const signedInAt = sessionOf(context)?.loginTs
  const maxAge = parameterOf(context, 'max_age')
  const groups = currentRequest().loaded?.account?.user.groups ?? []
  return {
    client,
    sessionAccountId,
    sessionSubject: sessionAccountId && subjectOf(client, sessionAccountId),
    hasAccount: account !== undefined,
    uncheckedHint: entities.IdTokenHint === undefined ? parameterOf(context, 'id_token_hint') : undefined,
    acr: sessionOf(context)?.acr,
    neededAcr: () =>
      neededAcr({
        claims: JSON.parse(parameterOf(context, 'claims') ?? '{}'),
        acrValues: parameterOf(context, 'acr_values'),
        ...acrWanted(client, isRequired(secondFactor, groups)),
        reachable: acrValues(secondFactor),
      }),
    signInAge: signedInAt === undefined ? undefined : now() / 1000 - signedInAt,
    maxAge: maxAge === undefined ? undefined : Number(maxAge),
    groups,
    consent: () => consentTo(context, clients),
  }
}

/** Which part of this authorization request the person has allowed. */
export function consentTo(context: Context, clients: ClientInstances): ConsentVerdict {
  const params = authorizationParams(context)
  const client = clients.registered(clientOf(context))
  const { config } = client
  const apis = Object.entries(context.oidc.resourceServers ?? {}).map(
    ([identifier, { scopes }]) => [identifier, scopes] as const,
  )
  return judgeConsent({
    asked: requestedOf(params, Object.fromEntries(apis), personScopes(config), detailsAsked(context, client, clients)),
    mode: config.consent,
    prompted: isPrompted(params),
    stored: currentRequest().loaded?.account?.consent,
    agreed: submissionOf(context)?.consent,
  })
}

/** The authorization details of a request that was judged before (features: apis). */
export function detailsAsked(context: Context, client: OidcClient, clients: ClientInstances): readonly AskedDetail[] {
  const text = parameterOf(context, 'authorization_details')
  if (text === undefined) return []
  const verdict = judgeDetails({ text, resources: resourcesOf(context) }, client, clients)
  return verdict.kind === 'allowed' ? verdict.details : []
}

import { interactionPolicy } from 'oidc-provider'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Consent } from '../../store/consents.ts'
import { accessOf } from '../clients/access.ts'
import type { ClientInstances } from '../clients/instances.ts'
import { allowedOf, askedOf, missingOf, needsConsent } from '../artefacts/grants.ts'
import type { AgreedNow, Asked } from '../artefacts/grants.ts'
import { currentRequest } from '../request-context.ts'

const { Check, Prompt, base } = interactionPolicy

/** When a person is asked something: choose an account, sign in, be told that the account may not, consent. */
export function createInteractionPolicy(needs: { clients: ClientInstances }): interactionPolicy.Prompt[] {
  const { clients } = needs
  const [login] = base()
  login!.checks.add(
    new Check('session_ended', 'the session has ended', 'login_required', (context) => {
      const { session, account } = (context as KoaContextWithOIDC).oidc
      return session?.accountId !== undefined && account === undefined
    }),
  )
  login!.checks.add(
    new Check('id_token_hint_of_another', 'another person than the one asked for', 'login_required', (context) => {
      const { params, entities, session } = (context as KoaContextWithOIDC).oidc
      const hint: unknown = params?.['id_token_hint']
      // the library compares at /auth; after a sign-in it knows the hint no more (Core 3.1.2.2: never another's tokens)
      if (typeof hint !== 'string' || entities.IdTokenHint !== undefined) return false
      return subjectOf(hint) !== session?.accountId
    }),
  )
  const selectAccount = new Prompt({ name: 'select_account', requestable: true })
  const access = new Prompt(
    { name: 'access', requestable: false },
    new Check('not_allowed', 'the account may not use this client', 'access_denied', (context) => {
      const { oidc } = context as KoaContextWithOIDC
      const groups = currentRequest().loaded?.account?.user.groups ?? []
      return accessOf(clients.registered(oidc.client!).config, groups).kind === 'refused'
    }),
  )
  const consent = new Prompt(
    { name: 'consent', requestable: true },
    new Check('not_agreed', 'the person has not agreed to all of this', 'consent_required', (context) => {
      const { config } = clients.registered((context as KoaContextWithOIDC).oidc.client!)
      const { asked, allowed, now } = consentState(context as KoaContextWithOIDC, clients)
      return needsConsent(config, missingOf(asked, allowed), now)
    }),
  )
  return [selectAccount, login!, access, consent]
}

/** What this authorization request asks for, and what of it is allowed. */
export function consentState(
  context: KoaContextWithOIDC,
  clients: ClientInstances,
): { asked: Asked; allowed: Asked; now: AgreedNow | undefined; consent: Consent | undefined } {
  const { oidc } = context
  const asked = askedOf({
    scopes: oidc.requestParamScopes,
    oidcScopes: oidc.requestParamOIDCScopes,
    claims: oidc.requestParamClaims,
    apis: Object.fromEntries(
      Object.entries(oidc.resourceServers ?? {}).map(([identifier, api]) => [identifier, api.scopes]),
    ),
  })
  const now = (oidc.result as { consent?: AgreedNow } | undefined)?.consent
  const consent = currentRequest().loaded?.account?.consent
  const { config } = clients.registered(oidc.client!)
  return { asked, allowed: allowedOf(asked, config, consent, now), now, consent }
}

/** Of an ID token that was verified when its request came in, and lay in an encrypted cookie since. */
function subjectOf(idToken: string): unknown {
  const payload = Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString()
  return (JSON.parse(payload) as { sub?: unknown }).sub
}

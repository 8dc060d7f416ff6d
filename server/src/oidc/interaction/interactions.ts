import type { RegisteredClient } from '../../clients/registry.ts'
import type { ClientOnPage, PersonOnPage, ScopeOnPage } from '../../reply.ts'
import type { Store } from '../../store/store.ts'
import type { LoadedAccount, User } from '../../store/users.ts'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { accessOf } from '../clients/access.ts'
import { fromStore } from '../artefacts/adapter.ts'
import { oidcScopes } from '@nauthera/rules/scopes'
import type { ClientInstances } from '../clients/instances.ts'
import { readCookies, setCookie } from '../cookies.ts'
import type { CookieScope } from '../cookies.ts'
import { allowedOf, askedOf, isNothing, missingOf } from '../artefacts/grants.ts'
import type { AgreedNow, Asked } from '../artefacts/grants.ts'
import type {
  Interaction,
  Interactions,
  Login,
  MissingConsent,
  Progress,
  SessionAccount,
  SignedIn,
} from './interaction.ts'
import type { InteractionCookies, InteractionPayload } from './interaction-cookie.ts'
import { loadAccount } from '../load-account.ts'
import { currentRequest } from '../request-context.ts'
import type { SessionCookies, SessionPayload } from '../session-cookie.ts'
import { resourceServerOf } from '../artefacts/resources.ts'

interface LibraryInteraction {
  readonly prompt: { readonly name: string; readonly reasons: readonly string[] }
  readonly params: Readonly<Record<string, string | undefined>> & { readonly resource?: string | string[] }
  readonly returnTo: string
  readonly session?: { readonly accountId: string; readonly uid: string }
  readonly lastSubmission?: Readonly<Record<string, unknown>>
  readonly exp: number
}

/** An interaction with what only this file needs of it. */
interface OpenInteraction extends Interaction {
  readonly [library]: LibraryInteraction
}
const library = Symbol('the library’s part')

export function createInteractions(needs: {
  cookies: InteractionCookies
  sessions: SessionCookies
  scope: CookieScope
  store: Store
  clients: ClientInstances
  algorithm: string
}): Interactions {
  const { cookies, sessions, scope, store, clients } = needs

  const sessionCookie = (): SessionPayload | undefined =>
    sessions.verify(readCookies(currentRequest().request).get(scope.session) ?? '')

  /** The browser's session, with the account behind it, while both hold. */
  async function sessionOf(interaction: LibraryInteraction, clientUid: string): Promise<SessionAccount | undefined> {
    const session = sessionCookie()
    if (session?.accountId === undefined || session.loginTs === undefined) return undefined
    if (interaction.session && interaction.session.uid !== session.uid) return undefined
    const authTime = new Date(session.loginTs * 1000)
    const ask = {
      userId: session.accountId,
      session: { uid: session.uid, version: session.version ?? 1, authTime },
      clientUid,
    }
    const loaded = await loadAccount(store, ask)
    if (!loaded?.sessionLive) return undefined
    return {
      accountId: session.accountId,
      authTime: session.loginTs,
      amr: session.amr ?? [],
      acr: session.acr,
      person: personOf(loaded.user),
    }
  }

  const accountFor = (interaction: Interaction, account: SignedIn): Promise<LoadedAccount | undefined> => {
    const clientUid = clients.registeredById(interaction.client.clientId)?.uid
    const known = currentRequest().loaded?.account
    // the query for the browser's session has read the same person
    if (
      known?.user.id === account.accountId &&
      (known.consent === undefined || known.consent.clientUid === clientUid)
    ) {
      return Promise.resolve(known)
    }
    return loadAccount(store, { userId: account.accountId, clientUid })
  }

  function askedBy(interaction: LibraryInteraction, client: RegisteredClient<unknown>): Asked {
    const { params } = interaction
    const scopes = (params['scope'] ?? '').split(' ').filter(Boolean)
    const identifiers = [params.resource ?? []].flat()
    const apis = identifiers.map((identifier) => {
      const api = resourceServerOf(identifier, client as never, {
        clients,
        algorithm: needs.algorithm,
        accessTokenTtl: 1,
      })
      return [identifier, api.scope.split(' ')] as const
    })
    return askedOf({
      scopes,
      oidcScopes: scopes.filter((one) => oidcScopes.includes(one)),
      claims: claimsAsked(params['claims']),
      apis: Object.fromEntries(apis),
    })
  }

  return {
    async load(_request, uid) {
      const found = await cookies.read(currentRequest(), uid)
      if (found === undefined) return { kind: 'absent' }
      if (found.kind === 'over') {
        const client = clients.registeredById(found.clientId)
        return { kind: 'over', reason: found.reason, client: client && clientOnPage(client) }
      }
      const payload = found.payload as unknown as LibraryInteraction
      const client = clients.registeredById(String(payload.params['client_id']))
      if (client === undefined) return { kind: 'over', reason: 'expired' }
      const interaction: OpenInteraction = {
        [library]: payload,
        uid,
        client: clientOnPage(client),
        prompt: { name: payload.prompt.name, reasons: payload.prompt.reasons },
        session: await sessionOf(payload, client.uid),
        loginHint: payload.params['login_hint'],
        uiLocales: (payload.params['ui_locales'] ?? '').split(' ').filter(Boolean),
        redirectUri: payload.params['redirect_uri'] ?? '',
        progress: found.progress as Progress,
      }
      return { kind: 'live', interaction }
    },

    save: (_request, interaction, progress) =>
      cookies.writeProgress(currentRequest(), interaction.uid, progress as InteractionPayload),

    async missingConsent(interaction, account): Promise<MissingConsent> {
      const { [library]: payload } = interaction as OpenInteraction
      const client = clients.registeredById(interaction.client.clientId)
      if (client === undefined) return { scopes: [], canRemember: false }
      const mode = client.config.consent
      const canRemember = mode === ConsentMode.REMEMBER
      const asked = askedBy(payload, client)
      const forced = (payload.params['prompt'] ?? '').split(' ').includes('consent') || mode === ConsentMode.EXPLICIT
      if (forced) return { scopes: onPage(asked, clients), canRemember }
      if (mode === ConsentMode.SKIP) return { scopes: [], canRemember: false }
      const loaded = await accountFor(interaction, account)
      const missing = missingOf(asked, allowedOf(asked, client.config, loaded?.consent, undefined))
      return { scopes: isNothing(missing) ? [] : onPage(missing, clients), canRemember }
    },

    async isAllowed(interaction, account) {
      const client = clients.registeredById(interaction.client.clientId)
      if (client === undefined) return false
      if (client.config.allowedGroups.length === 0) return true
      const loaded = await accountFor(interaction, account)
      return loaded !== undefined && accessOf(client.config, loaded.user.groups).kind === 'allowed'
    },

    async finish(_request, interaction, result) {
      const { [library]: payload } = interaction as OpenInteraction
      const request = currentRequest()
      const found = await cookies.read(request, interaction.uid)
      if (found?.kind !== 'live') return { kind: 'spent' }
      if (result.kind === 'refused') {
        const refusal = { error: result.error, error_description: result.description }
        await cookies.write(request, interaction.uid, { ...payload, result: refusal })
        return { kind: 'finished', location: payload.returnTo }
      }
      const { login, consent } = result
      const other = login && (await leaveOtherSession(login.accountId, interaction.session !== undefined))
      const { session: _session, ...withoutSession } = payload
      await cookies.write(request, interaction.uid, {
        ...(other ? withoutSession : payload),
        result: {
          // who signs in anew is bound by nothing that was agreed to in the sign-in before
          ...(login ? { login: loginResult(login) } : payload.lastSubmission),
          select_account: {},
          ...(consent
            ? { consent: agreed(consent, askedBy(payload, clients.registeredById(interaction.client.clientId)!)) }
            : {}),
        },
      })
      return { kind: 'finished', location: payload.returnTo }
    },
  }

  /** Signing in as another person, or after the session was ended elsewhere, begins a session of its own.
   *  @returns whether the browser's session was left */
  async function leaveOtherSession(accountId: string, live: boolean): Promise<boolean> {
    const session = sessionCookie()
    if (session?.accountId === undefined) return true
    if (session.accountId === accountId && live) return false
    const request = currentRequest()
    if (session.accountId !== accountId) {
      await fromStore(async () => {
        await store.devices.endSession(session.uid, [
          {
            event: 'session.ended',
            outcome: 'success',
            reason: 'another account',
            userId: session.accountId,
            address: request.peer.address,
            agent: request.peer.userAgent,
            correlationId: request.correlationId,
          },
        ])
        await store.grants.revokeOfSession(session.uid, { keepOffline: true })
      })
    }
    setCookie(request.response, scope, { name: scope.session, value: '', maxAge: 0 })
    return true
  }
}

function loginResult(login: Login) {
  const { accountId, authTime, amr, acr, remember, attempt, standing } = login
  return {
    accountId,
    ts: authTime,
    amr,
    ...(acr === undefined ? {} : { acr }),
    remember,
    ...(attempt === undefined ? {} : { attempt }),
    ...(standing === undefined ? {} : { standing }),
  }
}

/** What the person saw, limited to what the request asks: a page is no authority. */
function agreed(
  consent: { readonly scopes: readonly ScopeOnPage[]; readonly remember: boolean },
  asked: Asked,
): AgreedNow {
  const scopes = consent.scopes.filter(({ api }) => api === undefined).map(({ scope }) => scope)
  const seen = new Set(consent.scopes.filter(({ api }) => api !== undefined).map(({ scope }) => scope))
  const resources = Object.entries(asked.resources).map(
    ([identifier, wanted]) => [identifier, wanted.filter((scope) => seen.has(scope))] as const,
  )
  return {
    scopes: asked.scopes.filter((scope) => scopes.includes(scope)),
    resources: Object.fromEntries(resources.filter(([, wanted]) => wanted.length > 0)),
    remember: consent.remember,
  }
}

function onPage(asked: Asked, clients: ClientInstances): ScopeOnPage[] {
  const apis = Object.entries(asked.resources).flatMap(([identifier, scopes]) => {
    const api = clients.findApi(identifier)?.config.clientName || identifier
    return scopes.map((scope) => ({ scope, api }))
  })
  return [...asked.scopes.map((scope) => ({ scope })), ...apis]
}

function claimsAsked(text: string | undefined): string[] {
  if (text === undefined) return []
  const { userinfo, id_token } = JSON.parse(text) as { userinfo?: object; id_token?: object }
  return [...Object.keys(userinfo ?? {}), ...Object.keys(id_token ?? {})]
}

export function clientOnPage(client: Pick<RegisteredClient<unknown>, 'clientId' | 'config'>): ClientOnPage {
  const { config } = client
  return {
    clientId: client.clientId,
    name: config.clientName || client.clientId,
    logo: config.logoUri.startsWith('data:') ? config.logoUri : undefined,
    startUrl: config.initiateLoginUri || config.clientUri || undefined,
    policyUrl: config.policyUri || undefined,
    termsUrl: config.tosUri || undefined,
  }
}

const personOf = (user: User): PersonOnPage => ({ username: user.username, name: user.name, locale: user.locale })

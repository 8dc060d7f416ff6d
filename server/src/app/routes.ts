import { createDeskGate } from '../admin/gate.ts'
import { rulesOf } from '../admin/rank.ts'
import { createAdminRoutes } from '../admin/routes.ts'
import { createGate } from '../account/frame/gate.ts'
import type { AccountGate } from '../account/frame/gate.ts'
import type { PageLimits } from '../account/frame/page-limits.ts'
import { createLauncher } from '../account/launcher.ts'
import { createAccountRoutes } from '../account/routes.ts'
import { createSaid } from '../account/frame/said.ts'
import type { Said } from '../account/frame/said.ts'
import { createHomeRoutes } from '../http/pages/home.ts'
import { createDeviceRoutes } from '../login/device-code.ts'
import { createLoginRoutes } from '../login/routes.ts'
import { createAccountRounds } from '../login/upstream/account-round.ts'
import type { Federation } from '../login/upstream/federation.ts'
import { createMailRoutes } from '../mail/routes.ts'
import { cookieScope } from '../oidc/cookies.ts'
import type { Route } from '../reply.ts'
import type { ServerSettings } from '../settings.ts'
import { createPeople } from '../store/people/people.ts'
import type { Store } from '../store/store.ts'
import { createFactorKinds } from '../users/factors/factor-kinds.ts'
import type { FactorKinds } from '../users/factors/factor-kinds.ts'
import { relyingParty } from '../users/factors/passkeys.ts'
import { createLinkRequests } from '../users/links/link-requests.ts'
import type { Passwords } from '../users/passwords/passwords.ts'
import type { UserSources } from '../users/sources/user-sources.ts'
import type { Clients } from './clients.ts'
import { basePathOf, issuerOf } from './needs.ts'
import type { Needs } from './needs.ts'
import type { ProtocolKeys } from './keys.ts'
import type { Protocol } from './protocol.ts'
import type { Site } from './site.ts'

/** Every page, in matching order. */
export function createRoutes(
  needs: Needs,
  on: {
    store: Store
    users: UserSources
    passwords: Passwords
    clients: Clients
    pages: Site
    protocol: Protocol
    federation: Federation
    keys: ProtocolKeys
    limits: PageLimits
  },
): readonly Route[] {
  const { settings, now } = needs
  const { audit } = on.store
  const { interactions, browserSessions, remembered, scope } = on.protocol
  const issuer = new URL(settings.issuer)
  const basePath = basePathOf(settings)
  const { secondFactor, branding, mail, registration } = settings
  const offers = { reset: mail !== undefined, registration: registration.enabled }
  const party = secondFactor.policy === 'off' ? undefined : relyingParty(issuer, branding.title)
  const factorNeeds = {
    ...createFactorKinds({ store: on.store, party, now }),
    secondFactor,
    title: branding.title,
  }
  const signInNeeds = { ...factorNeeds, interactions, users: on.users, federation: on.federation, audit }
  const ways = { ...on.store, ...signInNeeds, remembered, offers }
  const signIn = createLoginRoutes({ ...ways, basePath, issuer: issuerOf(settings), now })
  const { limits } = on
  const gate = createGate({ browserSessions, basePath, issuer: issuerOf(settings), secondFactor, limits, now })
  const said = createSaid(scope)
  const account = accountRoutes(needs, { ...on, gate, said, factorNeeds })
  const admin = createDesk(needs, { ...on, gate, said })
  const homes = createHomeRoutes(basePath, issuerOf(settings))
  return [
    ...signIn,
    ...deviceRoutes(settings, on),
    ...mailRoutes(needs, { ...on, factorNeeds }),
    ...account,
    ...admin,
    ...homes,
  ]
}

function deviceRoutes(
  settings: ServerSettings,
  { store, protocol, pages }: { store: Store; protocol: Protocol; pages: Site },
) {
  const { audit, deviceCodes } = store
  const { interactions, browserSessions } = protocol
  return createDeviceRoutes({
    basePath: basePathOf(settings),
    interactions,
    deviceCodes,
    audit,
    readerOf: (request) => pages.readerOf(browserSessions.shown(request)?.accountId),
    addressesKnown: !settings.allowUntrustedProxy,
  })
}

function mailRoutes(
  { settings, now }: Needs,
  on: {
    store: Store
    users: UserSources
    passwords: Passwords
    pages: Site
    factorNeeds: FactorKinds & Pick<ServerSettings, 'secondFactor'>
  },
) {
  const { store, users, passwords, pages, factorNeeds } = on
  const { mail, registration, allowUntrustedProxy } = settings
  const { mailLinks, loginLinks, factors, audit } = store
  return createMailRoutes({
    ...factorNeeds,
    factors,
    audit,
    loginLinks,
    now,
    basePath: basePathOf(settings),
    scope: cookieScope(new URL(settings.issuer)),
    requests: mail && createLinkRequests({ mailLinks, addressesKnown: !allowUntrustedProxy }),
    registration,
    mailLinks,
    users: store.users,
    sources: users,
    passwords,
    clientOf: pages.clientOf,
  })
}

/** The pages about a person's own account. */
function accountRoutes(
  { settings, now }: Needs,
  on: {
    store: Store
    users: UserSources
    clients: Clients
    pages: Site
    protocol: Protocol
    federation: Federation
    gate: AccountGate
    said: Said
    factorNeeds: FactorKinds & Pick<ServerSettings, 'secondFactor'> & { readonly title: string }
  },
) {
  const { store, users, gate, said, factorNeeds } = on
  const { browserSessions, scope } = on.protocol
  return createAccountRoutes({
    ...factorNeeds,
    gate,
    said,
    store,
    users,
    browserSessions,
    scope,
    factors: store.factors,
    audit: store.audit,
    links: store.upstreamLinks,
    rounds: createAccountRounds(on.federation),
    basePath: basePathOf(settings),
    languages: on.pages.texts.languages,
    clients: on.clients.instances,
    launcher: createLauncher({ registry: on.clients.registry, issuer: issuerOf(settings) }),
    now,
  })
}

/** The pages of the help desk, if the setting is there. */
function createDesk(
  { settings, now }: Needs,
  on: {
    store: Store
    users: UserSources
    clients: Clients
    keys: ProtocolKeys
    pages: Site
    gate: AccountGate
    said: Said
  },
): readonly Route[] {
  const { store, users, clients, keys, gate, said } = on
  if (settings.admin === undefined) return []
  const rules = rulesOf(settings.admin)
  return createAdminRoutes({
    rules,
    notify: settings.admin.notify,
    limits: settings.admin,
    directories: settings.sources.filter(({ type }) => type !== 'postgres').map(({ id }) => id),
    isReserved: users.isReserved,
    store,
    load: users.load,
    canChangePassword: users.canChangePassword,
    languages: on.pages.texts.languages,
    sendsMail: settings.mail !== undefined,
    keys: store.keys,
    people: createPeople(store),
    desk: createDeskGate({ gate, rules, now }),
    registry: () => clients.registry.current(),
    keyRing: keys.ring,
    basePath: basePathOf(settings),
    said,
    now,
  })
}

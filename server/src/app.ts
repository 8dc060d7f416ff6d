import type { Health } from '@nauthera/runtime/health'
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { paths as endpoints } from '@nauthera/rules/endpoints'
import { isLoopback } from '@nauthera/rules/issuer'
import { localesDirectory } from './files.ts'
import { createDeskGate } from './admin/gate.ts'
import { createAdminRoutes } from './admin/routes.ts'
import { endingsOf } from './account/endings.ts'
import { createGate } from './account/gate.ts'
import type { Gate } from './account/gate.ts'
import { createLauncher } from './account/launcher.ts'
import { createAccountRoutes } from './account/routes.ts'
import { createSaid } from './account/said.ts'
import type { Said } from './account/said.ts'
import { createClusterIssuer } from './clients/cluster-issuer.ts'
import type { ClusterIssuer } from './clients/cluster-issuer.ts'
import { createConfigService } from './clients/config-service.ts'
import { createRegistryHolder } from './clients/registry.ts'
import type { RegistryHolder } from './clients/registry.ts'
import { createUnknownKeys } from './clients/unknown-keys.ts'
import { createUsage } from './clients/usage.ts'
import { createAssets } from './http/assets.ts'
import { certificateOf } from './http/client-certificate.ts'
import { createDiscovery } from './http/discovery.ts'
import { languagesIn } from './http/languages.ts'
import { createErrorHandler, createNotFound } from './http/error-page.ts'
import { createFormTokens } from './http/form-guard.ts'
import type { Handler } from './http/handler.ts'
import { createHeaders } from './http/headers.ts'
import { createHomeRoutes } from './http/home.ts'
import { createKeysLoaded } from './http/keys-loaded.ts'
import { createLogos } from './http/logos.ts'
import { createLogoutGuard } from './http/logout-guard.ts'
import { createOptions, protocolPaths } from './http/options.ts'
import { createPageRouter } from './http/page-router.ts'
import { createPages } from './http/pages.ts'
import { peerOf } from './http/peer.ts'
import { createPinHost } from './http/pin-host.ts'
import { createPostByGet } from './http/post-by-get.ts'
import { createProtocolPages } from './http/protocol-pages.ts'
import { correlationIdOf, createRequestLog, createRouteNames, observeLatency } from './http/request-log.ts'
import { createApplication } from './http/application.ts'
import { listen } from './http/server.ts'
import { readTexts } from './http/texts.ts'
import { createUntrustedHeaders } from './http/untrusted-headers.ts'
import { createDeviceRoutes } from './login/device-code.ts'
import { createLoginRoutes } from './login/routes.ts'
import { createAccountRounds } from './login/upstream/account-round.ts'
import { signedInElsewhere } from './login/upstream/federation.ts'
import type { Federation } from './login/upstream/federation.ts'
import { createUpstreams } from './login/upstream/upstreams.ts'
import { createMailRoutes } from './mail/routes.ts'
import { createSendMail } from './mail/send-mail.ts'
import { createSmtp } from './mail/smtp.ts'
import { createBrowserSessions } from './oidc/browser-session.ts'
import { backchannelFailed, createTellLogout } from './oidc/artefacts/back-channel.ts'
import { createLogoutTurns } from './oidc/artefacts/logout-turns.ts'
import { createPlaces } from './oidc/artefacts/places.ts'
import { followAuthorities } from './oidc/certificates/authorities.ts'
import { createCertificateProofs } from './oidc/certificates/certificate-proof.ts'
import { createClientCheck, renderMetadata } from './oidc/clients/mapping.ts'
import { createClientInstances } from './oidc/clients/instances.ts'
import { clientOnPage, logoOf } from './oidc/clients/on-page.ts'
import { createDocuments, longestDocument } from './oidc/clients/documents.ts'
import { createPublishedTypes } from './oidc/clients/published-types.ts'
import { createOwnClient } from './oidc/clients/own-client.ts'
import { cookieScope } from './oidc/cookies.ts'
import { runInRequest } from './oidc/library/current-request.ts'
import { createGenerations } from './oidc/library/generations.ts'
import { createInteractionCookies } from './oidc/interaction/interaction-cookie.ts'
import { createInteractions } from './oidc/interaction/interactions.ts'
import { clientDefaults, keyPolicy } from './oidc/lifetimes.ts'
import type { KeySet } from './oidc/keys/key-set.ts'
import { createKeyFile } from './oidc/keys/key-file.ts'
import { createKeyRing } from './oidc/keys/ring.ts'
import type { ProtocolPages } from './oidc/library/pages.ts'
import { addressRule } from './oidc/outbound/address-rule.ts'
import { createKeySource } from './oidc/outbound/issuer-keys.ts'
import { createJwksFetch } from './oidc/outbound/jwks-fetch.ts'
import { createOutboundFetch } from './oidc/outbound/outbound-fetch.ts'
import { createSectorDocuments } from './oidc/outbound/sector-documents.ts'
import { createPlatformProofs } from './oidc/clients/platform-proof.ts'
import { createGeneration } from './oidc/library/provider.ts'
import { createSealedRequests } from './oidc/artefacts/sealed-requests.ts'
import { createSealer } from './oidc/artefacts/sealed.ts'
import { createSignedTokens } from './oidc/artefacts/signed-tokens.ts'
import { createRememberedAccounts } from './oidc/remembered-accounts.ts'
import { createSessionCookies } from './oidc/session-cookie.ts'
import { createStoreEpoch } from './oidc/artefacts/store-epoch.ts'
import type { Route } from './reply.ts'
import { certificateFiles } from './settings/mutual-tls.ts'
import type { ServerSettings } from './settings.ts'
import type { OutboundPurpose } from './settings/outbound.ts'
import { startInSteps } from './start-in-steps.ts'
import type { QueueLimits } from './store/bounded-queue.ts'
import type { Cache } from './store/cache.ts'
import { cacheConnection } from './store/cache-connection.ts'
import { databaseConnection } from './store/connection.ts'
import { loadKeyRing } from './store/envelope.ts'
import { checkSchema } from './store/migrate.ts'
import { countTries, createOutboxRunner } from './store/outbox-runner.ts'
import { createMemoryCache } from './store/memory-cache.ts'
import { createDatabase } from './store/postgres.ts'
import { createPeople } from './store/people.ts'
import { createStore } from './store/store.ts'
import type { Store } from './store/store.ts'
import { createCeiling } from './users/ceiling.ts'
import { createDirectoryMetrics } from './users/ldap/directory-client.ts'
import { createLdapUsers } from './users/ldap/ldap-users.ts'
import type { LdapUsers } from './users/ldap/ldap-users.ts'
import { createLinkMails } from './users/link-mails.ts'
import { createLinkRequests, createLinkTries } from './users/link-requests.ts'
import { createPasswords } from './users/passwords.ts'
import type { Passwords } from './users/passwords.ts'
import { personOnPage } from './users/person-on-page.ts'
import { createPostgresUsers } from './users/postgres-users.ts'
import { createPasskeyFactors } from './users/factors/passkey-factors.ts'
import { relyingParty } from './users/factors/passkeys.ts'
import { createSecondFactors } from './users/factors/second-factors.ts'
import { createUpstreamPeople } from './users/upstream-people.ts'
import type { UserSource } from './users/user-source.ts'
import { createUserSources } from './users/user-sources.ts'
import type { UserSources } from './users/user-sources.ts'

export interface App {
  readonly port: number
  /** At which TLS asks for a certificate; undefined where the settings have none. */
  readonly certificatePort: number | undefined
  readonly store: Store
  /** The clients that are served. */
  readonly registry: RegistryHolder
  readonly checkClient: ReturnType<typeof createClientCheck>
  /** What signs the tokens of this cluster's ServiceAccounts. */
  readonly clusterIssuer: ClusterIssuer
  /** Resolves once the database has answered and the keys are loaded. */
  readonly loaded: Promise<void>
  /** @param options.lingerMs default 3 s; 0 when no client needs to be told */
  stop(options?: { lingerMs?: number }): Promise<void>
}

interface Needs {
  readonly settings: ServerSettings
  readonly log: Log
  readonly health: Health
  readonly metrics: Metrics
  readonly version: string
  /** Default: as many as the processors check in time. */
  readonly passwordQueue?: QueueLimits | undefined
}

/** Milliseconds. */
const drainFor = 25_000
/** For one request to a provider: more is done there than at a file with keys. */
const upstreamPatience = 5000
/** How many applications are told at once that a session has ended; and how many of one namespace. */
const logoutWidth = 20
const logoutShare = 4
/** How long connections are asked to close before idle ones are closed. */
const lingerFor = 3_000

/** Connects all parts and opens the public port, whether or not the database answers. What needs no database works once the keys have been
 *  read. */
export async function startApp(needs: Needs): Promise<App> {
  const { settings, log, health } = needs
  const cache = await openCache(needs)
  const store = openStore(needs, cache)
  const passwords = createPasswords(needs.passwordQueue)
  const sources = openSources(needs, { store, cache, passwords })
  const users = createUserSources({
    sources: sources.inOrder,
    store,
    ceiling: settings.allowUntrustedProxy ? createCeiling({ now: () => performance.now() }) : undefined,
  })
  const clients = createClients(needs)
  const platforms = createPlatforms(needs)
  const mutualTls = await openMutualTls(needs)
  const keys = createKeys(needs, store)
  const federation = createFederation(needs, store)
  const pages = createSite(needs, { clients, keys, store, federation })
  const protocol = createProtocol(needs, { store, users, clients, platforms, mutualTls, keys, pages: pages.protocol })
  const web = createWeb(needs, { store, users, passwords, clients, pages, protocol, federation, keys })
  const checkClient = createClientCheck({
    clientClass: () => protocol.generations.current().clientClass,
    signing: settings.signing,
    identityIssuers: settings.identityIssuers.filter(({ thisCluster }) => !thisCluster).map(({ issuer }) => issuer),
    mutualTls: mutualTls.proofs ? { authorities: mutualTls.proofs.knowsAuthorities } : 'off',
  })
  const config = createConfig(needs, { store, clients, platforms, checkClient })
  const outbox = createOutboxRunners(needs, { store, users, clients, protocol, knowsAll: config.isComplete })
  const server = await listen({ ...web, listen: settings.listen, tls: settings.tls, log })
  log.info({ issuer: settings.issuer, port: server.port }, 'listening')
  const certificateServer = await listenForCertificates(needs, web)

  let isLoaded = false
  // these stay true: an outage that all replicas share must not take all of them out of service
  health.require('keys', () => (isLoaded ? undefined : 'the database has not answered yet'))
  health.require('clients', () => (config.isComplete() ? undefined : 'no complete set of clients yet'))
  const starting = startInSteps({ log }, [
    () => checkSchema(store.database),
    () => keys.epoch.load(),
    () => keys.ring.load(),
    () => protocol.renew(keys.ring.current()),
    () => keys.ring.follow(),
    () => keys.epoch.follow(),
    () => store.reaper.start(() => (config.isComplete() ? clients.registry.current().sectors() : undefined)),
    () => config.start(),
    () => outbox.forEach((runner) => runner.start()),
    () => {
      isLoaded = true
      if (!config.isComplete()) log.info({}, 'waiting for clients')
    },
  ])

  return {
    port: server.port,
    certificatePort: certificateServer?.port,
    store,
    registry: clients.registry,
    checkClient,
    clusterIssuer: platforms.cluster,
    loaded: starting.done,
    async stop({ lingerMs = lingerFor } = {}) {
      await starting.stop()
      await config.stop()
      const gently = { lingerMs, graceMs: drainFor }
      await Promise.all([server.stop(gently), certificateServer?.stop(gently)])
      mutualTls.stop()
      await Promise.all(outbox.map((runner) => runner.stop()))
      await keys.ring.stop()
      keys.epoch.stop()
      sources.stop()
      await store.stop()
    },
  }
}

/** The people whom each provider of `upstreams` brought. */
const createUpstreamSources = ({ upstreams }: ServerSettings, passwords: Passwords) =>
  upstreams.map(({ id, maxAge: maxAgeMs }) => createUpstreamPeople({ id, maxAgeMs, passwords, now: Date.now }))

async function openCache({ settings, log, metrics }: Needs): Promise<Cache | undefined> {
  const connection = cacheConnection(settings.cache)
  if (!connection) return undefined
  const keys = loadKeyRing(settings.keysDirectory).derive('cache')
  // its client is large, and many servers have no cache
  const { createRedisCache } = await import('./store/redis-cache.ts')
  return createRedisCache({ connection, keys, timeoutMs: settings.cache.timeout, log, metrics })
}

function openStore({ settings, log, metrics }: Needs, cache: Cache | undefined): Store {
  const ring = loadKeyRing(settings.keysDirectory)
  const database = createDatabase({ connection: databaseConnection(settings.database), log, metrics })
  const { replica } = settings
  const sendsMail = settings.mail !== undefined
  return createStore({ database, cache, ring, log, metrics, replica, auditSettings: settings.audit, sendsMail })
}

/** Those who do what waits in the outbox, apart from one another: a slow application holds up no mail. */
function createOutboxRunners(
  needs: Needs,
  on: { store: Store; users: UserSources; clients: Clients; protocol: Protocol; knowsAll: () => boolean },
) {
  const { settings, log, metrics } = needs
  const count = countTries(metrics)
  const { outbox } = on.store
  const tellLogout = createTellLogout({
    clientOf: (clientId) => on.clients.registry.current().find(clientId),
    knowsAll: on.knowsAll,
    mint: (client, of) => on.protocol.generations.current().mintLogoutToken(client, of),
    fetch: guardedFetch(settings, 'backchannel'),
    turns: createLogoutTurns({ share: logoutShare, now: () => performance.now() }),
  })
  const tries = { 'backchannel-logout': tellLogout }
  const logouts = createOutboxRunner({ outbox, tries, log, count, givenUp: backchannelFailed, width: logoutWidth })
  const mails = mailTries(needs, on)
  return mails === undefined ? [logouts] : [logouts, createOutboxRunner({ outbox, tries: mails, log, count })]
}

/** Undefined where no mail is sent. */
function mailTries({ settings }: Needs, { store, users }: { store: Store; users: UserSources }) {
  if (settings.mail === undefined) return undefined
  const sender = { title: settings.branding.title, issuer: settings.issuer }
  const mail = createSendMail({ smtp: createSmtp(settings.mail), texts: readTexts(localesDirectory), sender })
  const linkMails = createLinkMails({ mailLinks: store.mailLinks, canChangePassword: users.canChangePassword })
  const requests = createLinkTries({ ...store, sources: users, linkMails })
  return { mail, ...requests }
}

/** Where people come from, as the settings list it. */
function openSources(
  { settings, log, metrics }: Needs,
  on: { store: Store; cache: Cache | undefined; passwords: Passwords },
) {
  const { store, passwords } = on
  // without Valkey each replica remembers for itself, for as long as the source allows
  const cache = on.cache ?? createMemoryCache({ now: Date.now })
  const observed = settings.sources.some(({ type }) => type === 'ldap') ? createDirectoryMetrics(metrics) : undefined
  const directories: LdapUsers[] = []
  const openSource = (source: ServerSettings['sources'][number]): UserSource => {
    if (source.type === 'postgres') return createPostgresUsers({ store, passwords })
    const directory = createLdapUsers({ settings: source, cache, log, metrics: observed, now: Date.now })
    directories.push(directory)
    return directory
  }
  return {
    inOrder: [...settings.sources.map(openSource), ...createUpstreamSources(settings, passwords)],
    stop: () => directories.forEach((directory) => directory.stop()),
  }
}

/** Who proves programs: the API server of this cluster, and the issuers of the settings. */
function createPlatforms({ settings, log }: Needs) {
  const cluster = createClusterIssuer()
  const unknownKeys = createUnknownKeys()
  const fetch = guardedFetch(settings, 'jwks')
  const issuers = settings.identityIssuers.map((one) => ({
    issuer: one.issuer,
    ofCluster: one.thisCluster,
    source: createKeySource(one, { fetch, log, now: () => performance.now() }),
  }))
  const bySettings = issuers.some(({ ofCluster }) => ofCluster)
  const proofs = createPlatformProofs({
    issuer: settings.issuer,
    cluster,
    issuers,
    onUnknownKey: unknownKeys.met,
    now: Date.now,
  })
  return { cluster, unknownKeys, bySettings, proofs }
}

/** What certificates of clients prove; no `proofs` where no client can show one. */
async function openMutualTls({ settings: { mutualTLS }, log }: Needs) {
  if (mutualTLS === undefined) return { proofs: undefined, stop: () => undefined }
  const { caFile } = mutualTLS
  const authorities = caFile === undefined ? undefined : await followAuthorities(caFile, { log })
  const proofs = createCertificateProofs({ authorities: authorities?.current, now: Date.now })
  return { proofs, stop: () => authorities?.stop() }
}

/** The port at which TLS asks for a certificate, where the settings have one. */
async function listenForCertificates({ settings, log }: Needs, web: ReturnType<typeof createWeb>) {
  const at = settings.mutualTLS?.listen
  if (at === undefined) return undefined
  const tls = certificateFiles(at, settings.tls)
  const server = await listen({ ...web, listen: at, tls, asksForCertificate: true, log })
  log.info({ port: server.port }, 'listening for clients with certificates')
  return server
}

type Platforms = ReturnType<typeof createPlatforms>

type Clients = ReturnType<typeof createClients>

function createClients({ settings, log }: Needs) {
  const registry = createRegistryHolder()
  const { hosts } = settings.clientMetadataDocuments
  const fetch = guardedFetch(settings, 'document')
  const { algorithms } = settings.signing
  const documents = createDocuments({ hosts, algorithms, registry, fetch, log, now: () => performance.now() })
  const instances = createClientInstances(
    registry,
    ({ config, clientId }) => renderMetadata(config, { clientId }, settings.signing),
    createOwnClient({ issuer: issuerOf(settings), name: settings.branding.title }),
    hosts.length > 0 ? documents : undefined,
  )
  return { registry, usage: createUsage(), instances }
}

type Keys = ReturnType<typeof createKeys>

function createKeys({ settings, log, metrics }: Needs, store: Store) {
  const { signing } = settings
  const { algorithms, jwksFile: path } = signing
  const epoch = createStoreEpoch({ epoch: store.epoch, log })
  const policy = keyPolicy(signing)
  const file = path === undefined ? undefined : createKeyFile({ path, algorithms, log, metrics })
  const ring = createKeyRing({ keys: store.keys, algorithms, policy, file, now: Date.now, log })
  return { epoch, ring, cookies: () => ring.current().cookies }
}

type Site = ReturnType<typeof createSite>

/** Everything that a page is made of. */
function createSite(
  { settings, log }: Needs,
  on: { clients: Clients; keys: Keys; store: Store; federation: Federation },
) {
  const { branding, development } = settings
  const tokens = createFormTokens(() => on.keys.cookies().all('form'))
  const assets = createAssets({ basePath: basePathOf(settings), branding })
  const registered = (clientId: string) => on.clients.instances.registeredById(clientId)
  const logos = createLogos({
    basePath: basePathOf(settings),
    logoOf: (clientId) => {
      const client = registered(clientId)
      const logo = client && logoOf(client)
      return logo && { ...logo, namespace: client.namespace }
    },
    fetch: guardedFetch(settings, 'logo'),
    now: Date.now,
    log,
  })
  const texts = readTexts(localesDirectory)
  const pages = createPages({ assets, logos, branding, texts, development, tokens })
  const clientOf = (clientId: string) => {
    const client = registered(clientId)
    return client && clientOnPage(client)
  }
  const protocol = createProtocolPages({
    basePath: basePathOf(settings),
    pages,
    languages: texts.languages,
    describeClient: clientOf,
    personOf: async (userId) => {
      const account = await on.store.accounts.load({ userId })
      return account && personOnPage(account.user)
    },
    elsewhereOf: (userId) => signedInElsewhere(on.federation, userId),
    async sessionOf(uid) {
      const used = await on.store.devices.whoUsed(uid)
      if (used === undefined) return undefined
      const inSession = used.clients.map((client) => ({ ...client, inSession: true as const }))
      return { userId: used.userId, endings: endingsOf(inSession, on.clients.instances) }
    },
    ended: cookieScope(new URL(settings.issuer)).ended.name,
  })
  return { tokens, assets, logos, pages, protocol, clientOf, languages: texts.languages }
}

type Protocol = ReturnType<typeof createProtocol>

/** The OpenID Provider, and the interactions between its requests and answers. */
function createProtocol(
  { settings, log, metrics }: Needs,
  on: {
    store: Store
    users: UserSources
    clients: Clients
    platforms: Platforms
    mutualTls: Awaited<ReturnType<typeof openMutualTls>>
    keys: Keys
    pages: ProtocolPages
  },
) {
  const { store, users, keys, pages } = on
  const { instances: clients, usage } = on.clients
  const issuer = new URL(settings.issuer)
  const { signing } = settings
  const now = Date.now
  const scope = cookieScope(issuer)
  const sealed = { keys: keys.cookies, epoch: keys.epoch.current }
  const generations = createGenerations({ log })
  const sealer = createSealer(sealed)
  const sealedRequests = createSealedRequests(sealer)
  const sessions = createSessionCookies({ issuer: settings.issuer, ...sealed, now })
  const cookies = createInteractionCookies({
    ...sealed,
    scope,
    store,
    unsealRequest: sealedRequests.unseal,
    client: (clientId) => {
      const entry = clients.registeredById(clientId)
      const takesRedirectUri = (uri: string) =>
        clients.find(generations.current().clientClass, clientId)?.redirectUriAllowed(uri) ?? false
      return entry && { uid: entry.uid, takesRedirectUri }
    },
    ensureClient: (clientId) => clients.ensure(clientId),
    now,
  })
  const interactions = createInteractions({
    cookies,
    sessions,
    scope,
    store,
    users,
    clients,
    secondFactor: settings.secondFactor,
    issuer: issuerOf(settings),
    now,
  })
  const signedTokens = createSignedTokens({
    issuer: settings.issuer,
    keys: keys.ring.current.bind(keys.ring),
    sealer,
    now,
  })
  const events = { log, audit: store.audit, counted: countTokens(metrics) }
  const generationNeeds = {
    settings: {
      issuer: settings.issuer,
      signing,
      refreshGraceMs: settings.refreshGrace,
      secondFactor: settings.secondFactor,
      clientMetadataDocuments: settings.clientMetadataDocuments,
      addressesKnown: !settings.allowUntrustedProxy,
      mutualTlsUrl: settings.mutualTLS?.url,
    },
    store,
    users,
    clients,
    platforms: on.platforms.proofs,
    sectors: createSectorDocuments({
      kept: store.sectorMembers,
      fetch: guardedFetch(settings, 'document'),
      log,
      now: () => performance.now(),
    }),
    certificates: on.mutualTls.proofs,
    sealer,
    sealedRequests,
    scope,
    places: createPlaces({ store, sealer, signedTokens, sessions, interactions: cookies, scope, now }),
    // the library's only requests are for the keys of clients
    fetch: createJwksFetch({ fetch: guardedFetch(settings, 'jwks'), log, now: () => performance.now() }),
    pages,
    now,
    monotonicNow: () => performance.now(),
    usedSecret: usage.touch,
    usedIdentity: usage.touchIdentity,
    provedSector: usage.touchSector,
    events,
  }
  const renew = (keySet: KeySet) => generations.renew(() => createGeneration({ ...generationNeeds, keys: keySet }))
  // a fault is logged there, and the old generation goes on
  keys.ring.onChange((changed) => void renew(changed).catch(() => undefined))
  const browserSessions = createBrowserSessions({ sessions, scope, users, now })
  const remembered = createRememberedAccounts({ scope, keys: keys.cookies, now })
  return { generations, interactions, browserSessions, remembered, scope, renew }
}

/** Requests of the server itself, to URLs that clients register. */
function guardedFetch({ issuer, outbound }: ServerSettings, purpose: OutboundPurpose) {
  const rule = addressRule(purpose, { ...outbound, loopback: isLoopback(new URL(issuer).hostname) })
  return createOutboundFetch({
    rule,
    purpose,
    ...(purpose === 'upstream' ? { wholeMs: upstreamPatience } : {}),
    ...(purpose === 'backchannel' ? { body: 'ignored' } : {}),
    ...(purpose === 'document' ? { mostBytes: longestDocument } : {}),
  })
}

function countTokens(metrics: Metrics) {
  const requests = metrics.counter('nauthera_token_requests_total', 'Token requests by grant and outcome.', [
    'grant',
    'outcome',
  ])
  return (grant: string, outcome: string) => requests.inc({ grant, outcome })
}

/** Metadata and keys as they are published now; undefined while no keys are loaded. */
function currentDocuments(generations: Protocol['generations'], registry: RegistryHolder) {
  const withTypes = createPublishedTypes(registry)
  return () => {
    if (!generations.isReady()) return undefined
    const { metadata, jwks } = generations.current().documents
    return { metadata: withTypes(metadata), jwks }
  }
}

/** The handlers of the public port. */
function createWeb(
  needs: Needs,
  on: {
    store: Store
    users: UserSources
    passwords: Passwords
    clients: Clients
    pages: Site
    protocol: Protocol
    federation: Federation
    keys: Keys
  },
) {
  const { settings, log, metrics } = needs
  const { audit } = on.store
  const { tokens, assets, logos, pages } = on.pages
  const { generations, interactions, browserSessions, remembered, scope } = on.protocol
  const issuer = new URL(settings.issuer)
  const basePath = basePathOf(settings)
  const { secondFactor, branding, mail, registration } = settings
  const offers = { reset: mail !== undefined, registration: registration.enabled }
  const secondFactors = createSecondFactors({ store: on.store, now: Date.now })
  const party = secondFactor.policy === 'off' ? undefined : relyingParty(issuer, branding.title)
  const passkeys = createPasskeyFactors({ store: on.store, party, now: Date.now })
  const factorNeeds = { secondFactors, passkeys, secondFactor, title: branding.title }
  const signInNeeds = { ...factorNeeds, interactions, users: on.users, federation: on.federation, audit }
  const ways = { ...on.store, ...signInNeeds, remembered, offers }
  const signIn = createLoginRoutes({ ...ways, basePath, issuer: issuerOf(settings), now: Date.now })
  const gate = createGate({ browserSessions, basePath, issuer: issuerOf(settings), now: Date.now })
  const said = createSaid(scope)
  const account = accountRoutes(settings, { ...on, gate, said, factorNeeds })
  const admin = createDesk(needs, { ...on, gate, said })
  const homes = createHomeRoutes(basePath, issuerOf(settings))
  const routes = [...signIn, ...deviceRoutes(settings, on), ...mailRoutes(settings, on), ...account, ...admin, ...homes]
  const door = createDoor(needs, on.pages)
  const discovery = createDiscovery({ issuer, documents: currentDocuments(generations, on.clients.registry) })
  const paths = [
    ...protocolPaths,
    '/assets/:file',
    `${endpoints.logo}/:client/:hash`,
    ...routes.map(({ path }) => path),
  ]
  const application = createApplication(
    {
      requestLog: createRequestLog({
        log,
        routeOf: createRouteNames(paths, basePath),
        now: () => performance.now(),
        observe: observeLatency(metrics),
      }),
      pinHost: door.pinHost,
      requestContext: door.requestContext,
      headers: createHeaders({ issuer }),
      assets: assets.handle,
      logos: logos.handle,
      discovery,
      options: createOptions({ basePath, pages }),
      keysLoaded: createKeysLoaded(generations),
      pages: createPageRouter({
        routes,
        basePath,
        origin: issuer.origin,
        pages,
        tokens,
        sessionOf: browserSessions.shown,
        audit,
      }),
      logoutGuard: createLogoutGuard({ basePath, origin: issuer.origin, pages, audit }),
      postByGet: createPostByGet({ basePath }),
      protocol: generations.handle,
      notFound: createNotFound({ pages }),
      errors: createErrorHandler({ pages, log }),
    },
    basePath,
  )
  return { application, discovery, hosts: new Set([issuer.host, ...door.extraHosts]) }
}

/** Who sends a request, to which host and with which certificate. */
function createDoor({ settings, log, metrics }: Needs, { assets, pages }: Site) {
  const { trustedProxies, allowUntrustedProxy: isExpected, mutualTLS } = settings
  const issuer = new URL(settings.issuer)
  const certificates = mutualTLS && { header: mutualTLS.header, host: new URL(mutualTLS.url ?? issuer).host }
  const extraHosts = [...settings.extraHosts, ...(certificates ? [certificates.host] : [])]
  const seeUntrusted = createUntrustedHeaders({ log, metrics, isExpected, now: () => performance.now() })
  const { render } = pages
  const hosts = { issuer, extraHosts, trustedProxies, isOpen: assets.has }
  return {
    extraHosts,
    pinHost: createPinHost({ ...hosts, certificates, seeUntrusted, render }),
    requestContext: ((request, response, next) => {
      const [peer, certificate] = [peerOf(request)!, certificateOf(request)]
      runInRequest({ request, response, correlationId: correlationIdOf(request), peer, certificate }, next)
    }) satisfies Handler,
  }
}

/** The other providers at which people can sign in. */
function createFederation({ settings, log }: Needs, { cache, upstreamLinks: links }: Store): Federation {
  const { upstreams: configured, issuer } = settings
  const fetch = guardedFetch(settings, 'upstream')
  const upstreams = createUpstreams({ upstreams: configured, issuer, fetch, cache, log, now: Date.now })
  return { upstreams, links, log }
}

function deviceRoutes(settings: ServerSettings, { store, protocol }: { store: Store; protocol: Protocol }) {
  const { audit, deviceCodes } = store
  const { interactions } = protocol
  const addressesKnown = !settings.allowUntrustedProxy
  return createDeviceRoutes({ basePath: basePathOf(settings), interactions, deviceCodes, audit, addressesKnown })
}

function mailRoutes(
  settings: ServerSettings,
  { store, users, passwords, pages }: { store: Store; users: UserSources; passwords: Passwords; pages: Site },
) {
  const { mail, registration, allowUntrustedProxy } = settings
  const { mailLinks } = store
  return createMailRoutes({
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
  settings: ServerSettings,
  on: {
    store: Store
    users: UserSources
    clients: Clients
    pages: Site
    protocol: Protocol
    federation: Federation
    gate: Gate
    said: Said
    factorNeeds: Pick<
      Parameters<typeof createAccountRoutes>[0],
      'secondFactors' | 'passkeys' | 'secondFactor' | 'title'
    >
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
    languages: on.pages.languages,
    clients: on.clients.instances,
    launcher: createLauncher({ registry: on.clients.registry, issuer: issuerOf(settings) }),
    now: Date.now,
  })
}

/** The pages of the help desk; none without the setting. */
function createDesk(
  { settings }: Needs,
  on: { store: Store; users: UserSources; clients: Clients; keys: Keys; gate: Gate; said: Said },
): readonly Route[] {
  const { store, users, clients, keys, gate, said } = on
  if (settings.admin === undefined) return []
  const now = Date.now
  return createAdminRoutes({
    store,
    load: users.load,
    canChangePassword: users.canChangePassword,
    languages: languagesIn(localesDirectory),
    linkMails: settings.mail && createLinkMails({ ...store, canChangePassword: users.canChangePassword }),
    keys: store.keys,
    people: createPeople(store),
    desk: createDeskGate({ gate, ...settings.admin, now }),
    registry: () => clients.registry.current(),
    keyRing: keys.ring,
    basePath: basePathOf(settings),
    said,
    now,
  })
}

function createConfig(
  { settings, log, metrics, version }: Needs,
  on: {
    store: Store
    clients: Clients
    platforms: Platforms
    checkClient: ReturnType<typeof createClientCheck>
  },
) {
  const { registry: holder, usage } = on.clients
  const { checkClient, store, platforms } = on
  const { config, signing } = settings
  const defaults = clientDefaults(signing.idToken)
  return createConfigService({
    config,
    holder,
    checkClient,
    platforms,
    usage,
    log,
    version,
    defaults,
    metrics,
    audit: store.audit,
  })
}

/** Without a slash at the end. */
const issuerOf = ({ issuer }: ServerSettings): string => new URL(issuer).href.replace(/\/$/, '')

const basePathOf = ({ issuer }: ServerSettings): string => new URL(issuer).pathname.replace(/\/$/, '')

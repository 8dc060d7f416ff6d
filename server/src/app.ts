import { CodedError, hasCode } from '@nauthera/runtime/coded-error'
import type { Health } from '@nauthera/runtime/health'
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { isLoopback } from '@nauthera/rules/issuer'
import { createConfigService } from './clients/config-service.ts'
import { createRegistryHolder } from './clients/registry.ts'
import type { RegistryHolder } from './clients/registry.ts'
import { createUsage } from './clients/usage.ts'
import { createAssets } from './http/assets.ts'
import { createDiscovery } from './http/discovery.ts'
import { createErrorHandler, createNotFound } from './http/error-page.ts'
import { createFormTokens } from './http/form-guard.ts'
import { createHeaders } from './http/headers.ts'
import { createOptions } from './http/options.ts'
import { createPageRouter } from './http/page-router.ts'
import { createPages } from './http/pages.ts'
import { peerOf } from './http/peer.ts'
import { createPinHost } from './http/pin-host.ts'
import { createPostByGet } from './http/post-by-get.ts'
import { createProtocolPages } from './http/protocol-pages.ts'
import { correlationIdOf, createRequestLog } from './http/request-log.ts'
import { createApplication, listen } from './http/server.ts'
import { createLoginRoutes } from './login/routes.ts'
import { createPlaces } from './oidc/artefacts/places.ts'
import { createClientCheck } from './oidc/clients/mapping.ts'
import { createClientInstances } from './oidc/clients/instances.ts'
import type { ProviderMetadata } from './oidc/clients/oidc-client.ts'
import { clientOnPage } from './oidc/clients/on-page.ts'
import { cookieScope } from './oidc/cookies.ts'
import { runInRequest } from './oidc/library/current-request.ts'
import { createGenerations } from './oidc/library/generations.ts'
import { createInteractionCookies } from './oidc/interaction/interaction-cookie.ts'
import { createInteractions } from './oidc/interaction/interactions.ts'
import { keyPolicy } from './oidc/lifetimes.ts'
import { createKeyRing } from './oidc/keys/ring.ts'
import { allowedAddress, createOutboundFetch } from './oidc/outbound-fetch.ts'
import { createGeneration } from './oidc/library/provider.ts'
import { createSealer } from './oidc/artefacts/sealed.ts'
import { createSessionCookies } from './oidc/session-cookie.ts'
import { createStoreEpoch } from './oidc/artefacts/store-epoch.ts'
import type { ServerSettings } from './settings.ts'
import { cacheConnection } from './store/cache-connection.ts'
import { databaseConnection } from './store/connection.ts'
import { loadKeyRing } from './store/envelope.ts'
import { checkSchema } from './store/migrate.ts'
import { createDatabase } from './store/postgres.ts'
import { createRedisCache } from './store/redis-cache.ts'
import { createStore } from './store/store.ts'
import type { Store } from './store/store.ts'
import { createPasswords } from './users/passwords.ts'
import { createPostgresUsers } from './users/postgres-users.ts'
import { createUserSources } from './users/user-sources.ts'

export interface App {
  readonly port: number
  readonly store: Store
  /** The clients that are served. */
  readonly registry: RegistryHolder<ProviderMetadata>
  readonly checkClient: ReturnType<typeof createClientCheck>
  /** Resolves once the database has answered and the keys are loaded. */
  readonly loaded: Promise<void>
  /** @param options.lingerMs default 3 s; 0 when no client needs to be told */
  stop(options?: { lingerMs?: number }): Promise<void>
}

/** Milliseconds. */
const retryEvery = 1000
const drainFor = 25_000
/** How long clients are told to leave before idle connections are closed. */
const lingerFor = 3_000

/** Binds every part together and opens the public port. It comes up whether or not the database answers: what needs no
 *  database works as soon as the keys have been read once. */
export async function startApp(needs: {
  settings: ServerSettings
  log: Log
  health: Health
  metrics: Metrics
  version: string
}): Promise<App> {
  const { settings, log, health, metrics, version } = needs
  const now = Date.now
  const issuer = new URL(settings.issuer)
  const basePath = issuer.pathname.replace(/\/$/, '')
  const algorithms = settings.signing.algorithms

  const database = createDatabase({ connection: databaseConnection(settings.database), log, metrics })
  const keyRing = loadKeyRing(settings.keysDirectory)
  const connection = cacheConnection(settings.cache)
  const cache =
    connection &&
    createRedisCache({ connection, keys: keyRing.derive('cache'), timeoutMs: settings.cache.timeout, log, metrics })
  const store = createStore({ database, cache, ring: keyRing, log, metrics, replica: settings.replica })
  const users = createUserSources({ sources: [createPostgresUsers({ store, passwords: createPasswords() })], store })
  const registry = createRegistryHolder<ProviderMetadata>()
  const usage = createUsage()
  const clients = createClientInstances(registry)

  const epoch = createStoreEpoch({ epoch: store.epoch, log })
  const ring = createKeyRing({ keys: store.keys, algorithms, policy: keyPolicy(settings.signing), now, log })
  const cookieKeys = () => ring.current().cookies
  const sealer = createSealer({ keys: cookieKeys, epoch: epoch.current })
  const scope = cookieScope(issuer)
  const sessions = createSessionCookies({ issuer: settings.issuer, keys: cookieKeys, epoch: epoch.current, now })
  const interactionCookies = createInteractionCookies({
    keys: cookieKeys,
    epoch: epoch.current,
    scope,
    store,
    client: (clientId) => {
      const entry = clients.registeredById(clientId)
      const takesRedirectUri = (uri: string) =>
        clients.find(generations.current().clientClass, clientId)?.redirectUriAllowed(uri) ?? false
      return entry && { uid: entry.uid, takesRedirectUri }
    },
    now,
  })
  const interactions = createInteractions({ cookies: interactionCookies, sessions, scope, store, users, clients })

  const formTokens = createFormTokens(() => cookieKeys().all('form'))
  const assets = createAssets({ basePath, branding: settings.branding })
  const pages = createPages({
    assets,
    branding: settings.branding,
    development: settings.development,
    tokens: formTokens,
  })
  const protocolPages = createProtocolPages({
    pages,
    describeClient: (clientId) => {
      const client = clients.registeredById(clientId)
      return client && clientOnPage(client)
    },
    personOf: async (userId) => (await users.load({ userId }))?.user,
  })

  const requests = metrics.counter('nauthera_token_requests_total', 'Token requests by grant and outcome.', [
    'grant',
    'outcome',
  ])
  const generations = createGenerations({
    log,
    build: (keys) =>
      createGeneration({
        keys,
        settings: { issuer: settings.issuer, algorithms, refreshGraceMs: settings.refreshGrace },
        store,
        users,
        clients,
        sealer,
        scope,
        places: createPlaces({ store, sealer, sessions, interactions: interactionCookies, scope, now }),
        fetch: createOutboundFetch({ isAllowed: allowedAddress({ loopback: isLoopback(issuer.hostname) }) }),
        pages: protocolPages,
        now,
        monotonicNow: () => performance.now(),
        usedSecret: (client, secretId) => usage.touch(client, secretId),
        events: { log, audit: store.audit, counted: (grant, outcome) => requests.inc({ grant, outcome }) },
      }),
  })
  ring.onChange((keys) => void generations.renew(keys).catch(() => undefined))

  const loginRoutes = createLoginRoutes({ interactions, users, audit: store.audit, basePath, now })
  const latency = metrics.histogram('nauthera_request_seconds', 'Latency of requests by route.', [
    'route',
    'method',
    'status',
  ])
  const discovery = createDiscovery({
    issuer,
    documents: () => (generations.isReady() ? generations.current().documents : undefined),
  })
  const application = createApplication(
    {
      requestLog: createRequestLog({
        log,
        basePath,
        now: () => performance.now(),
        observe: ({ route, method, status, seconds }) =>
          latency.observe({ route, method, status: String(status) }, seconds),
      }),
      pinHost: createPinHost({
        issuer,
        extraHosts: settings.extraHosts,
        trustedProxies: settings.trustedProxies,
        render: pages.render,
      }),
      requestContext: (request, response, next) =>
        runInRequest({ request, response, correlationId: correlationIdOf(request), peer: peerOf(request)! }, next),
      headers: createHeaders({ issuer }),
      assets: assets.handle,
      discovery,
      options: createOptions({ basePath, pages }),
      keysLoaded: (_request, _response, next) =>
        generations.isReady()
          ? next()
          : next(new CodedError('STORE_UNAVAILABLE', { message: 'keys are not loaded yet' })),
      pages: createPageRouter({
        routes: loginRoutes,
        basePath,
        origin: issuer.origin,
        pages,
        tokens: formTokens,
        audit: store.audit,
      }),
      postByGet: createPostByGet({ basePath }),
      protocol: generations.handle,
      notFound: createNotFound({ pages }),
      errors: createErrorHandler({ pages, log }),
    },
    basePath,
  )

  const checkClient = createClientCheck({ clientClass: () => generations.current().clientClass, algorithms })
  const config = createConfigService<ProviderMetadata>({
    config: settings.config,
    holder: registry,
    checkClient,
    usage,
    log,
    version,
    metrics,
    audit: store.audit,
  })
  const hosts = new Set([issuer.host, ...settings.extraHosts])
  const server = await listen({ application, discovery, hosts, listen: settings.listen, tls: settings.tls, log })
  log.info({ issuer: settings.issuer, port: server.port }, 'listening')

  const abort = new AbortController()
  let loadedOnce = false
  // latched: once they hold, an outage that all replicas share takes none of them out
  health.require('keys', () => (loadedOnce ? undefined : 'the database has not answered yet'))
  health.require('clients', () => (config.isComplete() ? undefined : 'no complete set of clients yet'))

  const loaded = untilDone(abort.signal, log, async () => {
    await checkSchema(database)
    await epoch.load()
    await ring.load()
    await generations.renew(ring.current())
    await ring.follow()
    epoch.follow()
    store.reaper.start()
    await config.start()
    loadedOnce = true
    if (!config.isComplete()) log.info({}, 'waiting for clients')
  })

  return {
    port: server.port,
    store,
    registry,
    checkClient,
    loaded,
    async stop({ lingerMs = lingerFor } = {}) {
      abort.abort()
      await config.stop()
      await server.stop({ lingerMs, graceMs: drainFor })
      await ring.stop()
      epoch.stop()
      await store.stop()
    },
  }
}

/** Repeats what needs the database until it has worked once. A fault that no waiting heals is said once a minute, too. */
async function untilDone(signal: AbortSignal, log: Log, work: () => Promise<void>): Promise<void> {
  let lastSaid = -Infinity
  while (!signal.aborted) {
    try {
      return await work()
    } catch (error) {
      if (!hasCode(error)) throw error
      if (performance.now() - lastSaid > 10_000) {
        lastSaid = performance.now()
        log.warn({ error }, 'not ready; trying again')
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, retryEvery)
        signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
      })
    }
  }
}

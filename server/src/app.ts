import type { ClusterIssuerKeys } from './clients/cluster-issuer.ts'
import type { RegistryHolder } from './clients/registry.ts'
import type { UsageRecorder } from './clients/usage.ts'
import { listen } from './http/server.ts'
import { createClientCheck } from './oidc/clients/mapping.ts'
import { serverMetrics } from './metrics.ts'
import { startInSteps } from './start-in-steps.ts'
import { checkSchema } from './store/migrate.ts'
import type { Store } from './store/store.ts'
import { createCeiling } from './users/passwords/ceiling.ts'
import { createPasswords } from './users/passwords/passwords.ts'
import { createUserSources } from './users/sources/user-sources.ts'
import { createClients, createConfig, createPlatforms, openMutualTls } from './app/clients.ts'
import type { Needs } from './app/needs.ts'
import { createOutboxRunners } from './app/outbox.ts'
import { createFederation, openSources } from './app/people.ts'
import { createKeys } from './app/keys.ts'
import { createProtocol } from './app/protocol.ts'
import { createRoutes } from './app/routes.ts'
import { createLimits, createSite } from './app/site.ts'
import { openCache, openStore } from './app/stores.ts'
import { createWeb, listenForCertificates } from './app/web.ts'

export interface App {
  readonly port: number
  /** At which TLS asks for a certificate; undefined where the settings have none. */
  readonly certificatePort: number | undefined
  readonly store: Store
  /** The clients that are served. */
  readonly registry: RegistryHolder
  /** What its clients used, and which requests in their names were refused. */
  readonly usage: UsageRecorder
  readonly checkClient: ReturnType<typeof createClientCheck>
  /** What signs the tokens of this cluster's ServiceAccounts. */
  readonly clusterIssuer: ClusterIssuerKeys
  /** Resolves once the database has answered and the keys are loaded. */
  readonly loaded: Promise<void>
  /** @param options.drainMs default as the settings say; 0 when no client needs to be told */
  stop(options?: { drainMs?: number }): Promise<void>
}

/** Milliseconds. */
const answerFor = 10_000

/** Connects all parts; nothing is started yet. */
async function connect(needs: Needs) {
  const { settings } = needs
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
  const { limits, limitOf } = createLimits(needs)
  const pages = createSite(needs, { clients, keys, store, federation, limitOf })
  const protocol = createProtocol(needs, { store, users, clients, platforms, mutualTls, keys, pages: pages.protocol })
  const routes = createRoutes(needs, { store, users, passwords, clients, pages, protocol, federation, keys, limits })
  const web = createWeb(needs, { audit: store.audit, clients, pages, protocol, routes, limitOf })
  const checkClient = createClientCheck({
    clientClass: () => protocol.generations.current().clientClass,
    signing: settings.signing,
    identityIssuers: settings.identityIssuers.filter(({ thisCluster }) => !thisCluster).map(({ issuer }) => issuer),
    mutualTls: mutualTls.proofs ? { authorities: mutualTls.proofs.knowsAuthorities } : 'off',
  })
  const config = createConfig(needs, { store, clients, platforms, checkClient })
  const outbox = createOutboxRunners(needs, {
    store,
    users,
    clients,
    protocol,
    texts: pages.texts,
    knowsAll: config.isComplete,
  })
  return { store, sources, clients, platforms, mutualTls, keys, protocol, web, checkClient, config, outbox }
}

/** Connects all parts and opens the public port, whether or not the database answers. What needs no database works once the keys have been
 *  read. */
export async function startApp(needs: Needs): Promise<App> {
  const { settings, log, health } = needs
  const { store, clients, platforms, mutualTls, keys, protocol, web, config, outbox, ...parts } = await connect(needs)
  const { metrics } = needs
  const expiry = metrics.gauge(serverMetrics.certificateExpiry)
  const onCertificate = (endsAt: number) => expiry.set({ certificate: 'public' }, endsAt / 1000)
  const server = await listen({ ...web, listen: settings.listen, tls: settings.tls, log, onCertificate })
  log.info({ issuer: settings.issuer, port: server.port }, 'listening')
  const certificateServer = await listenForCertificates(needs, web, (endsAt) =>
    expiry.set({ certificate: 'mutual-tls' }, endsAt / 1000),
  )

  let isLoaded = false
  // keys and clients stay true: an outage that all replicas share must not take all of them out of service
  health.require('keys', () => (isLoaded ? undefined : 'not loaded yet; the log says why'))
  health.require('clock', () => store.clock.fault()?.message)
  health.require('clients', () => (config.isComplete() ? undefined : 'no complete set of clients yet'))
  const starting = startInSteps({ log }, [
    () => checkSchema(store.database),
    () => store.clock.check(),
    () => store.clock.start(),
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
    usage: clients.usage,
    checkClient: parts.checkClient,
    clusterIssuer: platforms.cluster,
    loaded: starting.done,
    async stop({ drainMs = settings.drainTimeout } = {}) {
      await starting.stop()
      const times = { drainMs, answerMs: answerFor }
      await Promise.all([server.stop(times), certificateServer?.stop(times)])
      // after the last request, which may show a secret that was published meanwhile
      await config.stop()
      mutualTls.stop()
      await Promise.all(outbox.map((runner) => runner.stop()))
      await keys.ring.stop()
      keys.epoch.stop()
      parts.sources.stop()
      await store.stop()
    },
  }
}

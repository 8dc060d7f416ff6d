import { paths as endpoints } from '@nauthera/rules/endpoints'
import { createGate } from '../account/gate.ts'
import { createSaid } from '../account/said.ts'
import type { RegistryHolder } from '../clients/registry.ts'
import { certificateOf } from '../http/client-certificate.ts'
import { createDiscovery } from '../http/discovery.ts'
import { createErrorHandler, createNotFound } from '../http/error-page.ts'
import type { Handler } from '../http/handler.ts'
import { createHeaders } from '../http/headers.ts'
import { createHomeRoutes } from '../http/home.ts'
import { createKeysLoaded } from '../http/keys-loaded.ts'
import { createLogoutGuard } from '../http/logout-guard.ts'
import { createOptions, protocolPaths } from '../http/options.ts'
import { createPageRouter } from '../http/page-router.ts'
import { peerOf } from '../http/peer.ts'
import { createPinHost } from '../http/pin-host.ts'
import { createPostByGet } from '../http/post-by-get.ts'
import { correlationIdOf, createRequestLog, createRouteNames, observeLatency } from '../http/request-log.ts'
import { createApplication } from '../http/application.ts'
import { listen } from '../http/server.ts'
import { createUntrustedHeaders } from '../http/untrusted-headers.ts'
import { createLoginRoutes } from '../login/routes.ts'
import type { Federation } from '../login/upstream/federation.ts'
import { createPublishedTypes } from '../oidc/clients/published-types.ts'
import { runInRequest } from '../oidc/library/current-request.ts'
import { certificateFiles } from '../settings/mutual-tls.ts'
import type { Store } from '../store/store.ts'
import type { Passwords } from '../users/passwords.ts'
import { createPasskeyFactors } from '../users/factors/passkey-factors.ts'
import { relyingParty } from '../users/factors/passkeys.ts'
import { createSecondFactors } from '../users/factors/second-factors.ts'
import type { UserSources } from '../users/user-sources.ts'
import type { Clients } from './clients.ts'
import { basePathOf, issuerOf } from './needs.ts'
import type { Needs } from './needs.ts'
import type { Keys, Protocol } from './protocol.ts'
import { accountRoutes, createDesk, deviceRoutes, mailRoutes } from './routes.ts'
import type { Site } from './site.ts'

// The public port: what stands before the handlers, and the handlers.

/** The handlers of the public port. */
export function createWeb(
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

/** Metadata and keys as they are published now; undefined while no keys are loaded. */
function currentDocuments(generations: Protocol['generations'], registry: RegistryHolder) {
  const withTypes = createPublishedTypes(registry)
  return () => {
    if (!generations.isReady()) return undefined
    const { metadata, jwks } = generations.current().documents
    return { metadata: withTypes(metadata), jwks }
  }
}

/** The port at which TLS asks for a certificate, where the settings have one. */
export async function listenForCertificates({ settings, log }: Needs, web: ReturnType<typeof createWeb>) {
  const at = settings.mutualTLS?.listen
  if (at === undefined) return undefined
  const tls = certificateFiles(at, settings.tls)
  const server = await listen({ ...web, listen: at, tls, asksForCertificate: true, log })
  log.info({ port: server.port }, 'listening for clients with certificates')
  return server
}

// Wires the public port and its handlers.
import { paths as endpoints } from '@nauthera/rules/endpoints'
import type { RegistryHolder } from '../clients/registry.ts'
import { certificateOf, isAtAlias } from '../http/edge/client-certificate.ts'
import { createDiscovery } from '../http/protocol/discovery.ts'
import { createErrorHandler, createNotFound } from '../http/pages/error-page.ts'
import type { Handler } from '../http/request/handler.ts'
import { createHeaders } from '../http/pages/headers.ts'
import { createKeysLoaded } from '../http/protocol/keys-loaded.ts'
import { createLogoutGuard } from '../http/protocol/logout-guard.ts'
import { createOptions } from '../http/protocol/options.ts'
import { createPageRouter } from '../http/pages/page-router.ts'
import type { LimitOfPages } from '../http/pages/pages.ts'
import { peerOf } from '../http/request/peer.ts'
import { createPinHost } from '../http/edge/pin-host.ts'
import { createPostByGet } from '../http/protocol/post-by-get.ts'
import { protocolRoutes } from '../http/protocol/protocol-paths.ts'
import { correlationIdOf, createRequestLog, createRouteNames, observeRequests } from '../http/request/request-log.ts'
import { createApplication } from '../http/application.ts'
import { listen } from '../http/server.ts'
import { createUntrustedHeaders } from '../http/edge/untrusted-headers.ts'
import { nameBrowser } from '../oidc/cookies.ts'
import { createPublishedTypes } from '../oidc/apis/published-types.ts'
import { runInRequest } from '../oidc/library/current-request.ts'
import type { Route } from '../reply.ts'
import { certificateFiles } from '../settings/mutual-tls.ts'
import type { Audit } from '../store/audit/audit.ts'
import type { Clients } from './clients.ts'
import { basePathOf } from './needs.ts'
import type { Needs } from './needs.ts'
import type { Protocol } from './protocol.ts'
import type { Site } from './site.ts'

/** The handlers of the public port. */
export function createWeb(
  needs: Needs,
  on: {
    audit: Audit
    clients: Clients
    pages: Site
    protocol: Protocol
    routes: readonly Route[]
    limitOf: LimitOfPages
  },
) {
  const { settings, log, metrics } = needs
  const { audit, routes } = on
  const { tokens, assets, logos, limited } = on.pages
  const { generations, browserSessions, scope } = on.protocol
  const issuer = new URL(settings.issuer)
  const basePath = basePathOf(settings)
  const door = createDoor(needs, on.pages)
  const discovery = createDiscovery({ issuer, documents: currentDocuments(generations, on.clients.registry) })
  const paths = [
    ...protocolRoutes,
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
        observe: observeRequests(metrics),
      }),
      pinHost: door.pinHost,
      requestContext: door.requestContext,
      headers: createHeaders({ issuer }),
      assets: assets.handle,
      logos: logos.handle,
      discovery,
      options: createOptions({ basePath, pages: limited }),
      keysLoaded: createKeysLoaded(generations),
      pages: createPageRouter({
        routes,
        basePath,
        origin: issuer.origin,
        pages: on.pages.pages,
        tokens,
        sessionOf: browserSessions.shown,
        browserOf: (exchange) => nameBrowser(exchange, scope, { name: scope.form }),
        limitOf: on.limitOf,
        audit,
      }),
      logoutGuard: createLogoutGuard({ basePath, origin: issuer.origin, pages: limited, audit }),
      postByGet: createPostByGet({ basePath }),
      protocol: generations.handle,
      notFound: createNotFound({ pages: limited }),
      errors: createErrorHandler({ pages: limited, log }),
    },
    basePath,
  )
  return { application, discovery, hosts: new Set([issuer.host, ...door.extraHosts]) }
}

/** The handlers that find out sender, host and certificate of a request. */
function createDoor({ settings, log, metrics }: Needs, { assets, limited }: Site) {
  const { trustedProxies, allowUntrustedProxy: isExpected, mutualTLS } = settings
  const issuer = new URL(settings.issuer)
  const certificates = mutualTLS && { header: mutualTLS.header, host: new URL(mutualTLS.url ?? issuer).host }
  const extraHosts = [...settings.extraHosts, ...(certificates ? [certificates.host] : [])]
  const seeUntrusted = createUntrustedHeaders({ log, metrics, isExpected, now: () => performance.now() })
  const { render } = limited
  const hosts = { issuer, extraHosts, trustedProxies, isOpen: assets.has }
  return {
    extraHosts,
    pinHost: createPinHost({ ...hosts, certificates, seeUntrusted, render }),
    requestContext: ((request, response, next) => {
      const [peer, certificate] = [peerOf(request)!, certificateOf(request)]
      const correlationId = correlationIdOf(request)
      runInRequest({ request, response, correlationId, peer, certificate, isAtAlias: isAtAlias(request) }, next)
    }) satisfies Handler,
  }
}

/** The present metadata and keys; undefined while no keys are loaded. */
function currentDocuments(generations: Protocol['generations'], registry: RegistryHolder) {
  const withTypes = createPublishedTypes(registry)
  return () => {
    if (!generations.isReady()) return undefined
    const { metadata, jwks } = generations.current().documents
    return { metadata: withTypes(metadata), jwks }
  }
}

/** Opens the port with mutual TLS, if the settings have one. */
export async function listenForCertificates(
  { settings, log }: Needs,
  web: ReturnType<typeof createWeb>,
  onCertificate: (endsAt: number) => void,
) {
  const at = settings.mutualTLS?.listen
  if (at === undefined) return undefined
  const tls = certificateFiles(at, settings.tls)
  const server = await listen({ ...web, listen: at, tls, asksForCertificate: true, log, onCertificate })
  log.info({ port: server.port }, 'listening for clients with certificates')
  return server
}

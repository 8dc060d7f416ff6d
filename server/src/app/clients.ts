// Wires the clients and their authentication.
import { createClusterIssuer } from '../clients/cluster-issuer.ts'
import { createConfigService } from '../clients/config-service.ts'
import { createRegistryHolder } from '../clients/registry.ts'
import { createUnknownKeys } from '../clients/unknown-keys.ts'
import { createUsage } from '../clients/usage.ts'
import { renderMetadata } from '../oidc/clients/mapping.ts'
import type { createClientCheck } from '../oidc/clients/mapping.ts'
import { createClientInstances } from '../oidc/clients/instances.ts'
import { createDocuments } from '../oidc/clients/documents.ts'
import { createOwnClient } from '../oidc/clients/own-client.ts'
import { clientDefaults } from '../oidc/lifetimes.ts'
import { createKeySource } from '../oidc/outbound/issuer-keys.ts'
import { createPlatformProofs } from '../oidc/authentication/platform-proof.ts'
import type { Store } from '../store/store.ts'
import { issuerOf } from './needs.ts'
import type { Needs } from './needs.ts'
import { askerOf, guardedFetch } from './outbound.ts'

export type Clients = ReturnType<typeof createClients>

export function createClients({ settings, log }: Needs) {
  const registry = createRegistryHolder()
  const { hosts } = settings.clientMetadataDocuments
  const fetch = guardedFetch(settings, 'document')
  const { algorithms } = settings.signing
  const asker = askerOf(settings)
  const documents = createDocuments({ hosts, algorithms, registry, fetch, asker, log, now: () => performance.now() })
  const instances = createClientInstances(
    registry,
    ({ config, clientId }) => renderMetadata(config, { clientId }, settings.signing),
    createOwnClient({ issuer: issuerOf(settings), name: settings.branding.title }),
    hosts.length > 0 ? documents : undefined,
  )
  return { registry, usage: createUsage(), instances }
}

export type Platforms = ReturnType<typeof createPlatforms>

/** The issuers of platform tokens: this cluster's API server, and the issuers in the settings. */
export function createPlatforms({ settings, log, now }: Needs) {
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
    onUnknownKey: unknownKeys.record,
    now,
  })
  return { cluster, unknownKeys, bySettings, proofs }
}

/** Authentication by certificate; no `proofs` when mutual TLS is off. */
export async function openMutualTls({ settings: { mutualTLS }, log, now }: Needs) {
  if (mutualTLS === undefined) return { proofs: undefined, stop: () => undefined }
  // loaded on demand: the library is large, and most servers have no mutual TLS
  const { followAuthorities } = await import('../oidc/certificates/authorities.ts')
  const { createCertificateProofs } = await import('../oidc/certificates/certificate-proof.ts')
  const { caFile } = mutualTLS
  const authorities = caFile === undefined ? undefined : await followAuthorities(caFile, { log })
  const proofs = createCertificateProofs({ authorities: authorities?.current, now })
  return { proofs, stop: () => authorities?.stop() }
}

export function createConfig(
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

import type { Metrics } from '@nauthera/runtime/metrics'
import { createBrowserSessions } from '../oidc/browser-session.ts'
import { createPlaces } from '../oidc/artefacts/places.ts'
import { cookieScope } from '../oidc/cookies.ts'
import { createGenerations } from '../oidc/library/generations.ts'
import { createResume } from '../oidc/library/resume-in-place.ts'
import { createInteractionCookies } from '../oidc/interaction/interaction-cookie.ts'
import { createInteractions } from '../oidc/interaction/interactions.ts'
import type { KeySet } from '../oidc/keys/key-set.ts'
import type { ProtocolPages } from '../oidc/library/protocol-pages.ts'
import { createJwksFetch } from '../oidc/outbound/jwks-fetch.ts'
import { createSectorDocuments } from '../oidc/outbound/sector-documents.ts'
import { createGeneration } from '../oidc/library/provider.ts'
import { createSealedRequests } from '../oidc/artefacts/sealed-requests.ts'
import { createSealer } from '../oidc/artefacts/sealed.ts'
import { createSignedTokens } from '../oidc/artefacts/signed-tokens.ts'
import { createRememberedAccounts } from '../oidc/remembered-accounts.ts'
import { createSessionCookies } from '../oidc/session-cookie.ts'
import { serverMetrics } from '../metrics.ts'
import type { Store } from '../store/store.ts'
import type { UserSources } from '../users/sources/user-sources.ts'
import type { Clients, openMutualTls, Platforms } from './clients.ts'
import type { ProtocolKeys } from './keys.ts'
import { issuerOf } from './needs.ts'
import type { Needs } from './needs.ts'
import { askerOf, guardedFetch } from './outbound.ts'

export type Protocol = ReturnType<typeof createProtocol>

interface ProtocolParts {
  readonly store: Store
  readonly users: UserSources
  readonly clients: Clients
  readonly platforms: Platforms
  readonly mutualTls: Awaited<ReturnType<typeof openMutualTls>>
  readonly keys: ProtocolKeys
  readonly pages: ProtocolPages
}

/** Creates the OpenID Provider and its interactions. */
export function createProtocol(needs: Needs, on: ProtocolParts) {
  const { settings, log, now } = needs
  const { store, users, keys } = on
  const { instances: clients, usage } = on.clients
  const scope = cookieScope(new URL(settings.issuer))
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
    client: (clientId) => clientOfInteraction(clientId, clients, generations),
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
    resume: createResume({
      handle: (request, response) => generations.current().handle(request, response),
      issuer: issuerOf(settings),
      cookie: scope.library.resume,
      audit: store.audit,
    }),
    refused: usage.countRefusal,
    issuer: issuerOf(settings),
    now,
  })
  const signedTokens = createSignedTokens({
    issuer: settings.issuer,
    keys: keys.ring.current.bind(keys.ring),
    sealer,
    epoch: keys.epoch.current,
    now,
  })
  const places = createPlaces({ store, sealer, signedTokens, sessions, interactions: cookies, scope, now })
  const generationNeeds = {
    ...lastingNeeds(needs, on),
    sealer,
    sealedRequests,
    scope,
    places,
    epoch: keys.epoch.current,
  }
  const renew = (keySet: KeySet) => generations.renew(() => createGeneration({ ...generationNeeds, keys: keySet }))
  // a fault is logged there, and the old generation stays
  keys.ring.onChange((changed) => void renew(changed).catch(() => undefined))
  const browserSessions = createBrowserSessions({ sessions, scope, users, now })
  const remembered = createRememberedAccounts({ scope, keys: keys.cookies, now })
  return { generations, interactions, browserSessions, remembered, scope, renew }
}

/** The needs of every generation of the provider. */
function lastingNeeds({ settings, log, metrics, now }: Needs, on: ProtocolParts) {
  const { store, users, pages } = on
  const { instances: clients, usage } = on.clients
  const monotonicNow = () => performance.now()
  const asker = askerOf(settings)
  return {
    settings: {
      issuer: settings.issuer,
      signing: settings.signing,
      refreshGraceMs: settings.refreshGrace,
      lane: settings.lane,
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
      asker,
      log,
      now: monotonicNow,
    }),
    certificates: on.mutualTls.proofs,
    // the library only fetches keys of clients
    fetch: createJwksFetch({ fetch: guardedFetch(settings, 'jwks'), asker, log, now: monotonicNow }),
    pages,
    now,
    monotonicNow,
    usedSecret: usage.record,
    usedIdentity: usage.recordIdentity,
    provedSector: usage.recordSector,
    events: {
      log,
      audit: store.audit,
      counted: countTokens(metrics),
      gotToken: usage.recordTokenRequest,
      refused: usage.countRefusal,
    },
  }
}

function clientOfInteraction(clientId: string, clients: Clients['instances'], generations: Protocol['generations']) {
  const entry = clients.registeredById(clientId)
  const takesRedirectUri = (uri: string) =>
    clients.find(generations.current().clientClass, clientId)?.redirectUriAllowed(uri) ?? false
  return entry && { uid: entry.uid, takesRedirectUri }
}

function countTokens(metrics: Metrics) {
  const requests = metrics.counter(serverMetrics.tokenRequests)
  return (grant: string, outcome: string) => requests.inc({ grant, outcome })
}

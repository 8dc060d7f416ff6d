import { paths } from '@nauthera/rules/endpoints'
import { localesDirectory } from '../files.ts'
import { endingsOf } from '../account/endings.ts'
import { createPageLimits } from '../account/frame/page-limits.ts'
import { createAssets } from '../http/branding/assets.ts'
import { createFormTokens } from '../http/pages/form-guard.ts'
import { createLogos } from '../http/branding/logos.ts'
import { createPages, limitPages } from '../http/pages/pages.ts'
import type { LimitOfPages } from '../http/pages/pages.ts'
import { createProtocolPages, inTime } from '../http/protocol/protocol-pages.ts'
import { peerOf } from '../http/request/peer.ts'
import { readTexts } from '../http/branding/texts.ts'
import { signedInElsewhere } from '../login/upstream/federation.ts'
import type { Federation } from '../login/upstream/federation.ts'
import { clientOnPage, logoOf } from '../oidc/clients/on-page.ts'
import { cookieScope } from '../oidc/cookies.ts'
import type { Store } from '../store/store.ts'
import { personOnPage } from '../users/person-on-page.ts'
import type { Clients } from './clients.ts'
import { basePathOf } from './needs.ts'
import type { Needs } from './needs.ts'
import { askerOf, guardedFetch } from './outbound.ts'
import type { ProtocolKeys } from './keys.ts'

export type Site = ReturnType<typeof createSite>

/** The limits of pages; `limitOf` goes by what a request itself says. */
export function createLimits({ settings, mostPages }: Needs) {
  const limits = createPageLimits({
    addressesKnown: !settings.allowUntrustedProxy,
    now: () => performance.now(),
    most: mostPages,
  })
  const limitOf: LimitOfPages = (request, sessionUid) => {
    const peer = peerOf(request)
    const ofAddress = peer && limits.ofAddress(peer.address, request)
    return ofAddress ?? (sessionUid === undefined ? undefined : limits.ofSession(sessionUid, request))
  }
  return { limits, limitOf }
}

/** Everything that a page is made of. */
export function createSite(
  { settings, log }: Needs,
  on: { clients: Clients; keys: ProtocolKeys; store: Store; federation: Federation; limitOf: LimitOfPages },
) {
  const { branding, development } = settings
  const tokens = createFormTokens(() => on.keys.cookies().all('form'))
  const assets = createAssets({ basePath: basePathOf(settings), branding, upstreams: settings.upstreams })
  const registered = (clientId: string) => on.clients.instances.registeredById(clientId)
  const logos = createLogos({
    basePath: basePathOf(settings),
    logoOf: (clientId) => {
      const client = registered(clientId)
      const logo = client && logoOf(client)
      return logo && { ...logo, namespace: client.namespace }
    },
    fetch: guardedFetch(settings, 'logo'),
    asker: askerOf(settings),
    now: () => performance.now(),
    log,
  })
  const ownTexts = branding.textsDirectory === undefined ? undefined : { directory: branding.textsDirectory, log }
  const texts = readTexts(localesDirectory, ownTexts)
  const pages = createPages({
    assets,
    logos,
    branding,
    texts,
    accountHref: `${basePathOf(settings)}${paths.account}`,
    development,
    tokens,
  })
  const clientOf = (clientId: string) => {
    const client = registered(clientId)
    return client && clientOnPage(client)
  }
  const personOf = async (userId: string) => {
    const account = await on.store.accounts.load({ userId })
    return account && personOnPage(account.user)
  }
  const protocol = createProtocolPages({
    basePath: basePathOf(settings),
    pages,
    limitOf: on.limitOf,
    languages: texts.languages,
    describeClient: clientOf,
    personOf,
    elsewhereOf: (userId) => signedInElsewhere(on.federation, userId),
    async sessionOf(uid) {
      const used = await on.store.devices.whoUsed(uid)
      if (used === undefined) return undefined
      const inSession = used.clients.map((client) => ({ ...client, inSession: true as const }))
      return { userId: used.userId, endings: endingsOf(inSession, on.clients.instances) }
    },
    ended: cookieScope(new URL(settings.issuer)).ended.name,
  })
  /** Also for pages without a loaded person. */
  const readerOf = async (userId: string | undefined) => (userId === undefined ? undefined : inTime(personOf(userId)))
  const limited = limitPages(pages, on.limitOf)
  return { tokens, assets, logos, pages, limited, protocol, clientOf, readerOf, texts }
}

import type { Log } from '@nauthera/runtime/log'
import { paths } from '@nauthera/rules/endpoints'
import type { Fetch } from '../../oidc/outbound/outbound-fetch.ts'
import type { Cache } from '../../store/cache/cache.ts'
import { isPlainHttp } from '../../settings/upstream.ts'
import type { ServerSettings } from '../../settings.ts'
import { createGitHubUpstream } from './github.ts'
import { createUpstreamMetadata } from './metadata.ts'
import { createOpenIdUpstream } from './openid.ts'
import { describeUpstream } from './presets.ts'
import type { Upstream } from './upstream.ts'

/** The providers of the settings, in their order. */
export function createUpstreams(needs: {
  settings: Pick<ServerSettings, 'sources' | 'upstreams'>
  /** Our own, without a slash at the end. */
  issuer: string
  fetch: Fetch
  cache: Cache | undefined
  log: Log
  /** Epoch milliseconds. */
  now: () => number
}): readonly Upstream[] {
  const { settings: all, issuer: ours, fetch } = needs
  return all.upstreams.map((settings) => {
    const description = describeUpstream(settings, all)
    const redirectUri = `${ours}${callbackPath(description.id)}`
    if (description.protocol === 'github') return createGitHubUpstream({ description, settings, fetch, redirectUri })
    const { issuer } = description
    const metadata = createUpstreamMetadata({ ...needs, issuer, plainHttp: isPlainHttp(issuer) })
    return createOpenIdUpstream({ description, settings, metadata, fetch, redirectUri })
  })
}

/** Each provider has an address of its own to come back to: an answer of one is never taken for that of another (RFC 9700 4.4). */
const callbackPath = (id: string): string => `${paths.federation}/${id}/callback`

import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { paths } from '@nauthera/rules/endpoints'
import { serverMetrics } from '../../metrics.ts'
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
  metrics: Metrics
  /** Epoch milliseconds. */
  now: () => number
}): readonly Upstream[] {
  const { settings: all, issuer: ours } = needs
  const requests = needs.metrics.counter(serverMetrics.upstreamRequests)
  return all.upstreams.map((settings) => {
    const description = describeUpstream(settings, all)
    const count = (outcome: 'answered' | 'failed', by = 1) => requests.inc({ upstream: description.id, outcome }, by)
    // else Prometheus sees no rise at the first failure
    count('answered', 0)
    count('failed', 0)
    const fetch = countedFetch(needs.fetch, count)
    const redirectUri = `${ours}${callbackPath(description.id)}`
    if (description.protocol === 'github') return createGitHubUpstream({ description, settings, fetch, redirectUri })
    const { issuer } = description
    const metadata = createUpstreamMetadata({ ...needs, fetch, issuer, plainHttp: isPlainHttp(issuer) })
    return createOpenIdUpstream({ description, settings, metadata, fetch, redirectUri })
  })
}

/** An answer that says that the provider cannot answer is none. */
function countedFetch(fetch: Fetch, count: (outcome: 'answered' | 'failed') => void): Fetch {
  return async (url, init) => {
    try {
      const response = await fetch(url, init)
      count(response.status < 500 ? 'answered' : 'failed')
      return response
    } catch (error) {
      count('failed')
      throw error
    }
  }
}

/** Each provider has a callback of its own, so that an answer of one is never taken for that of another (RFC 9700 4.4). */
const callbackPath = (id: string): string => `${paths.federation}/${id}/callback`

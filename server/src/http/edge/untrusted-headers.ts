import type { IncomingHttpHeaders } from 'node:http'
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { serverMetrics } from '../../metrics.ts'

const forwarding = ['x-forwarded-for', 'forwarded', 'x-real-ip'] as const
const sayEvery = 60_000

/** Called for each request; an untrusted peer's headers have no other effect. */
export type SeeUntrusted = (headers: IncomingHttpHeaders, address: string) => void

/** Counts requests with forwarding headers of an untrusted peer, and logs it once a minute. Either somebody forges headers, or a proxy is
 *  missing in `trustedProxies`, and all people behind it share one address.
 *  @param needs.isExpected `allowUntrustedProxy`: counted but not logged
 *  @param needs.now milliseconds, monotonic */
export function createUntrustedHeaders(needs: {
  log: Log
  metrics: Metrics
  isExpected: boolean
  now: () => number
}): SeeUntrusted {
  const requests = needs.metrics.counter(serverMetrics.untrusted)
  let lastSaid = -Infinity
  let unsaid = 0
  return (headers, address) => {
    if (!forwarding.some((name) => headers[name] !== undefined)) return
    requests.inc()
    unsaid++
    if (needs.isExpected || needs.now() - lastSaid < sayEvery) return
    needs.log.warn(
      { address, requests: unsaid },
      'forwarding headers were ignored: their sender is not in trustedProxies; add it there if it is your proxy',
    )
    lastSaid = needs.now()
    unsaid = 0
  }
}

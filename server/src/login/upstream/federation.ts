import type { Log } from '@nauthera/runtime/log'
import type { UpstreamLinks } from '../../store/upstream-links.ts'
import type { Upstream } from './upstream.ts'

/** The other providers at which people sign in, and which accounts are linked with them. */
export interface Federation {
  readonly upstreams: readonly Upstream[]
  readonly links: Pick<UpstreamLinks, 'signIn' | 'create' | 'link'>
  readonly log: Log
}

/** The provider that the domain of an e-mail address leads to.
 *  @param address as typed, or as a client hints; anything else leads nowhere */
export function upstreamOf(upstreams: readonly Upstream[], address: string | undefined): Upstream | undefined {
  const at = address?.lastIndexOf('@') ?? -1
  if (address === undefined || at < 1) return undefined
  const domain = address
    .slice(at + 1)
    .trim()
    .toLowerCase()
  return upstreams.find(({ domains }) => domains.includes(domain))
}

import type { Log } from '@nauthera/runtime/log'
import { domainOf } from '../../store/people/email-address.ts'
import type { UpstreamLinks } from '../../store/factors/upstream-links.ts'
import type { Upstream } from './upstream.ts'

/** The other providers at which people sign in, and which accounts are linked with them. */
export interface Federation {
  readonly upstreams: readonly Upstream[]
  readonly links: Pick<UpstreamLinks, 'signIn' | 'create' | 'link' | 'lastOf'>
  readonly log: Log
}

/** The provider that the domain of an e-mail address leads to.
 *  @param address as typed, or as a client hints; anything else leads nowhere */
export function upstreamOf(upstreams: readonly Upstream[], address: string | undefined): Upstream | undefined {
  const domain = domainOf(address?.trim() ?? '')
  return domain === undefined ? undefined : upstreams.find(({ domains }) => domains.includes(domain))
}

/** The provider at which a person may still be signed in after they signed out here, and where they sign out there.
 *  @returns undefined when they never signed in at one of the present ones */
export async function signedInElsewhere(
  { upstreams, links, log }: Federation,
  userId: string,
): Promise<{ readonly name: string; readonly url: string | undefined } | undefined> {
  if (upstreams.length === 0) return undefined
  const last = await links.lastOf(userId)
  const upstream = upstreams.find(({ id }) => id === last)
  if (upstream === undefined) return undefined
  try {
    return { name: upstream.name, url: (await upstream.signOutUrl())?.href }
  } catch (error) {
    // its page is an offer: without it the person is told all the same
    log.warn({ error, upstream: upstream.id }, 'a provider does not say where people sign out')
    return { name: upstream.name, url: undefined }
  }
}

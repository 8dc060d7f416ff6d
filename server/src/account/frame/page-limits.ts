// Limits how many pages a person, a session and an address get of one replica in a minute. Signed-in people are limited by name, since a
// browser can have any address; strangers can be told apart by their address alone.
import { createMinuteCounts } from '../../minute-counts.ts'
import type { MinuteCounts } from '../../minute-counts.ts'
import type { Page } from '../../reply.ts'
import { askerOf } from '../../store/audit/address-block.ts'

/** Pages in a minute, of one replica. */
export interface MostPages {
  /** Nobody clicks five times a second for a minute. */
  readonly ofPerson: number
  /** Many people may share an address: a replica with two processors checks about 140 passwords a second, which is 280 pages. So people who
   *  sign in behind one address meet the limit of the processors first, on the four that hash at most too. */
  readonly ofAddress: number
}

const mostPages: MostPages = { ofPerson: 300, ofAddress: 60_000 }
/** One customer of a network may have a whole IPv6 /48: so many times the pages of an address. */
const ofWiderBlock = 3

interface AskedPage {
  readonly url?: string | undefined
  /** With the issuer's path, which a handler may have cut off. */
  readonly originalUrl?: string
}
type PageLimit = (of: string, request: AskedPage) => Page | undefined

/** Each counts a request. @returns the page to answer with, when there were too many in this minute */
export interface PageLimits {
  /** @param of whose session is known to live: the cookie of one that has ended must not use up what its person has */
  readonly ofPerson: PageLimit
  /** For pages that do not ask whether the session lives. @param of the session that a cookie of ours names */
  readonly ofSession: PageLimit
  readonly ofAddress: PageLimit
}

/** @param needs.addressesKnown false where nobody knows from which address a request comes: then addresses have no limit
 *  @param needs.now milliseconds, monotonic */
export function createPageLimits(needs: {
  addressesKnown: boolean
  now: () => number
  most?: MostPages | undefined
}): PageLimits {
  const { addressesKnown, now, most = mostPages } = needs
  // apart, so that no number of addresses ends the counter of a person
  const [people, sessions, addresses] = [createMinuteCounts(now), createMinuteCounts(now), createMinuteCounts(now)]
  const personal =
    (counts: MinuteCounts): PageLimit =>
    (id, asked) => {
      if (counts.countOf(id) >= most.ofPerson) return tooManyPages(counts.secondsLeft(id), asked)
      counts.add(id)
      return undefined
    }
  return {
    ofPerson: personal(people),
    ofSession: personal(sessions),
    ofAddress(address, asked) {
      if (!addressesKnown) return undefined
      const { block, network } = askerOf(address)
      const shares =
        network === block
          ? [{ of: block, times: 1 }]
          : [
              { of: block, times: 1 },
              { of: network, times: ofWiderBlock },
            ]
      const full = shares.filter(({ of, times }) => addresses.countOf(of) >= times * most.ofAddress)
      if (full.length > 0) return tooManyPages(Math.max(...full.map(({ of }) => addresses.secondsLeft(of))), asked)
      for (const { of } of shares) addresses.add(of)
      return undefined
    },
  }
}

const tooManyPages = (seconds: number, { url = '/', originalUrl = url }: AskedPage): Page => ({
  kind: 'page',
  view: 'error',
  status: 429,
  retryAfter: seconds,
  // `//host` would lead to another server
  model: {
    key: 'too-many-pages',
    code: 'TOO_MANY_PAGES',
    values: { seconds },
    retryUrl: originalUrl.replace(/^[/\\]+/, '/'),
  },
})

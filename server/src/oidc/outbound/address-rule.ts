// Decides which addresses the server's own requests may reach. Clients register URLs, so without this they could reach cluster addresses
// through the server (SSRF).
import { isIP } from 'node:net'
import { contains, neverAllowed, parseRanges, unmapped } from '../../address-ranges.ts'
import type { OutboundPurpose, OutboundSettings } from '../../settings/outbound.ts'

/** Private and special ranges: only where the settings list them.
 *  Source: the IANA special-purpose address registries, RFC 6890. */
const special = parseRanges([
  '10.0.0.0/8',
  '100.64.0.0/10',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '240.0.0.0/4',
  '100::/64',
  '100:0:0:1::/64',
  '2001::/23',
  '2001:db8::/32',
  '2620:4f:8000::/48',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fec0::/10',
])!

const loopback = parseRanges(['127.0.0.0/8', '::1'])!

/** Why an address is refused; undefined when it is allowed. */
export type AddressFault = 'never' | 'not-listed'

/** @param host the name in the URL that resolved to the address, in lower case; the address itself when there was none */
export type AddressRule = (address: string, host: string) => AddressFault | undefined

/** @param needs.loopback allows loopback addresses: for an issuer on a loopback host, which is a developer's
 *  @param needs.allow what the settings list */
export function addressRule(
  purpose: OutboundPurpose,
  needs: { loopback: boolean } & Pick<OutboundSettings, 'allow'>,
): AddressRule {
  const listed = needs.allow.filter((entry) => entry.for.includes(purpose)).map(({ to }) => targetOf(to))
  return (address, host) => {
    const plain = unmapped(address)
    if (isIP(plain) === 0) return 'never'
    if (needs.loopback && contains(loopback, plain)) return undefined
    if (contains(neverAllowed, plain)) return 'never'
    if (!contains(special, plain)) return undefined
    return listed.some((matches) => matches(plain, host)) ? undefined : 'not-listed'
  }
}

/** An address or a range of them, a host, or (with a dot in front) every host below a domain. */
function targetOf(to: string): (address: string, host: string) => boolean {
  const range = parseRanges([to])
  if (range !== undefined) return (address) => contains(range, address)
  return to.startsWith('.')
    ? (_address, host) => host.replace(/\.$/, '').endsWith(to)
    : (_address, host) => host.replace(/\.$/, '') === to
}

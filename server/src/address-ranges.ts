// Addresses and ranges of them, as settings write them.
import { BlockList, isIP } from 'node:net'

/** Reads a list of addresses and CIDR ranges.
 *  @returns undefined when an entry is neither */
export function parseRanges(entries: readonly string[]): BlockList | undefined {
  const list = new BlockList()
  for (const entry of entries) {
    const [address = '', prefix] = entry.split('/')
    const version = isIP(address)
    if (version === 0) return undefined
    const most = version === 6 ? 128 : 32
    if (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) return undefined
    const length = prefix === undefined ? most : Number(prefix)
    if (length > most) return undefined
    list.addSubnet(address, length, version === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}

/** Whether it has at most 16 addresses: fewer than any network gives the pods of one node. */
export function isNarrow(range: string): boolean {
  const [address = '', prefix] = range.split('/')
  return prefix === undefined || Number(prefix) >= (isIP(address) === 6 ? 124 : 28)
}

/** @param address IPv4 or IPv6; any other text is in no list */
export function contains(list: BlockList, address: string): boolean {
  const version = isIP(address)
  return version !== 0 && list.check(address, version === 6 ? 'ipv6' : 'ipv4')
}

/** `::ffff:127.0.0.1` and `::ffff:7f00:1` are IPv4 addresses written as IPv6. */
export function unmapped(address: string): string {
  const text = address.toLowerCase().split('%')[0]!
  const dotted = /^::(?:ffff:)?(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  if (dotted) return dotted[1]!
  const hex = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(text)
  if (!hex) return text
  const [high, low] = [Number.parseInt(hex[1]!, 16), Number.parseInt(hex[2]!, 16)]
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

/** @returns the networks of an address: a wide one (IPv4 /16, IPv6 /32), as a provider has it, and a narrow one (the IPv4 address, IPv6 /64), as
 *  one sender has it. Any other text is its own networks */
export function networksOf(address: string): { readonly wide: string; readonly narrow: string } {
  const text = unmapped(address)
  const version = isIP(text)
  if (version === 0) return { wide: text, narrow: text }
  const parts = version === 4 ? text.split('.') : groupsOf(text)
  return { wide: parts.slice(0, 2).join(':'), narrow: parts.slice(0, 4).join(':') }
}

/** The groups of an IPv6 address, also those that `::` leaves out. */
function groupsOf(address: string): readonly string[] {
  const [before = [], after = []] = address.split('::').map((half) => half.split(':').filter((group) => group !== ''))
  return [...before, ...Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0'), ...after]
}

/** Where the server never sends a request, even when settings list the address: this machine itself, link-local addresses, the
 *  metadata services of clouds (which hand out credentials), multicast, and addresses that hide another one (NAT64, SIIT, 6to4). */
export const neverAllowed = parseRanges([
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '192.0.0.192/32',
  '224.0.0.0/4',
  '255.255.255.255/32',
  '::/96',
  '::ffff:0:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '2002::/16',
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
  'fe80::/10',
  'ff00::/8',
])!

/** Whether a listed address or range can allow nothing. */
export const isNeverAllowed = (range: string): boolean => contains(neverAllowed, unmapped(range.split('/')[0]!))

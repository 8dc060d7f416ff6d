/** An IPv6 host usually has a whole /64, so all of a /64 counts as one address; a mapped IPv4 address counts as IPv4. */
export function addressBlock(address: string): string {
  const parsed = parse(address)
  return 'ipv4' in parsed ? parsed.ipv4 : `${parsed.groups.slice(0, 4).join(':')}::/64`
}

/** One customer of a network often has a whole IPv6 /48, which is 65,536 blocks.
 *  @returns how `addressBlock` writes the beginning of every block in the /48 of this address; undefined for IPv4 */
export function widerBlockPrefix(address: string): string | undefined {
  const parsed = parse(address)
  return 'ipv4' in parsed ? undefined : `${parsed.groups.slice(0, 3).join(':')}:`
}

/** Who asks, as limits count that protect somebody from others. */
export interface Asker {
  readonly block: string
  /** The network around it, which one customer may have whole. */
  readonly network: string
}

/** @param address undefined where addresses are unknown: then everybody is one asker */
export function askerOf(address: string | undefined): Asker {
  if (address === undefined) return { block: '?', network: '?' }
  const block = addressBlock(address)
  return { block, network: widerBlockPrefix(address) ?? block }
}

/** @returns the eight groups of an IPv6 address, without leading zeros; anything else as it is, as IPv4 */
function parse(address: string): { readonly ipv4: string } | { readonly groups: readonly string[] } {
  const bare = address.split('%', 1)[0]!.toLowerCase()
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(bare)
  if (mapped !== null) return { ipv4: mapped[1]! }
  if (!bare.includes(':')) return { ipv4: bare }
  const [head = '', tail] = bare.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0')
  return { groups: [...left, ...zeros, ...right].map((group) => group.replace(/^0+(?=.)/, '')) }
}

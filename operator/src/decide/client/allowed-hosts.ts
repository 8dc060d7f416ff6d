// Which hosts a policy's `allow.redirectHosts` lets a URI have.
import { loopbackHosts } from '@nauthera/rules/uris'

/** @param allowed `app.example.com`, or `.apps.example.com` for every host below it: a label boundary, so that
 *    `evilapps.example.com` does not match
 *  @returns true for loopback too, and for the own scheme of an installed application: neither is a host on the network */
export function isHostAllowed(allowed: readonly string[], uri: string): boolean {
  if (!URL.canParse(uri)) return false
  const { protocol, hostname } = new URL(uri)
  if (protocol !== 'https:' && protocol !== 'http:') return true
  return loopbackHosts.includes(hostname) || listsHost(allowed, hostname)
}

/** @param allowed as for `isHostAllowed`; @param hostname in small letters */
export function listsHost(allowed: readonly string[], hostname: string): boolean {
  return allowed.some((host) => {
    const wanted = host.toLowerCase()
    return wanted.startsWith('.') ? hostname.endsWith(wanted) && hostname.length > wanted.length : hostname === wanted
  })
}

// The hosts of the network that URIs have, and which of them a policy's `allow.redirectHosts` lists.
import { loopbackHosts } from '@nauthera/rules/uris'

/** @returns the host of a URI in small letters, as a list: none for loopback and for the own scheme of an installed application, which are
 *  no hosts of the network. What is no URI has an empty one, which no policy lists */
export function networkHost(uri: string): readonly string[] {
  const url = URL.parse(uri)
  if (url === null) return ['']
  const isOfNetwork = ['https:', 'http:'].includes(url.protocol) && !loopbackHosts.includes(url.hostname)
  return isOfNetwork ? [url.hostname] : []
}

/** @param allowed `app.example.com`, or `.apps.example.com` for every host below it: a label boundary, so that
 *    `evilapps.example.com` does not match
 *  @param hostname in small letters */
export function listsHost(allowed: readonly string[], hostname: string): boolean {
  return allowed.some((host) => {
    const wanted = host.toLowerCase()
    return wanted.startsWith('.') ? hostname.endsWith(wanted) && hostname.length > wanted.length : hostname === wanted
  })
}

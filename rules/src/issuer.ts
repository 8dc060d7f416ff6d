// The issuer URL (OpenID Connect Discovery section 3). Clients and tokens have it character by character.
import { loopbackHosts } from './uris.ts'

/** @returns whether a host name is this machine itself: only there may an issuer be http (RFC 8252 section 8.3). */
export const isLoopback = (hostname: string): boolean =>
  loopbackHosts.includes(hostname) || hostname.endsWith('.localhost')

/** OpenID Connect Discovery section 3, RFC 8414 section 2: no query, no fragment. No last slash, so that the issuer joins with a
 *  path in one way only.
 *  @returns what is wrong with it */
export function issuerFaults(text: string): string[] {
  if (!URL.canParse(text)) return ['must be an https URL, such as https://login.example.com']
  const url = new URL(text)
  const faults: string[] = []
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) {
    faults.push('must be an https URL (http is for a loopback host only)')
  }
  if (text.includes('?') || text.includes('#')) faults.push('must have no query and no fragment')
  if (url.username !== '' || url.password !== '') faults.push('must not hold a user name or password')
  if (text.endsWith('/')) faults.push('must not end with a slash')
  const canonical = url.pathname === '/' ? url.origin : url.origin + url.pathname
  if (faults.length === 0 && canonical !== text) faults.push(`must be written as ${canonical}`)
  return faults
}

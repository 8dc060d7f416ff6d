// The one spelling of a name, by which people are looked up and counted, and of the domain of an address.
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'

/** Longest e-mail address (RFC 5321 section 4.5.3.1), so longest user name: as written, and in its one spelling, which may be longer and is in an index. */
export const longestName = 320

/** The one spelling under which a name is stored, looked up and counted: NFKC, lower case, no outer or repeated spaces, no
 *  character that PostgreSQL cannot hold, and the domain of an address in ASCII. Idempotent. */
export function canonicalName(name: string): string {
  const folded = name.toWellFormed().normalize('NFKC').toLowerCase().normalize('NFKC')
  const spelled = folded.replaceAll('\u0000', '').replace(/\s+/g, ' ').trim()
  const from = spelled.lastIndexOf('@') + 1
  const domain = from === 0 ? undefined : asciiDomain(spelled.slice(from))
  return domain === undefined ? spelled : spelled.slice(0, from) + domain
}

/** @returns the domain as mails are routed (RFC 5890), however it is written; undefined when it is none */
export function asciiDomain(domain: string): string | undefined {
  // else it would be read as the host of a URL, which may be escaped, and ends before a slash
  if (!plain.test(domain)) return undefined
  const ascii = domainToASCII(domain)
  return ascii.length <= 253 && labels.test(ascii) && isIP(ascii) === 0 ? ascii : undefined
}

/** Of ASCII only what a domain has. */
const plain = /^[a-z0-9._\-\u0080-\u{10ffff}]+$/iu

const labels = /^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.|$))+(?<!\.)$/

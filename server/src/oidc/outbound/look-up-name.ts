// Resolves names that clients have registered, with c-ares and a time-out. `dns.lookup` uses few threads without a time-out, so a dead
// name would block others and the database. The hosts file is read; search lists are not.
import { Resolver } from 'node:dns/promises'
import type { LookupAddress } from 'node:dns'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { fieldsOf } from '@nauthera/runtime/json'

/** Milliseconds: of one try, which the next one doubles; of all. Shorter than a connection may take. */
const usualTimes = { try: 400, whole: 1500 }
const tries = 2

export type LookUpName = (hostname: string, signal: AbortSignal) => Promise<LookupAddress[]>

/** @param options.servers for tests, as the others; default: those of the system
 *  @returns addresses, those of IPv4 first
 *  @throws Error that says what DNS answered, or that it did not */
export function createLookUpName(
  options: { servers?: readonly string[]; hostsFile?: string; times?: typeof usualTimes } = {},
): LookUpName {
  const { servers, hostsFile = '/etc/hosts', times = usualTimes } = options
  return async (hostname, signal) => {
    const name = hostname.toLowerCase().replace(/\.$/, '')
    const listed = addressesIn(await readFile(hostsFile, 'utf8').catch(() => ''), name)
    signal.throwIfAborted()
    if (listed.length > 0) return listed
    // RFC 6761: names of this machine are asked of nobody
    if (name === 'localhost' || name.endsWith('.localhost')) return [withFamily('127.0.0.1'), withFamily('::1')]
    // one of its own, so that its questions can be ended alone
    const resolver = new Resolver({ timeout: times.try, tries })
    if (servers !== undefined) resolver.setServers(servers)
    const end = AbortSignal.any([signal, AbortSignal.timeout(times.whole)])
    const cancel = () => resolver.cancel()
    end.addEventListener('abort', cancel)
    try {
      const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
      signal.throwIfAborted()
      const found = answers.flatMap((one) => (one.status === 'fulfilled' ? one.value.map(withFamily) : []))
      if (found.length > 0) return found
      throw new Error(`${name}: ${answers.some(isSilence) ? 'DNS does not answer' : 'DNS knows no address of it'}`)
    } finally {
      end.removeEventListener('abort', cancel)
    }
  }
}

const withFamily = (address: string): LookupAddress => ({ address, family: isIP(address) })

function isSilence(answer: PromiseSettledResult<unknown>): boolean {
  if (answer.status === 'fulfilled') return false
  const { code } = fieldsOf(answer.reason)
  return code !== 'ENOTFOUND' && code !== 'ENODATA'
}

/** @param hosts the text of a hosts file: an address and its names a line, `#` begins a comment */
function addressesIn(hosts: string, name: string): LookupAddress[] {
  return hosts.split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').toLowerCase().trim().split(/\s+/)
    return isIP(address) !== 0 && names.includes(name) ? [withFamily(address)] : []
  })
}

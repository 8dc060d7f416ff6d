import { lookup } from 'node:dns'
import { request as requestHttp } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { BlockList, isIP } from 'node:net'
import type { LookupFunction } from 'node:net'
import { CodedError } from '@nauthera/runtime/coded-error'

// The server fetches URLs that clients register (jwks_uri) from inside the cluster. A client could use this to reach
// internal addresses (SSRF), so the address is checked. This happens when the connection is made, after the name is
// resolved: a different second answer from DNS changes nothing (DNS rebinding). No redirect is followed.

/** Milliseconds and bytes. */
const limits = { connect: 2000, whole: 3000, body: 256 * 1024 }

/** Never allowed: loopback, link-local (metadata services of clouds), multicast, reserved and unspecified addresses. */
const never = blockList([
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  '::1/128',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  'fe80::/10',
  'ff00::/8',
])

/** Whether an address may be fetched from. Private networks are allowed: relying parties run in the cluster. */
export type AddressRule = (address: string) => boolean

/** @param options.loopback allows loopback addresses, for development and tests */
export function allowedAddress(options: { loopback: boolean }): AddressRule {
  const loopback = blockList(['127.0.0.0/8', '::1/128'])
  return (address) => {
    const plain = unmapped(address)
    const family = isIP(plain) === 6 ? 'ipv6' : 'ipv4'
    if (options.loopback && loopback.check(plain, family)) return true
    return isIP(plain) !== 0 && !never.check(plain, family)
  }
}

export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>

/** A `fetch` for URLs that clients have registered.
 *  @throws CodedError ADDRESS_NOT_ALLOWED, before a byte is sent */
export function createOutboundFetch(needs: { isAllowed: AddressRule }): Fetch {
  return async (input, init = {}) => {
    const url = new URL(input)
    const send = url.protocol === 'https:' ? requestHttps : requestHttp
    if (url.protocol !== 'https:' && url.protocol !== 'http:')
      throw new CodedError('ADDRESS_NOT_ALLOWED', { message: `only http and https are allowed, not ${url.protocol}` })
    const literal = url.hostname.replace(/^\[|\]$/g, '')
    if (isIP(literal) !== 0 && !needs.isAllowed(literal)) throw refused(literal)
    const headers = Object.fromEntries(new Headers(init.headers))
    const body = init.body ? await new Response(init.body).text() : undefined
    const signal = AbortSignal.any([AbortSignal.timeout(limits.whole), ...(init.signal ? [init.signal] : [])])
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = send(
        url,
        {
          method: init.method ?? 'GET',
          headers,
          signal,
          agent: false,
          lookup: guardedLookup(needs.isAllowed),
          timeout: limits.connect,
        },
        resolve,
      )
      outgoing.once('error', reject)
      outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer within ${limits.connect} ms`)))
      outgoing.end(body)
    })
    const received = await readBody(answer)
    const status = answer.statusCode ?? 502
    const empty = status === 204 || status === 304
    return new Response(empty ? null : new Uint8Array(received), { status, headers: headersOf(answer) })
  }
}

/** Resolves a name for a connection. When one of its addresses is not allowed, the whole name is refused. */
function guardedLookup(isAllowed: AddressRule): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, [])
      if (addresses.length === 0 || addresses.some(({ address }) => !isAllowed(address)))
        return callback(refused(hostname), [])
      if (options.all) return callback(null, addresses)
      return callback(null, addresses[0]!.address, addresses[0]!.family)
    })
  }
}

async function readBody(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limits.body) {
      answer.destroy()
      throw new Error(`the answer is larger than ${limits.body} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function headersOf(answer: IncomingMessage): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(answer.headers)) {
    for (const one of Array.isArray(value) ? value : [value ?? '']) headers.append(name, one)
  }
  return headers
}

/** `::ffff:127.0.0.1` and `::ffff:7f00:1` are IPv4 addresses written as IPv6. */
function unmapped(address: string): string {
  const text = address.toLowerCase().split('%')[0]!
  const dotted = /^::(?:ffff:)?(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  if (dotted) return dotted[1]!
  const hex = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(text)
  if (!hex) return text
  const [high, low] = [Number.parseInt(hex[1]!, 16), Number.parseInt(hex[2]!, 16)]
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address, prefix] = range.split('/')
    list.addSubnet(address!, Number(prefix), address!.includes(':') ? 'ipv6' : 'ipv4')
  }
  return list
}

const refused = (name: string) =>
  new CodedError('ADDRESS_NOT_ALLOWED', {
    message: `${name} is a loopback, link-local or reserved address; use a URL that other hosts can reach`,
  })

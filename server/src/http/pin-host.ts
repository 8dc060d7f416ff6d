import { BlockList, isIP } from 'node:net'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { RenderPage } from '../reply.ts'
import { answerError } from './error-page.ts'
import type { Handler, InboundRequest } from './handler.ts'
import { keepPeer } from './peer.ts'
import { keepToJson } from './program-paths.ts'

/** What a peer can claim about the way of a request. Only a trusted proxy's word counts, and only what we read of it. */
const claims =
  /^(forwarded|x-forwarded-.*|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|cf-connecting-ip|fastly-client-ip|x-original-.*|x-rewrite-url|x-host|x-http-method-override|x-ssl-.*|ssl-client-.*|x-client-cert.*|x-amzn-.*)$/

/** Reads a list of addresses and CIDR ranges.
 *  @returns undefined for an entry that is neither */
export function parseProxies(entries: readonly string[]): BlockList | undefined {
  const list = new BlockList()
  for (const entry of entries) {
    const [address = '', prefix] = entry.split('/')
    const version = isIP(address)
    if (version === 0) return undefined
    const family = version === 6 ? 'ipv6' : 'ipv4'
    const most = version === 6 ? 128 : 32
    const length = prefix === undefined ? most : Number(prefix)
    if (!Number.isInteger(length) || length < 0 || length > most || prefix === '') return undefined
    list.addSubnet(address, length, family)
  }
  return list
}

/** Whether a request names its host twice: it has to be refused (RFC 9112 section 3.2). Node keeps the first. */
export function namesHostTwice({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>): boolean {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  return hosts > 1
}

/** Finds who asks, and for which host, from one request.
 *  @param trusted proxies whose X-Forwarded-For and X-Forwarded-Host count
 *  @returns `host` undefined when it is absent or no host at all */
export function readPeer(
  request: Pick<IncomingMessage, 'headers'> & { socket: { remoteAddress?: string | undefined } },
  trusted: BlockList,
): { address: string; host: string | undefined; viaProxy: boolean } {
  const direct = plainAddress(request.socket.remoteAddress ?? '')
  const viaProxy = isTrusted(direct, trusted)
  const named = viaProxy ? single(request.headers['x-forwarded-host']) : undefined
  const host = parseHost(named ?? request.headers.host)
  return { address: viaProxy ? farthest(request.headers, trusted, direct) : direct, host, viaProxy }
}

/** Pins host and protocol to the issuer: whatever a peer sends, every URL, cookie and check below comes from the
 *  settings (`Host: evil.test` would otherwise be published by discovery). Another host gets 421. */
export function createPinHost(needs: {
  issuer: URL
  /** Hosts that in-cluster callers may use, with port when it is not the scheme's own. */
  extraHosts: readonly string[]
  trustedProxies: readonly string[]
  render: RenderPage
}): Handler {
  const trusted = parseProxies(needs.trustedProxies) ?? new BlockList()
  const known = new Set([needs.issuer.host, ...needs.extraHosts].map((host) => parseHost(host)))
  const protocol = needs.issuer.protocol.slice(0, -1)
  const issuer = needs.issuer.href.replace(/\/$/, '')
  const basePath = needs.issuer.pathname.replace(/\/$/, '')
  return (request, response, next) => {
    const isTwice = namesHostTwice(request)
    takeAbsoluteTarget(request)
    keepToJson(request, basePath)
    const { address, host, viaProxy } = readPeer(request, trusted)
    const proxyHeaders = viaProxy ? clientCertificateOf(request.headers) : {}
    dropClaims(request.headers)
    // oidc-provider trusts these three (its `proxy` is on), so they are ours alone to set
    request.headers.host = needs.issuer.host
    request.headers['x-forwarded-proto'] = protocol
    request.headers['x-forwarded-for'] = address
    Object.assign(request.headers, proxyHeaders)
    keepPeer(request, { address, userAgent: (request.headers['user-agent'] ?? '').slice(0, 256) })
    if (isTwice) {
      const answer = { status: 400, code: 'REQUEST_INVALID', key: 'bad-request' }
      return answerError(request, response, answer, needs.render)
    }
    if (host !== undefined && known.has(host) && request.url?.startsWith('/')) return next()
    const answer = { status: 421, code: 'HOST_UNKNOWN', key: 'wrong-host', detail: `the issuer is ${issuer}` }
    const { status, code, key } = answer
    const page = { kind: 'page', view: 'error', status, model: { key, code, values: { issuer } } } as const
    answerError(request, response, answer, needs.render, page)
  }
}

/** `GET http://host/path`: servers take it like the path, with that host in the place of Host (RFC 9112 section 3.2.2). */
function takeAbsoluteTarget(request: InboundRequest): void {
  if (request.url?.startsWith('/')) return
  const match = /^https?:\/\/([^/?#]*)(.*)$/i.exec(request.url ?? '')
  if (!match) return
  const [, host = '', rest = ''] = match
  request.headers.host = host
  request.url = rest.startsWith('/') ? rest : `/${rest}`
  request.originalUrl = request.url
}

/** The one header with which a trusted proxy passes on the certificate of a mutual TLS client. */
function clientCertificateOf(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const certificate = single(headers['x-ssl-client-cert'])
  return certificate === undefined ? {} : { 'x-ssl-client-cert': certificate }
}

function dropClaims(headers: IncomingHttpHeaders): void {
  for (const name of Object.keys(headers)) {
    // some gateways read X_Forwarded_For as X-Forwarded-For
    if (claims.test(name.replaceAll('_', '-'))) delete headers[name]
  }
}

/** The first address from the right that is no trusted proxy: what stands left of it, the peer wrote itself. */
function farthest(headers: IncomingHttpHeaders, trusted: BlockList, direct: string): string {
  const hops = (single(headers['x-forwarded-for']) ?? '').split(',').map((hop) => plainAddress(hop.trim()))
  let address = direct
  for (const hop of hops.reverse()) {
    if (isIP(hop) === 0) return address
    address = hop
    if (!isTrusted(hop, trusted)) return address
  }
  return address
}

function isTrusted(address: string, trusted: BlockList): boolean {
  const version = isIP(address)
  return version !== 0 && trusted.check(address, version === 6 ? 'ipv6' : 'ipv4')
}

/** IPv4 that came by an IPv6 socket, as IPv4. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.at(-1) : value
}

/** @returns the host in lower case, without the scheme's own port and a final dot; undefined when it is none */
function parseHost(text: string | undefined): string | undefined {
  const match = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9.-]{1,253})(:[0-9]{1,5})?$/.exec((text ?? '').toLowerCase())
  if (!match) return undefined
  const [, name = '', port = ''] = match
  return name.replace(/\.$/, '') + (port === ':80' || port === ':443' ? '' : port)
}

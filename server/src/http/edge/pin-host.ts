import { isIP } from 'node:net'
import type { BlockList } from 'node:net'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { contains, parseRanges } from '../../address-ranges.ts'
import type { RenderPage } from '../../reply.ts'
import { isAsked, recordCertificate, markAlias, readCertificate } from './client-certificate.ts'
import type { WhereCertificatesCount } from './client-certificate.ts'
import { answerError } from '../pages/error-page.ts'
import { pathOfTarget } from '../request/handler.ts'
import type { Handler, InboundRequest } from '../request/handler.ts'
import { recordPeer } from '../request/peer.ts'
import { keepToJson } from '../protocol/keep-to-json.ts'
import type { SeeUntrusted } from './untrusted-headers.ts'

/** Forwarding headers. They are removed after the trusted proxy's values were read. Some gateways treat X_Forwarded_For as X-Forwarded-For. */
const claims = anyDash(
  /^(forwarded|x-forwarded-.*|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|cf-connecting-ip|fastly-client-ip|x-original-.*|x-rewrite-url|x-host|x-http-method-override|x-ssl-.*|ssl-client-.*|x-client-cert.*|client-cert.*|x-amzn-.*)$/,
)

/** Whether a request has two Host headers and must be refused (RFC 9112 section 3.2). Node shows only the first. */
function namesHostTwice({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>): boolean {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  return hosts > 1
}

/** Finds the sender of a request, and its host.
 *  @param trusted proxies whose X-Forwarded-For and X-Forwarded-Host count
 *  @returns `host`: undefined when it is absent or not a valid host */
export function readPeer(
  request: Pick<IncomingMessage, 'headers'> & { socket: { remoteAddress?: string | undefined } },
  trusted: BlockList,
): { address: string; host: string | undefined; viaProxy: boolean } {
  const direct = plainAddress(request.socket.remoteAddress ?? '')
  const viaProxy = contains(trusted, direct)
  const named = viaProxy ? single(request.headers['x-forwarded-host']) : undefined
  const host = parseHost(named ?? request.headers.host)
  return { address: viaProxy ? farthest(request.headers, trusted, direct) : direct, host, viaProxy }
}

/** Sets host and protocol to those of the issuer, so that all URLs, cookies and checks come from the settings and not from the request
 *  (else discovery would publish the host of `Host: evil.test`). A request for another host gets 421. */
export function createPinHost(needs: {
  issuer: URL
  /** More allowed hosts, for in-cluster callers, with a port unless it is the default. */
  extraHosts: readonly string[]
  trustedProxies: readonly string[]
  /** Where client certificates count; undefined for nowhere. */
  certificates?: WhereCertificatesCount | undefined
  /** Called for each request that came from no trusted proxy. */
  seeUntrusted?: SeeUntrusted
  /** Paths that every host answers: the page about a wrong host loads its stylesheet from there. */
  isOpen: (path: string) => boolean
  render: RenderPage
}): Handler {
  const trusted = parseRanges(needs.trustedProxies)!
  // a proxy that passes TLS through has the address of a trusted one, but cannot set headers
  const nobody = parseRanges([])!
  const known = new Set([needs.issuer.host, ...needs.extraHosts].map((host) => parseHost(host)))
  const atOther = needs.certificates && parseHost(needs.certificates.host)
  const alias = atOther === parseHost(needs.issuer.host) ? undefined : atOther
  const protocol = needs.issuer.protocol.slice(0, -1)
  const issuer = needs.issuer.href.replace(/\/$/, '')
  const basePath = needs.issuer.pathname.replace(/\/$/, '')
  return (request, response, next) => {
    const isTwice = namesHostTwice(request)
    keepToJson(request, basePath)
    const { address, host, viaProxy } = readPeer(request, isAsked(request) ? nobody : trusted)
    if (!viaProxy) needs.seeUntrusted?.(request.headers, address)
    const certificate = needs.certificates && certificateIn(request, { viaProxy, host }, needs.certificates)
    if (alias !== undefined && (isAsked(request) || host === alias)) markAlias(request)
    dropClaims(request.headers)
    // oidc-provider trusts these three (its `proxy` is on), so only we set them
    request.headers.host = needs.issuer.host
    request.headers['x-forwarded-proto'] = protocol
    request.headers['x-forwarded-for'] = address
    recordPeer(request, { address, userAgent: (request.headers['user-agent'] ?? '').slice(0, 256) })
    if (isTwice || certificate?.kind === 'several') {
      const answer = {
        status: 400,
        code: 'REQUEST_INVALID',
        key: 'bad-request',
        ...(isTwice ? {} : severalCertificates),
      }
      return answerError(request, response, answer, needs.render)
    }
    if (certificate) recordCertificate(request, certificate)
    if (host !== undefined && known.has(host) && request.url?.startsWith('/')) return next()
    if (needs.isOpen(pathOfTarget(request.url ?? ''))) return next()
    const answer = { status: 421, code: 'HOST_UNKNOWN', key: 'wrong-host', detail: `the issuer is ${issuer}` }
    const { status, code, key } = answer
    const page = {
      kind: 'page',
      view: 'error',
      status,
      model: { key, code, values: { issuer }, goTo: issuer },
    } as const
    answerError(request, response, answer, needs.render, page)
  }
}

/** Rewrites `GET http://host/path` to the path, and the host to the Host header (RFC 9112 section 3.2.2). It runs before all handlers,
 *  since Express keeps the first target. */
export function rewriteAbsoluteTarget(request: InboundRequest): void {
  if (request.url?.startsWith('/')) return
  const match = /^https?:\/\/([^/?#]*)(.*)$/i.exec(request.url ?? '')
  if (!match) return
  const [, host = '', rest = ''] = match
  request.headers.host = host
  request.url = rest.startsWith('/') ? rest : `/${rest}`
  request.originalUrl = request.url
}

const severalCertificates = {
  detail:
    'the request has more than one client certificate, or a header that imitates the one of the proxy; a proxy in front must replace what comes, not add to it',
}

/** @returns the same names, with an underscore in place of any dash too */
function anyDash(names: RegExp): RegExp {
  return new RegExp(names.source.replaceAll('-', '[-_]'))
}

/** Where a proxy names another host than the request itself, the certificate counts at neither. */
const certificateIn = (
  request: IncomingMessage,
  { viaProxy, host }: Pick<ReturnType<typeof readPeer>, 'viaProxy' | 'host'>,
  at: WhereCertificatesCount,
) => readCertificate(request, { viaProxy, host: parseHost(request.headers.host) === host ? host : undefined }, at)

function dropClaims(headers: IncomingHttpHeaders): void {
  for (const name of Object.keys(headers)) {
    if (claims.test(name)) delete headers[name]
  }
}

/** The first address from the right that is no trusted proxy. Addresses further left may be forged. */
function farthest(headers: IncomingHttpHeaders, trusted: BlockList, direct: string): string {
  const hops = (single(headers['x-forwarded-for']) ?? '').split(',').map((hop) => plainAddress(hop.trim()))
  let address = direct
  for (const hop of hops.reverse()) {
    // an IPv6 zone may be any text
    if (isIP(hop) === 0 || hop.includes('%')) return address
    address = hop
    if (!contains(trusted, hop)) return address
  }
  return address
}

/** Writes a mapped IPv4 address as IPv4. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.at(-1) : value
}

/** @returns the host in lower case, without port 80 or 443 and without a dot at the end; undefined when it is not valid */
function parseHost(text: string | undefined): string | undefined {
  const match = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9.-]{1,253})(:[0-9]{1,5})?$/.exec((text ?? '').toLowerCase())
  if (!match) return undefined
  const [, name = '', port = ''] = match
  return name.replace(/\.$/, '') + (port === ':80' || port === ':443' ? '' : port)
}

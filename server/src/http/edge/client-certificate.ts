// Finds the client certificate of a request: from TLS at its own port, or from a header of a trusted proxy, never both. Nobody else's
// header counts: certificates are public, so anybody could send one.
import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import { none, ofConnection } from '../../oidc/certificates/presented.ts'
import type { Presented } from '../../oidc/certificates/presented.ts'
import { readCertificateHeader } from './certificate-headers.ts'
import type { HeaderCertificate, HeaderFormat } from './certificate-headers.ts'

const askedFor = new WeakSet<IncomingMessage>()
const presented = new WeakMap<IncomingMessage, Presented>()

/** Marks a request that came by the port with mutual TLS. */
export const markAsked = (request: IncomingMessage): void => void askedFor.add(request)

export const isAsked = (request: IncomingMessage): boolean => askedFor.has(request)

export const recordCertificate = (request: IncomingMessage, certificate: Presented): void =>
  void presented.set(request, certificate)

/** @returns `none` also where no certificate is possible */
export const certificateOf = (request: IncomingMessage): Presented => presented.get(request) ?? none

const atAlias = new WeakSet<IncomingMessage>()

/** Marks a request to the alias address for mutual TLS (RFC 8705 section 5). */
export const markAlias = (request: IncomingMessage): void => void atAlias.add(request)

export const isAtAlias = (request: IncomingMessage): boolean => atAlias.has(request)

export interface WhereCertificatesCount {
  /** The header format of the proxies; undefined for none. */
  readonly header: HeaderFormat | undefined
  /** The host at which they set it. At other hosts they may pass on the client's own header. */
  readonly host: string
}

/** @param from the sender; `host` as in the request, undefined for none or two
 *  @returns `several` for a request to refuse */
export function readCertificate(
  request: IncomingMessage,
  from: { readonly viaProxy: boolean; readonly host: string | undefined },
  { header, host }: WhereCertificatesCount,
): HeaderCertificate {
  if (isAsked(request)) {
    const { socket } = request
    // at this port no header counts
    return socket instanceof TLSSocket ? ofConnection(socket.getPeerX509Certificate()) : none
  }
  return header !== undefined && from.viaProxy && from.host === host
    ? readCertificateHeader(header, request.rawHeaders)
    : none
}

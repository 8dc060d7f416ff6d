// Which certificate a request shows. TLS asks for one at a port of our own; a trusted proxy passes one on in a header. Never both, and nobody
// else's header counts: who could send it would be every client whose certificate is known, and certificates are no secret.
import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import { none, ofConnection } from '../../oidc/certificates/presented.ts'
import type { Presented } from '../../oidc/certificates/presented.ts'
import { readCertificateHeader } from './certificate-headers.ts'
import type { HeaderCertificate, HeaderFormat } from './certificate-headers.ts'

const askedFor = new WeakSet<IncomingMessage>()
const presented = new WeakMap<IncomingMessage, Presented>()

/** Says that the request came by the port at which TLS asks for a certificate. */
export const markAsked = (request: IncomingMessage): void => void askedFor.add(request)

export const isAsked = (request: IncomingMessage): boolean => askedFor.has(request)

export const keepCertificate = (request: IncomingMessage, certificate: Presented): void =>
  void presented.set(request, certificate)

/** @returns `none` where no certificate can come from too */
export const certificateOf = (request: IncomingMessage): Presented => presented.get(request) ?? none

const atAlias = new WeakSet<IncomingMessage>()

/** Says that the request came to the address for clients with certificates, which is not that of the issuer (RFC 8705 section 5). */
export const markAlias = (request: IncomingMessage): void => void atAlias.add(request)

export const isAtAlias = (request: IncomingMessage): boolean => atAlias.has(request)

export interface WhereCertificatesCount {
  /** How proxies pass it on; undefined: none does. */
  readonly header: HeaderFormat | undefined
  /** The host to which they do: at another one, where they do not, they pass on what the client has sent. */
  readonly host: string
}

/** @param from what is known of the sender; `host` as the request names it, undefined when it names none or two
 *  @returns `several` for a request that has to be refused */
export function readCertificate(
  request: IncomingMessage,
  from: { readonly viaProxy: boolean; readonly host: string | undefined },
  { header, host }: WhereCertificatesCount,
): HeaderCertificate {
  if (isAsked(request)) {
    const { socket } = request
    // no header counts here, whoever sends it
    return socket instanceof TLSSocket ? ofConnection(socket.getPeerX509Certificate()) : none
  }
  return header !== undefined && from.viaProxy && from.host === host
    ? readCertificateHeader(header, request.rawHeaders)
    : none
}

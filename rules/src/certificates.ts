// Authentication of a client by its certificate (RFC 8705): the name that identifies it, and which servers support it.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { tlsMethods } from './client-authentication.ts'
import { invalid } from './client-fault.ts'
import type { ClientFault } from './client-fault.ts'
import { parseDistinguishedName } from './distinguished-name.ts'

/** Identifies a client by the name in a certificate that a CA issued; self_signed_tls_client_auth compares the certificate itself. */
export const authorityMethod = 'tls_client_auth'

/** The server's mutual TLS. `authorities`: it trusts a CA that may name clients. */
export interface MutualTls {
  readonly authorities: boolean
}

/** Of a client, the name by which its certificate is known. */
export type CertificateName =
  | { readonly kind: 'subjectDN'; readonly value: string }
  | { readonly kind: 'sanDNS'; readonly value: string }
  | { readonly kind: 'sanURI'; readonly value: string }

type Named = Pick<ClientConfig, 'tlsClientAuthSubjectDn' | 'tlsClientAuthSanDns' | 'tlsClientAuthSanUri'>

/** @returns every name that is set; a valid client of this method has one */
export function certificateNames(config: Named): readonly CertificateName[] {
  const all: readonly CertificateName[] = [
    { kind: 'subjectDN', value: config.tlsClientAuthSubjectDn },
    { kind: 'sanDNS', value: config.tlsClientAuthSanDns },
    { kind: 'sanURI', value: config.tlsClientAuthSanUri },
  ]
  return all.filter(({ value }) => value !== '')
}

/** Letters, digits and hyphens between dots: a certificate for a whole domain names nobody. The API server asks the same. */
export const certificateHostPattern =
  '^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?[.])*[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$'
export const certificateUriPattern = '^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$'
export const certificateHostFault = 'must be the name of a host, such as worker.example.com'
export const certificateUriFault = 'must be a URI, such as spiffe://example.org/ns/demo/sa/worker'

const [hostPattern, uriPattern] = [new RegExp(certificateHostPattern), new RegExp(certificateUriPattern)]

function nameFault({ kind, value }: CertificateName): string | undefined {
  switch (kind) {
    case 'subjectDN':
      return parseDistinguishedName(value) === undefined
        ? 'must be a distinguished name as in RFC 4514, the narrowest part first, such as CN=worker,O=Example'
        : undefined
    case 'sanDNS':
      return hostPattern.test(value) ? undefined : certificateHostFault
    case 'sanURI':
      return uriPattern.test(value) ? undefined : certificateUriFault
  }
}

/** Whether the access tokens of a client are bound to its certificate: one that proves itself by it has no others, unless DPoP binds them. */
export const hasCertificateBoundTokens = (
  config: Pick<
    ClientConfig,
    'tokenEndpointAuthMethod' | 'dpopBoundAccessTokens' | 'tlsClientCertificateBoundAccessTokens'
  >,
): boolean =>
  !config.dpopBoundAccessTokens &&
  (config.tlsClientCertificateBoundAccessTokens || tlsMethods.includes(config.tokenEndpointAuthMethod))

export const boundTwice = 'must not be true together with dpop: a token is bound once; remove one of them'

function bindingFaults(
  { tlsClientCertificateBoundAccessTokens: isBound, dpopBoundAccessTokens: byProof }: ClientConfig,
  mutualTls: MutualTls | 'off' | undefined,
): ClientFault[] {
  if (!isBound) return []
  return [
    ...(byProof ? [invalid('certificateBoundTokens', boundTwice)] : []),
    ...(mutualTls === 'off'
      ? [invalid('certificateBoundTokens', 'must be false: this server takes no certificates; set mutualTLS there')]
      : []),
  ]
}

/** @param about.mutualTls what the server does; 'off' for nothing, undefined for who does not know the server */
export function certificateFaults(
  config: ClientConfig,
  { mutualTls }: { readonly mutualTls?: MutualTls | 'off' | undefined },
): readonly ClientFault[] {
  const { tokenEndpointAuthMethod: method } = config
  const names = certificateNames(config)
  if (method !== authorityMethod && names.length > 0)
    return [invalid('auth.tls', `must be absent unless auth.method is ${authorityMethod}; remove it`)]
  const faults = bindingFaults(config, mutualTls)
  if (!tlsMethods.includes(method)) return faults
  if (method === authorityMethod && names.length !== 1)
    faults.push(invalid('auth.tls', `must have exactly one of subjectDN, sanDNS and sanURI with ${authorityMethod}`))
  for (const name of names) {
    const fault = nameFault(name)
    if (fault !== undefined) faults.push(invalid(`auth.tls.${name.kind}`, fault))
  }
  if (mutualTls === 'off')
    faults.push(invalid('auth.method', `must not be ${method}: this server takes no certificates; set mutualTLS there`))
  else if (method === authorityMethod && mutualTls?.authorities === false)
    faults.push(
      invalid('auth.method', `must not be ${method}: this server knows no authorities; set mutualTLS.caFile there`),
    )
  return faults
}

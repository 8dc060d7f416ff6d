// The library's hooks for mutual TLS (RFC 8705). The library binds tokens and compares thumbprints; ../certificates judges certificates.
import { authorityMethod, certificateNames } from '@nauthera/rules/certificates'
import { tlsMethods, wireMethods } from '@nauthera/rules/client-authentication'
import type { WireMethod } from '@nauthera/rules/client-authentication'
import { paths } from '@nauthera/rules/endpoints'
import { errors } from 'oidc-provider'
import type { X509Certificate } from 'node:crypto'
import { notShown } from '../certificates/refusal.ts'
import type { CertificateProofs } from '../certificates/certificate-proof.ts'
import type { Presented } from '../certificates/presented.ts'
import type { CertificateRefusal } from '../certificates/refusal.ts'
import { currentRequest } from './current-request.ts'
import type { LibraryNeeds, ProtocolSettings } from './needs.ts'
import { authMethodOf, clientOf } from './shapes.ts'
import type { Context } from './shapes.ts'

type Needs = Pick<LibraryNeeds, 'certificates' | 'clients'>

/** @returns the supported authentication methods */
export function servedMethods(certificates: CertificateProofs | undefined): readonly WireMethod[] {
  const refused: readonly string[] =
    certificates === undefined ? tlsMethods : certificates.knowsAuthorities ? [] : [authorityMethod]
  return wireMethods.filter((method) => !refused.includes(method))
}

/** The feature of the library. Its hooks are synchronous. */
export function mutualTls({ certificates, clients }: Needs) {
  // a token that was bound before is of no use any more
  if (certificates === undefined) return { enabled: false, getCertificate: () => undefined }
  return {
    enabled: true,
    certificateBoundAccessTokens: true,
    tlsClientAuth: certificates.knowsAuthorities,
    selfSignedTlsClientAuth: true,
    /** Called when a client authenticates, and when a bound token is issued or used. */
    getCertificate: (context: Context): X509Certificate | undefined => {
      const { certificate } = currentRequest()
      // at userinfo there is no client yet
      const method = authMethodOf(context)
      if (method !== undefined && tlsMethods.includes(method)) refuse(fit(certificate, method, certificates))
      return certificate.kind === 'certificate' ? certificate.leaf : undefined
    },
    certificateAuthorized: (context: Context): true => {
      const [name] = certificateNames(clients.registered(clientOf(context)).config)
      refuse(name === undefined ? 'wrong-name' : certificates.byName(currentRequest().certificate, name))
      return true
    },
    // judged with the chain
    certificateSubjectMatches: () => true,
  }
}

/** For a client that is known by the name, the rest is asked with that. */
function fit(certificate: Presented, method: string, certificates: CertificateProofs): CertificateRefusal | undefined {
  if (method !== authorityMethod) return certificates.byItself(certificate)
  return certificate.kind === 'certificate' ? undefined : notShown(certificate)
}

/** @throws errors.InvalidClientAuth with the reason, which the audit log shows */
function refuse(why: CertificateRefusal | undefined): void {
  if (why !== undefined) throw new errors.InvalidClientAuth(why)
}

const wrongThumbprint: CertificateRefusal = 'wrong-thumbprint'

/** @param reason why a client was refused, as the library says it
 *  @returns the word that the audit log has for it: the library itself looks for the certificate among those of the client */
export const certificateReason = (reason: string): string =>
  reason === 'unregistered client certificate provided' ? wrongThumbprint : reason

/** The endpoints that clients with a certificate ask (RFC 8705 section 5), by their names in the metadata. */
const aliased = {
  token_endpoint: paths.token,
  revocation_endpoint: paths.revocation,
  introspection_endpoint: paths.introspection,
  pushed_authorization_request_endpoint: paths.pushedRequest,
  device_authorization_endpoint: paths.deviceAuthorization,
  userinfo_endpoint: paths.userinfo,
} as const

/** @returns mtls_endpoint_aliases; undefined without an own address for mutual TLS */
export function aliasesOf({ issuer, mutualTlsUrl }: ProtocolSettings): Readonly<Record<string, string>> {
  if (mutualTlsUrl === undefined || mutualTlsUrl === new URL(issuer).origin) return {}
  const base = `${mutualTlsUrl}${new URL(issuer).pathname.replace(/\/$/, '')}`
  return Object.fromEntries(Object.entries(aliased).map(([name, path]) => [name, `${base}${path}`]))
}

/** What discovery says besides. */
export function endpointAliases(settings: ProtocolSettings): object {
  const aliases = aliasesOf(settings)
  return Object.keys(aliases).length === 0 ? {} : { mtls_endpoint_aliases: aliases }
}

// Certificates of clients (RFC 8705), in the settings.
import { z } from '@nauthera/runtime/settings'
import { issuerFaults } from '@nauthera/rules/issuer'
import { isNarrow } from '../address-ranges.ts'
import { file } from './kinds.ts'

/** How each kind of proxy passes a certificate on; http/certificate-headers reads them. */
const headerFormats = ['nginx', 'envoy', 'traefik', 'haproxy'] as const

const origin = z
  .string()
  .max(300)
  .superRefine((text, context) => {
    for (const message of issuerFaults(text)) context.addIssue({ code: 'custom', message })
    if (URL.canParse(text) && new URL(text).pathname !== '/')
      context.addIssue({ code: 'custom', message: 'must have no path: that of the issuer is added' })
  })

export const mutualTlsSettings = z
  .strictObject({
    caFile: file
      .optional()
      .describe(
        'Certificates (PEM) of the authorities that may name a client, for tls_client_auth; read again when the file changes. Without it only self_signed_tls_client_auth is served.',
      ),
    header: z
      .enum(headerFormats)
      .optional()
      .describe(
        'How the proxies in trustedProxies pass on the certificate of a client: `nginx` (ingress-nginx: ssl-client-cert), `envoy` (x-forwarded-client-cert), `traefik` (x-forwarded-tls-client-cert), `haproxy` (x-ssl-client-cert). They must replace what a client sends in it.',
      ),
    listen: z
      .strictObject({
        host: z.string().min(1).default('0.0.0.0').describe('Address to listen on.'),
        port: z.int().min(0).max(65535).default(8443).describe('Port to listen on.'),
        certFile: file
          .optional()
          .describe('Our certificate there (PEM); read again when the file changes. Default: that of `tls`.'),
        keyFile: file
          .optional()
          .describe('Private key (PEM) of that certificate; read again when the file changes. Default: that of `tls`.'),
      })
      .optional()
      .describe(
        'A port of our own at which TLS asks for a certificate. The public port never asks: browsers would ask people.',
      ),
    onlyProxiesConnect: z
      .boolean()
      .default(false)
      .describe(
        'With `header`: says that nobody but your proxies can connect to the public port. Only then may trustedProxies hold a range of more than 16 addresses. The chart sets it where networkPolicy.ingressFrom names the proxies.',
      ),
    url: origin
      .optional()
      .describe(
        'Where clients with a certificate reach us, when it is not the issuer: an origin such as https://mtls.example.com. Discovery lists it (mtls_endpoint_aliases), and the header counts only at its host.',
      ),
  })
  .optional()
  .describe('Certificates of clients (RFC 8705, docs/mutual-tls.md). Without it no client can use one.')

export type MutualTlsSettings = NonNullable<z.output<typeof mutualTlsSettings>>

/** @returns the files of the certificate for that port; the check of the settings requires them */
export function certificateFiles(
  { certFile, keyFile }: NonNullable<MutualTlsSettings['listen']>,
  tls: { readonly certFile: string; readonly keyFile: string } | undefined,
) {
  return certFile !== undefined && keyFile !== undefined ? { certFile, keyFile } : tls
}

/** @returns what is wrong with it beside the other settings */
export function mutualTlsFaults(settings: {
  readonly mutualTLS?: MutualTlsSettings | undefined
  readonly tls?: object | undefined
  readonly trustedProxies: readonly string[]
}): readonly { readonly path: (string | number)[]; readonly message: string }[] {
  const { mutualTLS: mutual, tls, trustedProxies } = settings
  if (mutual === undefined) return []
  const faults: { path: (string | number)[]; message: string }[] = []
  const fault = (path: string[], message: string) => void faults.push({ path: ['mutualTLS', ...path], message })
  if (mutual.header === undefined && mutual.listen === undefined)
    fault([], 'has neither header nor listen, so no certificate can arrive; set one of them')
  if (mutual.header !== undefined && trustedProxies.length === 0)
    fault(['header'], 'is of nobody: list the addresses of your proxy in trustedProxies')
  if (mutual.header !== undefined && !mutual.onlyProxiesConnect)
    trustedProxies.forEach((range, n) => {
      if (!isNarrow(range)) faults.push({ path: ['trustedProxies', n], message: wideRange })
    })
  if (mutual.listen !== undefined && (mutual.listen.certFile === undefined) !== (mutual.listen.keyFile === undefined))
    fault(['listen'], 'has one of certFile and keyFile; give both, or none to use those of `tls`')
  if (mutual.listen !== undefined && mutual.listen.certFile === undefined && tls === undefined)
    fault(['listen'], 'needs a certificate of our own; give certFile and keyFile, or the settings `tls`')
  if (mutual.listen !== undefined && mutual.url === undefined)
    fault(['url'], 'is missing: it says where clients reach that port, such as https://mtls.example.com:8443')
  return faults
}

const wideRange =
  'is wide, and with mutualTLS.header everything that sends from there acts as every client whose certificate it knows; list at most 16 addresses in a range (/28, of IPv6 /124), or let only your proxies connect and set mutualTLS.onlyProxiesConnect'

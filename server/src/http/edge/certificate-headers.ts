// Parses the headers in which proxies pass on a client's certificate; each kind of proxy has its own. Even a trusted proxy's header may
// contain anything.
import { createHash } from 'node:crypto'
import { shown, none, unreadable } from '../../oidc/certificates/presented.ts'
import type { Presented } from '../../oidc/certificates/presented.ts'
import type { ServerSettings } from '../../settings.ts'

export type HeaderFormat = NonNullable<NonNullable<ServerSettings['mutualTLS']>['header']>

/** `several`: more than one certificate, or a look-alike header: it is unclear which certificate the client has. */
export type HeaderCertificate = Presented | { readonly kind: 'several' }

const several: HeaderCertificate = { kind: 'several' }

interface Format {
  /** The headers; the first has the certificate. */
  readonly names: readonly string[]
  /** @param values of those headers; undefined for one that is absent */
  readonly read: (...values: readonly (string | undefined)[]) => HeaderCertificate
}

export const headerFormats: Readonly<Record<HeaderFormat, Format>> = {
  nginx: { names: ['ssl-client-cert', 'ssl-client-verify'], read: readNginx },
  envoy: { names: ['x-forwarded-client-cert'], read: readEnvoy },
  traefik: { names: ['x-forwarded-tls-client-cert'], read: readTraefik },
  haproxy: { names: ['x-ssl-client-cert', 'x-ssl-client-verify', 'x-ssl-client-chain'], read: readHaproxy },
}

/** @param rawHeaders of the request as they came: names and values in turn. Node joins headers of one name, and hides that there were two
 *  @returns never throws */
export function readCertificateHeader(format: HeaderFormat, rawHeaders: readonly string[]): HeaderCertificate {
  const { names, read } = headerFormats[format]
  const found = names.map((name) => valuesOf(name, rawHeaders))
  if (found.some(({ values, isImitated }) => values.length > 1 || isImitated)) return several
  const values = found.map(({ values: [value] }) => value)
  return values[0] === undefined || values[0] === '' ? none : read(...values)
}

/** The values of a header. A proxy that sets `ssl-client-cert` may pass on a client's `ssl_client_cert`, and software may mix them up. So
 *  a header with underscores counts as an attack. */
function valuesOf(name: string, rawHeaders: readonly string[]): { values: readonly string[]; isImitated: boolean } {
  const values: string[] = []
  let isImitated = false
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const found = rawHeaders[at]!.toLowerCase()
    if (found === name) values.push(rawHeaders[at + 1]!.trim())
    else if (found.replaceAll('_', '-') === name) isImitated = true
  }
  return { values, isImitated }
}

/** ingress-nginx and nginx: `$ssl_client_escaped_cert`, and `$ssl_client_verify`, which is SUCCESS, NONE or FAILED with a reason. */
function readNginx(certificate = '', verify?: string): HeaderCertificate {
  if (verify === 'NONE') return none
  const isDoubted = verify?.startsWith('FAILED') === true
  if (verify !== 'SUCCESS' && !isDoubted) return unreadable
  const ders = readPem(unescaped(certificate))
  return ders?.length === 1 ? shown(ders, { isDoubted }) : unreadable
}

/** Envoy's X-Forwarded-Client-Cert: elements separated by commas, one for each proxy; pairs separated by semicolons. With two elements one
 *  is of a proxy, or sent by the client. `URI` and `DNS` are not escaped and could look like another pair, so `Hash`, which comes first,
 *  is compared. */
function readEnvoy(header = ''): HeaderCertificate {
  const elements = splitOutsideQuotes(header, ',')
  if (elements === undefined) return unreadable
  if (elements.length > 1) return several
  const pairs = splitOutsideQuotes(elements[0] ?? '', ';') ?? []
  const found = (key: string) => pairs.filter((pair) => pair.toLowerCase().startsWith(`${key}=`))
  const [certs, chains, hashes] = [found('cert'), found('chain'), found('hash')]
  if (hashes.length > 1 || certs.length > 1 || chains.length > 1 || (certs.length === 0 && chains.length === 0))
    return unreadable
  const [leaf, chain] = [certs[0], chains[0]].map((pair) =>
    pair === undefined ? [] : readPem(unescaped(valueOf(pair))),
  )
  if (leaf === undefined || chain === undefined || leaf.length > 1) return unreadable
  const [first = chain[0]] = leaf
  if (first === undefined || (hashes[0] !== undefined && !hasHash(first, valueOf(hashes[0])))) return unreadable
  // the chain begins with the leaf
  return shown([first, ...chain.filter((der) => !der.equals(first))], { isDoubted: false })
}

const valueOf = (pair: string): string => unquoted(pair.slice(pair.indexOf('=') + 1))

const hasHash = (der: Buffer, hash: string): boolean =>
  createHash('sha256').update(der).digest('hex') === hash.toLowerCase()

/** Traefik's passTLSClientCert: the base64 of each PEM, separated by commas; Traefik 2 escapes each. */
function readTraefik(header = ''): HeaderCertificate {
  const text = header.includes('%') ? unescaped(header) : header
  const ders = text?.split(',').map(readBase64)
  return ders?.every((der) => der !== undefined) ? shown(ders, { isDoubted: false }) : unreadable
}

/** HAProxy: `ssl_c_der,base64`; `ssl_c_verify`, 0 when trusted; `ssl_c_chain_der,base64`, concatenated certificates. With `%{+Q}` they are
 *  quoted. */
function readHaproxy(certificate = '', verify?: string, chain?: string): HeaderCertificate {
  const der = readBase64(unquoted(certificate))
  const between = chain === undefined || chain === '' ? [] : splitDer(readBase64(unquoted(chain)))
  if (der === undefined || between === undefined) return unreadable
  return shown([der, ...between.filter((one) => !one.equals(der))], {
    isDoubted: verify !== undefined && verify !== '' && verify !== '0',
  })
}

/** @returns undefined for invalid escapes */
function unescaped(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

const unquoted = (text: string): string => /^"(.*)"$/.exec(text)?.[1]?.replaceAll(/\\(.)/g, '$1') ?? text

const pemBlock = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g

/** @returns the certificates; undefined for any other text */
function readPem(text: string | undefined): readonly Buffer[] | undefined {
  if (text === undefined || text.replaceAll(pemBlock, '').trim() !== '') return undefined
  const ders = [...text.matchAll(pemBlock)].map(([, body = '']) => readBase64(body.replaceAll(/\s/g, '')))
  return ders.length > 0 && ders.every((der) => der !== undefined) ? ders : undefined
}

/** @returns undefined unless the whole text is Base64 */
function readBase64(text: string): Buffer | undefined {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined
}

/** Splits concatenated DER certificates by their lengths. */
function splitDer(bytes: Buffer | undefined): readonly Buffer[] | undefined {
  const ders: Buffer[] = []
  let rest = bytes ?? Buffer.alloc(0)
  while (rest.length > 0) {
    const size = derSize(rest)
    if (size === undefined || size > rest.length) return undefined
    ders.push(rest.subarray(0, size))
    rest = rest.subarray(size)
  }
  return ders.length > 0 ? ders : undefined
}

/** The size of the first DER sequence. A certificate has at least 256 bytes, so its length takes two or three bytes. */
function derSize(bytes: Buffer): number | undefined {
  if (bytes[0] !== 0x30) return undefined
  if (bytes[1] === 0x82 && bytes.length > 4) return 4 + bytes.readUInt16BE(2)
  return bytes[1] === 0x81 && bytes.length > 3 ? 3 + bytes[2]! : undefined
}

/** @returns undefined when a quote is left open */
function splitOutsideQuotes(text: string, separator: string): readonly string[] | undefined {
  const parts: string[] = []
  let [from, quoted] = [0, false]
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\' && quoted) at++
    else if (text[at] === '"') quoted = !quoted
    else if (text[at] === separator && !quoted) {
      parts.push(text.slice(from, at).trim())
      from = at + 1
    }
  }
  return quoted ? undefined : [...parts, text.slice(from).trim()]
}

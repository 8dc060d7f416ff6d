import { createHash } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { keySetOf, createCertificate } from '@nauthera/harness/certificates'
import type { Made } from '@nauthera/harness/certificates'
import { headerFormats, readCertificateHeader } from '../../../src/http/edge/certificate-headers.ts'
import type { HeaderFormat } from '../../../src/http/edge/certificate-headers.ts'

// What each kind of proxy sends, and everything else that may stand in its place.

describe('readCertificateHeader', () => {
  let root: Made
  let leaf: Made
  before(async () => {
    root = await createCertificate({ name: 'root', authority: true })
    leaf = await createCertificate({ name: 'leaf', issuer: root })
  })

  const base64 = ({ der }: Made): string => der.toString('base64')
  const escaped = (...made: readonly Made[]): string => encodeURIComponent(made.map(({ pem }) => `${pem}\n`).join(''))
  const [xfcc, tls] = ['x-forwarded-client-cert', 'X-Forwarded-Tls-Client-Cert'] as const
  const hash = ({ der }: Made): string => createHash('sha256').update(der).digest('hex')
  const lines = ({ pem }: Made): string => encodeURIComponent(pem).replaceAll('%20', ' ').replaceAll('%3D', '=')
  const read = (format: HeaderFormat, headers: readonly [string, string][]): string => {
    const found = readCertificateHeader(format, headers.flat())
    if (found.kind !== 'certificate') return found.kind
    expect(found.leaf.raw.equals(leaf.der)).to.equal(true)
    return `${found.isDoubted ? 'doubted' : 'certificate'}${found.between.length > 0 ? ` and ${found.between.length}` : ''}`
  }
  const ok: [string, string] = ['ssl-client-verify', 'SUCCESS']
  const cert = (text: () => string, name = 'ssl-client-cert') => [name, text] as const

  type Row = readonly [
    sentence: string,
    format: HeaderFormat,
    headers: readonly (readonly [string, string | (() => string)])[],
    outcome: string,
  ]
  const rows: readonly Row[] = [
    ['ingress-nginx', 'nginx', [cert(() => escaped(leaf)), ok], 'certificate'],
    ['in capital letters', 'nginx', [cert(() => escaped(leaf), 'SSL-Client-Cert'), ok], 'certificate'],
    ['that leaves spaces as they are', 'nginx', [cert(() => lines(leaf)), ok], 'certificate'],
    [
      'that nginx does not trust',
      'nginx',
      [cert(() => escaped(leaf)), ['ssl-client-verify', 'FAILED:self-signed certificate']],
      'doubted',
    ],
    ['with NONE', 'nginx', [cert(() => escaped(leaf)), ['ssl-client-verify', 'NONE']], 'none'],
    ['without a verdict', 'nginx', [cert(() => escaped(leaf))], 'unreadable'],
    ['with another verdict', 'nginx', [cert(() => escaped(leaf)), ['ssl-client-verify', 'success']], 'unreadable'],
    ['with two verdicts', 'nginx', [cert(() => escaped(leaf)), ok, ok], 'several'],
    ['twice', 'nginx', [cert(() => escaped(leaf)), cert(() => escaped(leaf)), ok], 'several'],
    ['under a name with underscores alone', 'nginx', [cert(() => escaped(leaf), 'ssl_client_cert'), ok], 'several'],
    [
      'beside a verdict under a name with an underscore',
      'nginx',
      [cert(() => escaped(leaf)), ok, ['ssl-client_verify', () => 'SUCCESS']],
      'several',
    ],
    [
      'twice, once with underscores',
      'nginx',
      [cert(() => escaped(leaf)), cert(() => 'x', 'Ssl_Client_Cert'), ok],
      'several',
    ],
    ['two certificates in one', 'nginx', [cert(() => escaped(leaf, root)), ok], 'unreadable'],
    ['words around it', 'nginx', [cert(() => `x${escaped(leaf)}`), ok], 'unreadable'],
    ['a key in its place', 'nginx', [cert(() => encodeURIComponent(leaf.keyPem)), ok], 'unreadable'],
    ['cut in the middle', 'nginx', [cert(() => escaped(leaf).slice(0, 200)), ok], 'unreadable'],
    ['half an escape', 'nginx', [cert(() => `${escaped(leaf)}%A`), ok], 'unreadable'],
    ['nothing', 'nginx', [], 'none'],
    ['an empty value', 'nginx', [cert(() => ''), ok], 'none'],

    ['Envoy', 'envoy', [cert(() => `Hash=${hash(leaf)};Cert="${escaped(leaf)}"`, xfcc)], 'certificate'],
    [
      'with everything that Envoy adds',
      'envoy',
      [
        cert(
          () =>
            `By=spiffe://a/b;Hash=${hash(leaf)};Cert="${escaped(leaf)}";Chain="${escaped(leaf, root)}";Subject="CN=a\\", b;c";URI=spiffe://a/c,`.slice(
              0,
              -1,
            ),
          xfcc,
        ),
      ],
      'certificate and 1',
    ],
    ['with the chain alone', 'envoy', [cert(() => `chain=${escaped(leaf)}`, xfcc)], 'certificate'],
    [
      'with two elements: one is of a proxy, or forged',
      'envoy',
      [cert(() => `Cert="${escaped(leaf)}",Cert="${escaped(leaf)}"`, xfcc)],
      'several',
    ],
    ['an element without Cert', 'envoy', [[xfcc, 'Hash=ab;URI=spiffe://a/b']], 'unreadable'],
    [
      'two Cert in one element',
      'envoy',
      [cert(() => `Cert="${escaped(leaf)}";Cert="${escaped(root)}"`, xfcc)],
      'unreadable',
    ],
    ['an open quote', 'envoy', [cert(() => `Cert="${escaped(leaf)}`, xfcc)], 'unreadable'],

    [
      'with a subject and names as Envoy writes them: quotes and commas escaped, names as they are',
      'envoy',
      [
        cert(
          () =>
            `By=spiffe://a/b;Hash=${hash(leaf)};Cert="${escaped(leaf)}";Subject="O=\\"Example\\"\\, Inc.;x,CN=a\\\\";URI=spiffe://a/c;DNS=a.example.com;DNS=b.example.com`,
          'X-Forwarded-Client-Cert',
        ),
      ],
      'certificate',
    ],
    [
      'with the hash of another certificate',
      'envoy',
      [cert(() => `Hash=${hash(root)};Cert="${escaped(leaf)}"`, xfcc)],
      'unreadable',
    ],
    [
      'with a certificate in the name of another one',
      'envoy',
      [cert(() => `Hash=${hash(root)};Subject="";URI=spiffe://a/c;Cert="${escaped(leaf)}"`, xfcc)],
      'unreadable',
    ],
    [
      'with a certificate and its hash in the name of another one',
      'envoy',
      [cert(() => `Hash=${hash(root)};URI=spiffe://a;Hash=${hash(leaf)};Cert="${escaped(leaf)}"`, xfcc)],
      'unreadable',
    ],
    [
      'with a comma in a name',
      'envoy',
      [cert(() => `Hash=${hash(leaf)};Cert="${escaped(leaf)}";URI=spiffe://a,Cert=b`, xfcc)],
      'several',
    ],
    ['twice', 'envoy', [cert(() => `Cert="${escaped(leaf)}"`, xfcc), cert(() => 'Hash=ab', xfcc)], 'several'],
    ['once with underscores', 'envoy', [cert(() => `Cert="${escaped(leaf)}"`, 'X_Forwarded_Client_Cert')], 'several'],
    ['lines that are not escaped', 'envoy', [cert(() => `Cert="${leaf.pem}`, xfcc)], 'unreadable'],
    ['the certificate twice in Cert', 'envoy', [cert(() => `Cert="${escaped(leaf, leaf)}"`, xfcc)], 'unreadable'],

    ['Traefik', 'traefik', [cert(() => base64(leaf), tls)], 'certificate'],
    [
      'with the chain, escaped',
      'traefik',
      [cert(() => encodeURIComponent(`${base64(leaf)},${base64(root)}`), tls)],
      'certificate and 1',
    ],
    [
      'of Traefik 2, with the chain: each escaped by itself',
      'traefik',
      [cert(() => [leaf, root].map((made) => encodeURIComponent(base64(made))).join(','), tls)],
      'certificate and 1',
    ],
    ['of Traefik 2, alone', 'traefik', [cert(() => encodeURIComponent(base64(leaf)), tls)], 'certificate'],
    ['twice', 'traefik', [cert(() => base64(leaf), tls), cert(() => base64(root), tls)], 'several'],
    [
      'twice, joined by a proxy on the way',
      'traefik',
      [cert(() => `${base64(leaf)}, ${base64(root)}`, tls)],
      'unreadable',
    ],
    ['in several lines', 'traefik', [cert(() => leaf.pem.replaceAll(/-----.*-----/g, '').trim(), tls)], 'unreadable'],
    ['a line break behind it', 'traefik', [cert(() => `${encodeURIComponent(base64(leaf))}%0A`, tls)], 'unreadable'],
    [
      'twice, once with underscores',
      'traefik',
      [cert(() => base64(leaf), tls), cert(() => base64(root), 'x_forwarded_tls_client_cert')],
      'several',
    ],
    ['with seven of them', 'traefik', [cert(() => Array(7).fill(base64(leaf)).join(','), tls)], 'unreadable'],
    ['an empty part', 'traefik', [cert(() => `${base64(leaf)},`, tls)], 'unreadable'],
    ['as PEM', 'traefik', [cert(() => escaped(leaf), tls)], 'unreadable'],

    ['HAProxy', 'haproxy', [cert(() => base64(leaf), 'X-SSL-Client-Cert')], 'certificate'],
    ['in quotes', 'haproxy', [cert(() => `"${base64(leaf)}"`, 'X-SSL-Client-Cert')], 'certificate'],
    [
      'with its chain',
      'haproxy',
      [
        cert(() => base64(leaf), 'X-SSL-Client-Cert'),
        cert(() => Buffer.concat([leaf.der, root.der]).toString('base64'), 'X-SSL-Client-Chain'),
        ['X-SSL-Client-Verify', '0'],
      ],
      'certificate and 1',
    ],
    [
      'that HAProxy does not trust',
      'haproxy',
      [cert(() => base64(leaf), 'X-SSL-Client-Cert'), ['X-SSL-Client-Verify', '18']],
      'doubted',
    ],
    [
      'with half a chain',
      'haproxy',
      [
        cert(() => base64(leaf), 'X-SSL-Client-Cert'),
        cert(() => root.der.subarray(0, 90).toString('base64'), 'X-SSL-Client-Chain'),
      ],
      'unreadable',
    ],
    [
      'with a letter behind it',
      'haproxy',
      [cert(() => Buffer.concat([leaf.der, Buffer.of(1)]).toString('base64'), 'X-SSL-Client-Cert')],
      'unreadable',
    ],
    ['as PEM in Base64', 'haproxy', [cert(() => btoa(leaf.pem), 'X-SSL-Client-Cert')], 'unreadable'],
    ['of another proxy', 'haproxy', [cert(() => escaped(leaf)), ok], 'none'],
  ]
  for (const [sentence, format, headers, outcome] of rows) {
    it(`T41 ${format}: ${sentence}: ${outcome}`, () => {
      const made = headers.map(([name, value]): [string, string] => [name, typeof value === 'string' ? value : value()])
      expect(read(format, made)).to.equal(outcome)
    })
  }

  it('T41 never fails, and never finds a certificate that nobody has sent', () => {
    const formats = Object.keys(headerFormats) as HeaderFormat[]
    const part = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.base64String(),
      fc.constantFrom('Cert=', 'Chain=', '"', ',', ';', '%', '\\', '-----BEGIN CERTIFICATE-----', 'SUCCESS', 'MIIB'),
    )
    const value = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.constantFrom(...formats), fc.array(value, { maxLength: 4 }), (format, values) => {
        const { names } = headerFormats[format]
        const headers = values.flatMap((text, n) => [names[n % names.length]!, text])
        expect(readCertificateHeader(format, headers).kind).to.be.oneOf(['none', 'unreadable', 'several'])
      }),
      { numRuns: propertyRuns(300) },
    )
  })

  it('T41 reads a certificate once, whichever proxy sends it, and in any order the one that was sent', async () => {
    const others = await Promise.all([createCertificate({ name: 'one' }), createCertificate({ name: 'other' })])
    const all = [leaf, ...others]
    const first = new Map<Made, unknown>()
    const sent = (made: Made, format: HeaderFormat): readonly string[] => {
      if (format === 'nginx') return ['ssl-client-cert', escaped(made), ...ok]
      if (format === 'envoy') return [xfcc, `Cert="${escaped(made)}"`]
      return [headerFormats[format].names[0]!, base64(made)]
    }
    const formats = fc.constantFrom(...(Object.keys(headerFormats) as HeaderFormat[]))
    fc.assert(
      fc.property(fc.constantFrom(...all), formats, (made, format) => {
        const found = readCertificateHeader(format, sent(made, format))
        expect(found.kind).to.equal('certificate')
        if (found.kind !== 'certificate') return
        expect(found.leaf.raw.equals(made.der)).to.equal(true)
        expect(found.leaf).to.equal(first.get(made) ?? found.leaf)
        first.set(made, found.leaf)
      }),
      { numRuns: propertyRuns(50) },
    )
  })

  it('T41 a certificate with one byte changed, moved or lost is never that certificate', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: leaf.der.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        (at, by, cut) => {
          const bytes = Buffer.from(leaf.der)
          bytes[at] = bytes[at]! ^ by
          const text = (cut ? bytes.subarray(0, at) : bytes).toString('base64')
          const found = readCertificateHeader('haproxy', ['x-ssl-client-cert', text])
          // what can still be read has another thumbprint; whether it proves anything is judged by its signature
          if (found.kind === 'certificate') {
            expect(found.leaf.fingerprint256).not.to.equal(leaf.certificate.fingerprint256)
            expect(found.leaf.verify(root.certificate.publicKey)).to.equal(false)
          }
        },
      ),
      { numRuns: propertyRuns(500) },
    )
  })

  it('keys of a client and headers of proxies name the same certificate', () => {
    const [key] = keySetOf(leaf).keys
    expect(read('traefik', [['x-forwarded-tls-client-cert', key!.x5c[0]!]])).to.equal('certificate')
  })
})

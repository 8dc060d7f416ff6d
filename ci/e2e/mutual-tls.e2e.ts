import { expect } from 'chai'
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'
import type { Json } from '@nauthera/stand-in/kube-client'
import { applyClients } from './support/clients.ts'
import { applyObjects, get, kubectl, whenObject } from './support/kubernetes.ts'
import { isReady, restrictedContainer, restrictedPod } from './support/pods.ts'
import { useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { authority, e2eImage, tlsSecret } from './support/release.ts'

/** Ends TLS, asks for a certificate and passes it on as HAProxy does: what a client sends in that header is replaced. */
const proxy = `
const { readFileSync } = require('node:fs')
const https = require('node:https')
const tls = { cert: readFileSync('/tls/tls.crt'), key: readFileSync('/tls/tls.key'), requestCert: true, rejectUnauthorized: false }
https.createServer(tls, (request, response) => {
  const { 'x-ssl-client-cert': _forged, ...headers } = request.headers
  const certificate = request.socket.getPeerX509Certificate()
  if (certificate) headers['x-ssl-client-cert'] = certificate.raw.toString('base64')
  const onward = https.request(process.env.ISSUER + request.url, { method: request.method, headers, servername: new URL(process.env.ISSUER).hostname }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers)
    answer.pipe(response)
  })
  onward.once('error', (error) => response.writeHead(502).end(String(error)))
  request.pipe(onward)
}).listen(8443, '0.0.0.0')`

/** One request: ADDRESS, the client, the certificate or nothing, and a token for userinfo or a forged header. Prints status and body. */
const ask = `
const { readFileSync } = require('node:fs')
const { request } = require('node:https')
const [url, client, certificate, forged] = process.argv.slice(1)
const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: client }).toString()
const read = (name) => readFileSync('/certificates/' + certificate + name)
const shown = certificate ? { cert: read('.crt'), key: read('.key') } : {}
const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length }
if (forged) headers['x-ssl-client-cert'] = readFileSync('/certificates/worker.crt', 'utf8').replace(/-----[A-Z ]+-----|\\s/g, '')
request(url + '/token', { method: 'POST', headers, ...shown }, async (answer) => {
  let text = ''
  for await (const chunk of answer) text += chunk
  console.log(JSON.stringify({ status: answer.statusCode, ...JSON.parse(text) }))
}).end(body)`

interface Answer {
  readonly status: number
  readonly error?: string
  readonly access_token?: string
}

const spiffe = 'spiffe://example.org/ns/team/sa/worker'

describe('a client with a certificate, on a real cluster', function () {
  this.timeout(240_000)
  let product: InstalledProduct
  let byProxy: string
  let byPort: string

  before(async () => {
    product = await useProduct()
    const { release, team } = product
    const { hostname } = new URL(release.issuer)
    byProxy = `https://mutual-tls.${team}.svc`
    byPort = `https://${hostname}:8443`
    const clients = await createAuthority({ name: 'clients', lifetimeMs: 86_400_000 })
    const [worker, other] = await Promise.all(
      [spiffe, `${spiffe}-2`].map((uri) => issueLeaf(clients, { usage: 'client', uris: [uri] })),
    )
    const certificates = {
      'worker.crt': worker!.cert,
      'worker.key': worker!.key,
      'other.crt': other!.cert,
      'other.key': other!.key,
    }
    await applyObjects([
      await tlsSecret(team, 'mutual-tls', [new URL(byProxy).hostname]),
      configMap(team, 'certificate-ca', { 'ca.crt': (await authority).cert }),
      configMap(release.namespace, 'client-ca', { 'ca.crt': clients.cert }),
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'certificates', namespace: team },
        stringData: certificates,
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'mutual-tls', namespace: team },
        spec: { selector: { app: 'mutual-tls' }, ports: [{ port: 443, targetPort: 8443 }] },
      },
      pod('mutual-tls', proxy, { tls: 'mutual-tls' }),
      pod('certificate-caller', 'setInterval(() => undefined, 1e6)', { certificates: 'certificates' }),
    ])
    for (const name of ['mutual-tls', 'certificate-caller'])
      await whenObject(`/api/v1/namespaces/${team}/pods`, name, isReady, 60_000)
    const { status } = await get(`/api/v1/namespaces/${team}/pods/mutual-tls`)
    await release.upgrade({
      values: {
        server: {
          extraHosts: [new URL(byPort).host],
          trustedProxies: [status.podIP],
          mutualTLS: { header: 'haproxy', url: byProxy, clientCA: { name: 'client-ca' }, listener: { enabled: true } },
        },
      },
    })
    const audiences = ['https://reports.example.com']
    const auth = { method: 'tls_client_auth', tls: { sanURI: spiffe } }
    await Promise.all([release.settled(), applyClients(team, { certified: { type: 'M2M', audiences, auth } })])
  })

  // what comes later upgrades the release with values of its own, and knows no client without a secret
  after(() => kubectl('-n', product.team, 'delete', 'oidcclient', 'certified', '--ignore-not-found'))

  const configMap = (namespace: string, name: string, data: object): object => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace },
    data,
  })

  /** @param secrets what is mounted, by directory */
  const pod = (name: string, script: string, secrets: Readonly<Record<string, string>>): Json => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: product.team, labels: { app: name } },
    spec: {
      ...restrictedPod,
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          ...restrictedContainer,
          name,
          image: e2eImage('driver:1'),
          args: ['-e', script],
          env: [
            { name: 'ISSUER', value: product.release.issuer },
            { name: 'NODE_EXTRA_CA_CERTS', value: '/ca/ca.crt' },
          ],
          volumeMounts: ['ca', ...Object.keys(secrets)].map((volume) => ({ name: volume, mountPath: `/${volume}` })),
        },
      ],
      volumes: [
        { name: 'ca', configMap: { name: 'certificate-ca' } },
        ...Object.entries(secrets).map(([volume, secretName]) => ({
          name: volume,
          secret: { secretName, defaultMode: 0o440 },
        })),
      ],
    },
  })

  const asked = async (url: string, certificate: string, ...more: string[]): Promise<Answer> => {
    const command = ['exec', 'certificate-caller', '--', '/usr/local/bin/node', '-e', ask]
    const out = await kubectl('-n', product.team, ...command, url, `${product.team}.certified`, certificate, ...more)
    return JSON.parse(out.trim()) as Answer
  }

  for (const [way, url] of [
    ['through a proxy that passes its certificate on', () => byProxy],
    ['at the port where the server itself asks', () => byPort],
  ] as const) {
    it(`T40 a pod with a SPIFFE id gets a token ${way}; one with another id, or none, does not`, async () => {
      const { status, access_token: token } = await asked(url(), 'worker')
      expect(status).to.equal(200)
      const claims = JSON.parse(Buffer.from(token!.split('.')[1]!, 'base64url').toString()) as Json
      expect(claims.cnf).to.have.property('x5t#S256')
      for (const certificate of ['other', '']) {
        const refused = await asked(url(), certificate)
        expect([refused.status, refused.error], certificate).to.deep.equal([401, 'invalid_client'])
      }
    })
  }

  it('T41 a header that a pod writes itself is dropped everywhere', async () => {
    for (const url of [byProxy, byPort, product.release.issuer]) {
      const { status, error } = await asked(url, '', 'forged')
      expect([status, error], url).to.deep.equal([401, 'invalid_client'])
    }
  })
})

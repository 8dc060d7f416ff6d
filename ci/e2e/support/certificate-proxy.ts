// Clients with certificates: a pod that has them, and a proxy that asks for one and passes it on.
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'
import type { Json } from '@nauthera/stand-in/kube-client'
import { applyObjects, get, whenObject } from './kubernetes.ts'
import { isReady, restrictedContainer, restrictedPod } from './pods.ts'
import type { InstalledProduct } from './product.ts'
import { authority, e2eImage, tlsSecret } from './release.ts'

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

export const spiffe = 'spiffe://example.org/ns/team/sa/worker'
/** The pod that has the certificates `worker` and `other` in /certificates. */
export const callerPod = 'certificate-caller'

export interface CertificateProxy {
  /** Where a certificate is asked for: at the proxy, and at a port of the server itself. */
  readonly byProxy: string
  readonly byPort: string
  /** Of the chart, below `server`. */
  readonly serverValues: object
}

/** Starts the pods in the namespace of the team. The release believes them once it has the values. */
export async function startCertificateProxy({ release, team }: InstalledProduct): Promise<CertificateProxy> {
  const { hostname } = new URL(release.issuer)
  const [byProxy, byPort] = [`https://mutual-tls.${team}.svc`, `https://${hostname}:8443`]
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
  const pod = (name: string, script: string, secrets: Readonly<Record<string, string>>) =>
    podOf({ name, namespace: team, issuer: release.issuer, script, secrets })
  await applyObjects([
    await tlsSecret(team, 'mutual-tls', [new URL(byProxy).hostname]),
    configMap(team, 'certificate-ca', { 'ca.crt': (await authority).cert }),
    configMap(release.namespace, 'client-ca', { 'ca.crt': clients.cert }),
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'certificates', namespace: team }, stringData: certificates },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'mutual-tls', namespace: team },
      spec: { selector: { app: 'mutual-tls' }, ports: [{ port: 443, targetPort: 8443 }] },
    },
    pod('mutual-tls', proxy, { tls: 'mutual-tls' }),
    pod(callerPod, 'setInterval(() => undefined, 1e6)', { certificates: 'certificates' }),
  ])
  for (const name of ['mutual-tls', callerPod])
    await whenObject(`/api/v1/namespaces/${team}/pods`, name, isReady, 60_000)
  const { status } = await get(`/api/v1/namespaces/${team}/pods/mutual-tls`)
  const mutualTLS = {
    header: 'haproxy',
    url: byProxy,
    clientCA: { name: 'client-ca' },
    listener: { enabled: true },
  }
  const serverValues = { extraHosts: [new URL(byPort).host], trustedProxies: [status.podIP as string], mutualTLS }
  return { byProxy, byPort, serverValues }
}

const configMap = (namespace: string, name: string, data: object): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data,
})

/** @param about.secrets what is mounted, by directory */
const podOf = (about: {
  name: string
  namespace: string
  issuer: string
  script: string
  secrets: Readonly<Record<string, string>>
}): Json => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: about.name, namespace: about.namespace, labels: { app: about.name } },
  spec: {
    ...restrictedPod,
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        ...restrictedContainer,
        name: about.name,
        image: e2eImage('driver:1'),
        args: ['-e', about.script],
        env: [
          { name: 'ISSUER', value: about.issuer },
          { name: 'NODE_EXTRA_CA_CERTS', value: '/ca/ca.crt' },
        ],
        volumeMounts: ['ca', ...Object.keys(about.secrets)].map((volume) => ({
          name: volume,
          mountPath: `/${volume}`,
        })),
      },
    ],
    volumes: [
      { name: 'ca', configMap: { name: 'certificate-ca' } },
      ...Object.entries(about.secrets).map(([volume, secretName]) => ({
        name: volume,
        secret: { secretName, defaultMode: 0o440 },
      })),
    ],
  },
})

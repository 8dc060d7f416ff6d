import { applyClients } from './clients.ts'
import { applyObjects, whenObject } from './kubernetes.ts'
import { isReady, restrictedContainer, restrictedPod } from './pods.ts'
import { e2eImage, tlsSecret } from './release.ts'

/** The application that has nothing but its Secret, at HTTPS.
 *  @param spec of its client, besides the addresses
 *  @returns its origin */
export async function startSampleApp(namespace: string, name: string, spec: object): Promise<string> {
  const origin = `https://${name}.${namespace}.svc`
  const [metadata, labels] = [{ name, namespace }, { app: name }]
  const addresses = { redirectURIs: [`${origin}/callback`], postLogoutRedirectURIs: [`${origin}/`] }
  await applyClients(namespace, { [name]: { type: 'Web', ...addresses, ...spec } })
  await applyObjects([
    // by its full name for what the server sends: only that is surely a Service of this cluster
    await tlsSecret(namespace, `${name}-tls`, [new URL(origin).hostname, `${new URL(origin).hostname}.cluster.local`]),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ port: 443, targetPort: 8443 }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, labels },
      spec: {
        ...restrictedPod,
        containers: [
          {
            ...restrictedContainer,
            name,
            image: e2eImage('driver:1'),
            args: ['/app/sample-app.js', '--host', '0.0.0.0', '--port', '8443', '--secret', '/client', '--tls', '/tls'],
            env: [{ name: 'NODE_EXTRA_CA_CERTS', value: '/ca/ca.crt' }],
            readinessProbe: { httpGet: { path: '/', port: 8443, scheme: 'HTTPS' }, periodSeconds: 1 },
            volumeMounts: [
              { name: 'ca', mountPath: '/ca' },
              { name: 'client', mountPath: '/client' },
              { name: 'tls', mountPath: '/tls' },
            ],
          },
        ],
        volumes: [
          { name: 'ca', configMap: { name: 'ca' } },
          { name: 'client', secret: { secretName: `${name}-oidc` } },
          { name: 'tls', secret: { secretName: `${name}-tls`, defaultMode: 0o440 } },
        ],
      },
    },
  ])
  await whenObject(`/api/v1/namespaces/${namespace}/pods`, name, isReady, 30_000)
  return origin
}

// What lies around a release: a directory and a mail server for people, a proxy for clients with certificates. The release is told of all
// at once: each rollout takes most of a minute.
import { whenLoaded } from '../later.ts'
import { startCertificateProxy } from './certificate-proxy.ts'
import type { CertificateProxy } from './certificate-proxy.ts'
import { startDirectory } from './directory.ts'
import type { DirectoryPod } from './directory.ts'
import { applyObjects } from './kubernetes.ts'
import { startMailServer } from './mail-server.ts'
import type { MailServer } from './mail-server.ts'
import { namespaces, useProduct } from './product.ts'
import { authority, restrictedNamespace } from './release.ts'

/** How old an answer of the directory may be. */
export const maxAgeMs = 5_000
export const group = 'staff'

interface Outside {
  readonly directory: DirectoryPod
  readonly mailServer: MailServer
}

export type Surroundings = Outside & CertificateProxy

let begun: Promise<Surroundings> | undefined

/** Starts them when nobody has yet.
 *  @returns when only servers run that know of them */
export const useSurroundings = (): Promise<Surroundings> => (begun ??= begin())

async function begin(): Promise<Surroundings> {
  const product = await useProduct()
  const { release, team } = product
  const [outside, proxy] = await Promise.all([startOutside(release.namespace), startCertificateProxy(product)])
  const values = valuesOf(outside, team)
  await release.upgrade({ values: { ...values, server: { ...values.server, ...proxy.serverValues } } })
  await release.settled()
  return { ...outside, ...proxy }
}

/** @param namespace of the release, which gets the Secrets that the values name */
async function startOutside(namespace: string): Promise<Outside> {
  await Promise.all([applyObjects(restrictedNamespace(namespaces.people)), whenLoaded('openldap')])
  const [directory, mailServer] = await Promise.all([
    // grace is in the group in the directory, ben among our own people
    startDirectory(namespaces.people, ['grace', 'nils'], { [group]: ['grace'] }),
    startMailServer(namespaces.people),
  ])
  await applyObjects(secrets(namespace, (await authority).cert, { directory, mailServer }))
  return { directory, mailServer }
}

const secrets = (namespace: string, caCertificate: string, { directory, mailServer }: Outside): object[] =>
  [
    { name: 'directory', stringData: directory.account },
    { name: 'mail-server', stringData: mailServer.account },
    { name: 'people-ca', stringData: { 'ca.crt': caCertificate } },
  ].map(({ name, stringData }) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData }))

function valuesOf({ directory, mailServer }: Outside, team: string) {
  const caSecret = { name: 'people-ca' }
  const pods = (labels: object, namespace: string = namespaces.people) => [
    {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
      podSelector: { matchLabels: labels },
    },
  ]
  return {
    ldap: {
      enabled: true,
      ...directory.values,
      bindSecret: { name: 'directory' },
      caSecret,
      settings: { maxAge: `${maxAgeMs}ms` },
    },
    smtp: {
      host: mailServer.host,
      port: 2525,
      from: 'Sign-in <sign-in@example.com>',
      credentials: { name: 'mail-server' },
      caSecret,
    },
    networkPolicy: {
      egress: { ldap: pods(directory.labels), smtp: pods(mailServer.labels) },
      extraEgress: { server: [{ to: pods({ app: 'staff' }, team), ports: [{ port: 8443 }] }] },
    },
    // the authority of the application, which is told at the end of a session
    server: {
      extraVolumes: [{ name: 'people-ca', secret: { secretName: caSecret.name } }],
      extraVolumeMounts: [{ name: 'people-ca', mountPath: '/people-ca', readOnly: true }],
      extraEnv: [{ name: 'NODE_EXTRA_CA_CERTS', value: '/people-ca/ca.crt' }],
    },
  }
}

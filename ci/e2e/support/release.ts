import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Json } from '@nauthera/stand-in/kube-client'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'
import type { Identity } from '@nauthera/proto/certificates'
import { password } from '@nauthera/harness/browser'
import { applyObjects, get, kubectl, kubectlWithInput, mustRun, root, until, whenObject } from './kubernetes.ts'
import { isReady, podsOf, pullConfig, pullSecretName, restrictedContainer, restrictedPod } from './pods.ts'

/** A release of the chart and what it needs around it. */
export interface Release {
  readonly name: string
  readonly namespace: string
  readonly issuer: string
  /** `helm upgrade --install --wait`, with the values of this release and these over them.
   *  @returns what Helm said */
  upgrade(options?: { values?: object; helm?: 'helm3' | 'helm4'; chart?: string }): Promise<string>
  uninstall(): Promise<void>
  pods(component: 'server' | 'operator' | 'valkey'): Promise<Json[]>
  /** Helm waits for the new pods, not for the end of the old ones: for some seconds those go on to answer on connections that are
   *  open, with the settings that they have.
   *  @returns when so many servers are there, all ready, and no other one is going */
  settled(servers?: number): Promise<void>
  /** Adds a person who may sign in with the password of the tests. */
  addPerson(username: string, more?: { groups: readonly string[] }): Promise<void>
}

/** Images as `npm run images` and ci/e2e/images name them; elsewhere they may have another prefix. */
export const imagePrefix = process.env['NAUTHERA_E2E_IMAGES'] ?? 'localhost'
export const e2eImage = (name: string): string => `${imagePrefix}/nauthera-e2e/${name}`

/** Signs for everything that speaks TLS in the run. */
export const authority: Promise<Identity> = createAuthority({ name: 'Nauthera end-to-end CA', lifetimeMs: 86_400_000 })

/** @returns a Secret of type kubernetes.io/tls */
export async function tlsSecret(namespace: string, name: string, dnsNames: readonly string[]): Promise<object> {
  const leaf = await issueLeaf(await authority, { usage: 'server', dnsNames })
  const ca = (await authority).cert
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name, namespace },
    // with the CA: a browser is told its key, and must find it in what it is shown
    stringData: { 'tls.crt': leaf.cert + ca, 'tls.key': leaf.key, 'ca.crt': ca },
  }
}

/** A namespace in which nothing runs that Pod Security `restricted` would refuse, with the pull Secret where there is one. */
export const restrictedNamespace = (name: string): object[] => [
  {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  },
  ...(pullConfig === undefined
    ? []
    : [
        {
          apiVersion: 'v1',
          kind: 'Secret',
          type: 'kubernetes.io/dockerconfigjson',
          metadata: { name: pullSecretName, namespace: name },
          data: { '.dockerconfigjson': readFileSync(pullConfig).toString('base64') },
        },
      ]),
]

/** One PostgreSQL with TLS, with these databases; ends with its namespace. */
export async function startPostgres(namespace: string, databases: readonly string[]): Promise<void> {
  const name = 'postgresql'
  const labels = { app: name }
  await applyObjects([
    await tlsSecret(namespace, 'postgresql-tls', [`${name}.${namespace}.svc`]),
    ...databaseSecrets(namespace, (await authority).cert),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: { selector: labels, ports: [{ port: 5432 }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name, namespace },
      spec: {
        serviceName: name,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            ...restrictedPod,
            terminationGracePeriodSeconds: 5,
            containers: [
              {
                ...restrictedContainer,
                name,
                image: e2eImage('postgresql:18'),
                env: [
                  { name: 'POSTGRES_PASSWORD', value: databasePassword },
                  { name: 'POSTGRES_DATABASES', value: databases.join(',') },
                ],
                readinessProbe: { tcpSocket: { port: 5432 }, periodSeconds: 1 },
                volumeMounts: [
                  { name: 'data', mountPath: '/data' },
                  { name: 'tmp', mountPath: '/tmp' },
                  { name: 'tls', mountPath: '/tls' },
                ],
              },
            ],
            volumes: [
              { name: 'data', emptyDir: {} },
              { name: 'tmp', emptyDir: {} },
              { name: 'tls', secret: { secretName: 'postgresql-tls', defaultMode: 0o440 } },
            ],
          },
        },
      },
    },
  ])
  await whenObject(`/api/v1/namespaces/${namespace}/pods`, `${name}-0`, isReady, 90_000)
}

const databasePassword = 'end-to-end-only'

/** What a release needs to reach PostgreSQL, in its own namespace. */
export const databaseSecrets = (namespace: string, caCertificate: string): object[] => [
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'database', namespace },
    stringData: { username: 'nauthera', password: databasePassword },
  },
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'database-ca', namespace },
    stringData: { 'ca.crt': caCertificate },
  },
]

/** @param about.values over those that every release of the run has
 *  @param about.tag of the three images */
export function describeRelease(about: {
  name: string
  namespace: string
  postgresNamespace: string
  database: string
  tag: string
  values: object
  chart?: string
  helm?: 'helm3' | 'helm4'
}): Release {
  const { name, namespace } = about
  const issuer = `https://${name}-server.${namespace}.svc`
  const directory = mkdtempSync(join(root, '.nauthera/e2e-values-'))
  reapDirectory(directory)
  const base = {
    issuer,
    global: pullConfig === undefined ? {} : { imagePullSecrets: [pullSecretName] },
    image: { registry: imagePrefix, tag: about.tag },
    server: { tls: { existingSecret: 'server-tls' } },
    agent: { log: { format: 'pretty' } },
    database: {
      host: `postgresql.${about.postgresNamespace}.svc`,
      name: about.database,
      credentials: { name: 'database' },
      caSecret: { name: 'database-ca' },
    },
  }
  let files = 0
  const valuesFile = (values: object) => {
    const file = join(directory, `${files++}.json`)
    writeFileSync(file, JSON.stringify(values))
    return ['--values', file]
  }
  const common = [...valuesFile(base), ...valuesFile(about.values)]
  const release: Release = {
    name,
    namespace,
    issuer,
    upgrade: ({ values = {}, helm = about.helm ?? 'helm4', chart = about.chart ?? 'charts/nauthera' } = {}) =>
      mustRun(
        helm,
        [
          'upgrade',
          '--install',
          name,
          chart,
          '-n',
          namespace,
          ...common,
          ...valuesFile(values),
          '--wait',
          '--timeout',
          '180s',
        ],
        { timeoutMs: 200_000 },
      ),
    uninstall: async () => {
      await mustRun(about.helm ?? 'helm4', ['uninstall', name, '-n', namespace, '--ignore-not-found', '--wait'])
    },
    pods: (component) => podsOf(namespace, name, component),
    settled: (servers = 2) =>
      until(
        `${servers} ready servers and no other`,
        async () => {
          const labelSelector = `app.kubernetes.io/instance=${name},app.kubernetes.io/component=server`
          const { items } = await get(`/api/v1/namespaces/${namespace}/pods`, { labelSelector })
          return (items as Json[]).length === servers && (items as Json[]).every(isReady)
        },
        90_000,
      ),
    addPerson: async (username, { groups } = { groups: [] }) => {
      const command = ['nauthera', 'users', 'add', username, '--name', 'Ada', '--password-stdin']
      const mail = ['--email', `${username}@example.com`, '--email-verified']
      const target = ['-n', namespace, 'exec', '-i', `deploy/${name}-server`, '-c', 'server', '--']
      const groupOptions = groups.flatMap((group) => ['--group', group])
      await kubectlWithInput(password, ...target, ...command, ...mail, ...groupOptions)
    },
  }
  return release
}

export const deleteNamespaces = (...names: string[]): Promise<string> =>
  kubectl('delete', 'namespace', '--ignore-not-found', '--wait=false', ...names)

/** Those that a release of this namespace has brought, and every OIDCClient with them. */
export async function deleteDefinitions(namespace: string): Promise<void> {
  const { items } = await get('/apis/apiextensions.k8s.io/v1/customresourcedefinitions')
  for (const { metadata } of items as Json[]) {
    if (metadata.annotations?.['meta.helm.sh/release-namespace'] !== namespace) continue
    await kubectl('delete', 'crd', metadata.name, '--wait=false')
  }
}

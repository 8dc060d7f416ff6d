import { Attribute, Change, Client } from 'ldapts'
import { adminDn, slapdConfiguration, startLdif, suffix } from '@nauthera/local/programs/slapd'
import { password } from '@nauthera/harness/browser'
import { applyObjects, forwardPort, whenObject } from './kubernetes.ts'
import { isReady, restrictedContainer, restrictedPod } from './pods.ts'
import { e2eImage, tlsSecret } from './release.ts'

/** OpenLDAP in a pod: LDAPS on port 1636, and 1389 in the clear, for the administrator of the directory alone. */
export interface DirectoryPod {
  /** The name of its Service. */
  readonly host: string
  /** Labels of its pod. */
  readonly labels: Readonly<Record<string, string>>
  /** Of the chart, besides the Secrets. */
  readonly values: { readonly url: string; readonly userBase: string; readonly groupBase: string }
  /** Of the account that searches. */
  readonly account: { readonly username: string; readonly password: string }
  /** Takes a person out of a group; both must be there. */
  leave(group: string, person: string): Promise<void>
}

const name = 'directory'
const adminPassword = 'of-the-directory-only'
const account = { username: `cn=nauthera,${suffix}`, password: 'of-the-searcher-only' }
const [userBase, groupBase] = [`ou=people,${suffix}`, `ou=groups,${suffix}`]
const dnOf = (person: string) => `uid=${person},${userBase}`

/** @param people each has the password of the tests
 *  @param groups with their members; `nobody` is in each, since a group has a member always */
export async function startDirectory(
  namespace: string,
  people: readonly string[],
  groups: Readonly<Record<string, readonly string[]>>,
): Promise<DirectoryPod> {
  const host = `${name}.${namespace}.svc`
  const [metadata, labels] = [{ name, namespace }, { app: name }]
  await applyObjects([
    await tlsSecret(namespace, 'directory-tls', [host]),
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'directory-config', namespace },
      stringData: { 'slapd.conf': configuration(), 'start.ldif': startLdif(entries(people, groups)) },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        selector: labels,
        ports: [
          { name: 'ldaps', port: 1636 },
          { name: 'ldap', port: 1389 },
        ],
      },
    },
    { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, labels }, spec: podSpec },
  ])
  await whenObject(`/api/v1/namespaces/${namespace}/pods`, name, isReady, 60_000)
  return {
    host,
    labels,
    values: { url: `ldaps://${host}:1636`, userBase, groupBase },
    account,
    async leave(group, person) {
      const forward = await forwardPort(namespace, name, 1389)
      const client = new Client({ url: `ldap://127.0.0.1:${forward.port}`, timeout: 20_000, connectTimeout: 20_000 })
      try {
        await client.bind(adminDn, adminPassword)
        const member = new Attribute({ type: 'member', values: [dnOf(person)] })
        await client.modify(`cn=${group},${groupBase}`, new Change({ operation: 'delete', modification: member }))
      } finally {
        await client.unbind()
        forward.stop()
      }
    },
  }
}

const configuration = () =>
  slapdConfiguration({
    // as Debian's package has them, and so the image
    schemas: '/etc/ldap/schema',
    modules: '/usr/lib/ldap',
    directory: '/data',
    data: '/data',
    tls: { ca: '/tls/ca.crt', cert: '/tls/tls.crt', key: '/tls/tls.key' },
    adminPassword,
  })

function entries(people: readonly string[], groups: Readonly<Record<string, readonly string[]>>): string {
  const unit = (ou: string) => `dn: ou=${ou},${suffix}\nobjectClass: organizationalUnit\nou: ${ou}`
  const person = (uid: string) =>
    `dn: ${dnOf(uid)}\nobjectClass: inetOrgPerson\nuid: ${uid}\ncn: ${uid}\nsn: ${uid}\nmail: ${uid}@example.com\nuserPassword: ${password}`
  const group = ([cn, members]: readonly [string, readonly string[]]) =>
    [`dn: cn=${cn},${groupBase}`, 'objectClass: groupOfNames', `cn: ${cn}`]
      .concat(['nobody', ...members].map((member) => `member: ${dnOf(member)}`))
      .join('\n')
  const searcher = `dn: ${account.username}\nobjectClass: person\ncn: nauthera\nsn: nauthera\nuserPassword: ${account.password}`
  return [unit('people'), unit('groups'), searcher, ...people.map(person), ...Object.entries(groups).map(group)].join(
    '\n\n',
  )
}

const podSpec = {
  ...restrictedPod,
  terminationGracePeriodSeconds: 1,
  containers: [
    {
      ...restrictedContainer,
      name,
      image: e2eImage('openldap:2'),
      readinessProbe: { tcpSocket: { port: 1636 }, periodSeconds: 1 },
      volumeMounts: [
        { name: 'config', mountPath: '/config' },
        { name: 'data', mountPath: '/data' },
        { name: 'tls', mountPath: '/tls' },
      ],
    },
  ],
  volumes: [
    { name: 'config', secret: { secretName: 'directory-config', defaultMode: 0o440 } },
    { name: 'data', emptyDir: {} },
    { name: 'tls', secret: { secretName: 'directory-tls', defaultMode: 0o440 } },
  ],
}

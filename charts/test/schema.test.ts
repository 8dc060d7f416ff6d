import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { issuerFaults } from '@nauthera/rules/issuer'
import { expect } from 'chai'
import { leavesOf, readValues } from '../../scripts/chart/values.ts'
import { faultsOf } from './support/faults.ts'
import { at, chart, helms, merge, objectsOf, refusal, renderNow } from './support/render.ts'

interface SchemaNode {
  properties?: Record<string, SchemaNode>
  required?: string[]
  additionalProperties?: unknown
}

/** What a person may mistype -> the part of the message that must name the place. */
type Mistake = readonly [path: string, value: unknown, place: string]
const refused: readonly Mistake[] = [
  ['servr', {}, 'servr'],
  ['replicaCount', 2, 'replicaCount'],
  ['isuer', 'https://a.example', 'isuer'],
  ['issuer', 1, 'issuer'],
  ['fullnameOverride', 'Upper', 'fullnameOverride'],
  ['fullnameOverride', 'x'.repeat(54), 'fullnameOverride'],
  ['enabled', 'yes', 'enabled'],
  ['global.imagePullSecrets', [{ name: 'pull' }], 'global.imagePullSecrets'],
  ['global.commonLabels', { team: 1 }, 'global.commonLabels'],
  ['image.tag', 'has space', 'image.tag'],
  ['image.pullPolicy', 'Sometimes', 'image.pullPolicy'],
  ['image.digest', 'sha256:00', 'digest'],
  ['server.image.digest', 'sha256:00', 'server.image.digest'],
  ['server.image.pullPolicy', 'never', 'server.image.pullPolicy'],
  ['log.level', 'trace', 'log.level'],
  ['log.format', 'text', 'log.format'],
  ['operator.log.level', 'verbose', 'operator.log.level'],
  ['crds.install', true, 'install'],
  ['server.replicas', 2, 'replicas'],
  ['server.replicaCount', -1, 'server.replicaCount'],
  ['server.replicaCount', '2', 'server.replicaCount'],
  ['agent.resources.limits.cpu', '1', 'cpu'],
  ['server.resources.limits.memory', '1 GB', 'server.resources.limits.memory'],
  ['server.ports.http', 0, 'server.ports.http'],
  ['server.ports.http', 65_536, 'server.ports.http'],
  ['server.ports.https', 8443, 'https'],
  ['server.tls.secretName', 'x', 'secretName'],
  ['server.tls.existingSecret', 'Not_A_Name', 'server.tls.existingSecret'],
  ['server.extraHosts', 'one.example', 'server.extraHosts'],
  ['server.trustedProxies', [''], 'server.trustedProxies'],
  ['server.settings.issuer', 'https://a.example', 'server.settings'],
  ['server.settings.database', { host: 'x' }, 'server.settings'],
  ['server.settings.signing.algorithms', ['ES256'], 'server.settings.signing'],
  ['server.settings.signing.idToken', 'ES256', 'server.settings.signing'],
  ['server.settings.refreshGrace', 'soon', 'server.settings.refreshGrace'],
  ['server.settings.nonsense', 1, 'nonsense'],
  ['server.probes.ready', {}, 'server.probes'],
  ['server.probes.readiness.httpGet', {}, 'server.probes.readiness'],
  ['server.rollingUpdate.maxSurge', '25', 'server.rollingUpdate.maxSurge'],
  ['server.pdb', null, 'pdb'],
  ['server.pdb.maxUnavailable', 'one', 'server.pdb.maxUnavailable'],
  ['server.autoscaling.targetCPU', 0, 'server.autoscaling.targetCPU'],
  ['server.autoscaling.maxReplicas', null, 'maxReplicas'],
  ['server.podSecurity', 'baseline', 'server.podSecurity'],
  ['server.podLabels', { a: { b: 1 } }, 'server.podLabels'],
  ['server.extraEnv', [{ value: 'x' }], 'server.extraEnv'],
  ['server.extraVolumes', { name: 'x' }, 'server.extraVolumes'],
  ['server.terminationGracePeriodSeconds', '45s', 'server.terminationGracePeriodSeconds'],
  ['agent.ports.status', 'status', 'agent.ports.status'],
  ['agent.settings.clientsDirectory', '/x', 'agent.settings'],
  ['agent.replicaCount', 1, 'replicaCount'],
  ['operator.watch.mode', 'all', 'operator.watch.mode'],
  ['operator.watch.namespaces', ['Team A'], 'operator.watch.namespaces'],
  ['operator.watch.namespaces', ['a', 'a'], 'operator.watch.namespaces'],
  ['operator.serverName', '-x', 'operator.serverName'],
  ['operator.nudge', 'auto', 'operator.nudge'],
  ['operator.policy.selector', {}, 'operator.policy'],
  ['operator.policy.alow', {}, 'operator.policy'],
  ['operator.policy.enforcement', 'Maybe', 'operator.policy.enforcement'],
  ['operator.settings.quietPeriod', 5, 'operator.settings.quietPeriod'],
  ['keys.value', 'secret', 'keys'],
  ['signing.algorithms', [], 'signing.algorithms'],
  ['signing.algorithms', ['HS256'], 'signing.algorithms'],
  ['signing.idToken', 'HS256', 'signing.idToken'],
  ['signing.accessToken', '', 'signing.accessToken'],
  ['link.mode', 'none', 'link.mode'],
  ['certManager.issuerRef', { kind: 'Issuer' }, 'certManager.issuerRef'],
  ['certManager.duration', '90d', 'certManager.duration'],
  ['database.password', 'secret', 'database'],
  ['database.port', '5432', 'database.port'],
  ['database.sslMode', 'prefer', 'database.sslMode'],
  ['database.poolMax', 1, 'database.poolMax'],
  ['database.existingSecret', 'name', 'database.existingSecret'],
  ['database.existingSecret.key', 'a/b', 'database.existingSecret.key'],
  ['migrations.mode', 'job', 'migrations.mode'],
  ['cache.mode', 'redis', 'cache.mode'],
  ['smtp.tls', 'off', 'smtp.tls'],
  ['smtp.port', 0, 'smtp.port'],
  ['smtp.credentials.password', 'secret', 'smtp.credentials'],
  ['valkey.architecture', 'cluster', 'valkey.architecture'],
  ['valkey.maxMemory', '1 GB', 'valkey.maxMemory'],
  ['valkey.downAfterMilliseconds', 2_999, 'valkey.downAfterMilliseconds'],
  ['valkey.auth.password', 'secret', 'valkey.auth'],
  ['federation.providers', [{ id: 'corp' }], 'federation.providers'],
  ['federation.providers', [{ id: 'Corp', secret: { name: 'a' } }], 'federation.providers'],
  ['federation.providers', [{ id: 'corp', secret: { name: 'a', value: 'b' } }], 'federation.providers'],
  ['federation.providers', [{ id: 'corp', secret: { name: 'a' }, clientSecret: 'b' }], 'federation.providers'],
  ['server.settings.upstreams', [], 'server.settings'],
  ['service.type', 'ExternalName', 'service.type'],
  ['service.port', 0, 'service.port'],
  ['ingress.hosts', ['a'], 'ingress'],
  ['gateway.parentRefs', ['public'], 'gateway.parentRefs'],
  ['networkPolicy.egress.anything', [], 'networkPolicy.egress'],
  ['ldap.settings.urls', ['ldaps://x'], 'ldap.settings'],
  ['ldap.settings.groups.from', 'anywhere', 'ldap.settings.groups.from'],
  ['ldap.bindSecret.password', 'secret', 'ldap.bindSecret'],
  ['metrics.podMonitor.renderMode', 'never', 'metrics.podMonitor.renderMode'],
  ['metrics.podMonitor.interval', '30', 'metrics.podMonitor.interval'],
  ['tests', false, 'tests'],
  ['extraObjects', {}, 'extraObjects'],
]

/** Those that one render shows together: no value takes the place of another one, and no place could be that of another one. */
const groups = refused.reduce<Mistake[][]>((all, mistake) => {
  const group = all.find((others) => others.every((other) => areApart(mistake, other)))
  if (group) group.push(mistake)
  else all.push([mistake])
  return all
}, [])

function areApart([path, , place]: Mistake, [otherPath, , otherPlace]: Mistake): boolean {
  const isAround = (outer: string, inner: string) => `${inner}.`.startsWith(`${outer}.`)
  const isNamed = otherPath.includes(place) || path.includes(otherPlace)
  return !isAround(path, otherPath) && !isAround(otherPath, path) && !isNamed
}

describe('values.schema.json', () => {
  const messages = new Map<Mistake, Promise<string>>()
  const messageAbout = (mistake: Mistake): Promise<string> => {
    const group = groups.find((one) => one.includes(mistake))!
    const values = group.map(([path, value]) => at(path, value)).reduce(merge)
    const message = messages.get(group[0]!) ?? refusal({ values })
    messages.set(group[0]!, message)
    return message
  }
  for (const mistake of refused) {
    const [path, value, place] = mistake
    it(`refuses ${path}=${JSON.stringify(value)?.slice(0, 40)} and names ${place}`, async () => {
      const message = await messageAbout(mistake)
      expect(message).to.contain("don't meet the specifications of the schema")
      expect(message).to.contain(place)
    })
  }

  it('refuses the same under Helm 4', async () => {
    const message = await refusal({ helm: 'helm4', values: { server: { replicas: 2 }, log: { level: 'trace' } } })
    expect(message).to.contain("'/server'").and.to.contain('replicas').and.to.contain("'/log/level'")
  })

  /** Every map of the schema that takes no further keys, and every leaf that must be there. */
  const places = (schema: SchemaNode, path = ''): { closed: string[]; needed: string[] } => {
    const below = Object.entries(schema.properties ?? {}).map(([key, child]) => {
      const childPath = path === '' ? key : `${path}.${key}`
      return { key, childPath, isMap: child.properties !== undefined, ...places(child, childPath) }
    })
    return {
      closed: [
        ...(schema.properties && schema.additionalProperties === false ? [path] : []),
        ...below.flatMap(({ closed }) => closed),
      ],
      needed: below.flatMap(({ key, childPath, isMap, needed }) =>
        !schema.required?.includes(key) ? [] : isMap ? needed : [childPath],
      ),
    }
  }
  const schema = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')) as SchemaNode
  /** What one message must say of a place: Helm 3 joins with dots and leaves the root out, Helm 4 has a JSON pointer. */
  const lineAbout = (message: string, path: string, key: string): boolean =>
    message
      .split('\n')
      .some(
        (line) =>
          line.includes(key) &&
          (path === '' || line.includes(`${path}: `) || line.includes(`'/${path.replaceAll('.', '/')}'`)),
      )

  for (const helm of helms) {
    it(`refuses a typo at any level, with its path (${helm})`, async () => {
      const { closed } = places(schema)
      expect(closed).to.include.members(['', 'server', 'valkey.tls', 'metrics.podMonitor', 'server.settings.signing'])
      const values = closed.map((path) => at(path === '' ? 'tpyo' : `${path}.tpyo`, 1)).reduce(merge)
      const message = await refusal({ helm, values })
      expect(closed.filter((path) => !lineAbout(message, path, 'tpyo'))).to.deep.equal([])
    })

    it(`refuses null wherever a value must be, with its path (${helm})`, async () => {
      const { needed } = places(schema)
      expect(needed).to.include.members(['issuer', 'server.ports.http', 'operator.watch.mode'])
      const message = await refusal({ helm, values: needed.map((path) => at(path, null)).reduce(merge) })
      const said = (path: string) => {
        const keys = path.split('.')
        return lineAbout(message, keys.slice(0, -1).join('.'), keys.at(-1)!)
      }
      expect(needed.filter((path) => !said(path))).to.deep.equal([])
    })
  }

  it('accepts any key in global, where a parent chart puts its own', async () => {
    await renderNow({ values: { global: { domain: 'example.com', nested: { deep: true } } } })
  })

  it('accepts null where a value may be absent', async () => {
    const values = {
      service: { port: null },
      operator: { nudge: null, admission: { enabled: null } },
      server: { replicaCount: null, topologySpreadConstraints: null, pdb: { maxUnavailable: null, minAvailable: 1 } },
    }
    const objects = await objectsOf({ values })
    const server = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'nauthera-server')!
    expect(server['spec']).not.to.have.property('replicas')
  })

  it('has a description for every leaf', () => {
    const { defaults, parameters } = readValues()
    const described = new Set(parameters.map(({ path }) => path))
    for (const { path } of leavesOf(defaults, described)) expect(described.has(path), path).to.equal(true)
  })
})

describe('validate.yaml', () => {
  const rules: readonly (readonly [string, object, string])[] = [
    [
      'no issuer',
      { issuer: '' },
      'issuer is empty; it is written into every token and client; set issuer=https://login.example.com',
    ],
    [
      'an http issuer',
      { issuer: 'http://login.example.com' },
      'only an https URL can be an issuer; set issuer=https://',
    ],
    ['a query', { issuer: 'https://login.example.com?x=1' }, 'an issuer has no query and no fragment'],
    [
      'the port that https has anyway',
      { issuer: 'https://a.example:443/x' },
      'the server would write it without :443; set issuer=https://a.example/x',
    ],
    [
      'a name in the way of Services',
      { fullnameOverride: '1rel' },
      'fullnameOverride is 1rel; Services are named after it, so it begins with a letter; set fullnameOverride=nauthera',
    ],
    [
      'a slash at the end',
      { issuer: 'https://a.example/' },
      'it must not end with a slash; set issuer=https://a.example',
    ],
    ...(
      [
        ['https://login.example.com/a b', 'a URL has no spaces, no line breaks and only ASCII characters'],
        [
          'https://login.example.com\n',
          'issuer is "https://login.example.com\\n"; a URL has no spaces, no line breaks',
        ],
        ['https://login.exämple.com', 'write a name with others in its xn-- form'],
        ['https://user:pw@login.example.com', 'a user name or password does not belong in what every token tells'],
        ['https://login.example.com/a/../b', 'browsers resolve the segments . and ..'],
        ['https://login.example.com/.', 'browsers resolve the segments . and ..'],
        ['https://login.example.com/%2E%2e/b', 'browsers resolve the segments . and ..'],
        ['https://Login.example.com/X', 'in small letters; set issuer=https://login.example.com/X'],
        ['HTTPS://login.example.com', 'in small letters; set issuer=https://login.example.com'],
        ['https:///path', 'it is not written as browsers write a URL'],
        ['https://login.example.com/%zz', 'it is not written as browsers write a URL'],
      ] as const
    ).map(([issuer, words]) => [`the issuer ${JSON.stringify(issuer)}`, { issuer }, words] as const),
    [
      'a proxy by its name',
      { server: { trustedProxies: ['traefik.kube-system'] } },
      'server.trustedProxies holds traefik.kube-system; it takes addresses and ranges, not names',
    ],
    [
      'a range that is too long',
      { server: { trustedProxies: ['10.0.0.0/33'] } },
      'server.trustedProxies holds 10.0.0.0/33',
    ],
    [
      'everybody as a proxy',
      { server: { trustedProxies: ['0.0.0.0/0'] } },
      'then everybody could pretend any address; list your proxies, or set server.allowUntrustedProxy=true',
    ],
    [
      'proxies that are known and unknown',
      { server: { trustedProxies: ['10.0.0.0/8'], allowUntrustedProxy: true } },
      'unset one of the two',
    ],
    [
      'a header with certificates of a proxy that nobody trusts',
      { server: { mutualTLS: { header: 'nginx' } } },
      'the header of nobody is believed; set server.trustedProxies',
    ],
    [
      'a port for certificates that nobody finds',
      { server: { mutualTLS: { listener: { enabled: true, existingSecret: 'x' } } } },
      'set server.mutualTLS.url',
    ],
    [
      'a port for certificates without one of its own',
      { server: { mutualTLS: { url: 'https://mtls.example.com', listener: { enabled: true } } } },
      'set server.mutualTLS.listener.existingSecret',
    ],
    [
      'authorities of clients, and no way for a certificate',
      { server: { mutualTLS: { clientCA: { name: 'client-ca' } } } },
      'set server.mutualTLS.header or server.mutualTLS.listener.enabled=true',
    ],
    [
      'an address for certificates with a path',
      {
        server: {
          trustedProxies: ['10.0.12.16/28'],
          mutualTLS: { header: 'nginx', url: 'https://mtls.example.com/x' },
        },
      },
      'it is an origin, to which the path of the issuer is added',
    ],
    [
      'an Ingress in front of a server that trusts no proxy',
      { ingress: { enabled: true } },
      'server.trustedProxies is empty and ingress.enabled is true; every request would seem to come from the proxy',
    ],
    [
      'a route in front of a server that trusts no proxy',
      { gateway: { enabled: true, parentRefs: [{ name: 'public' }] } },
      'server.trustedProxies is empty and gateway.enabled is true',
    ],
    [
      'no database',
      { database: { existingSecret: { name: '' } } },
      'no database is given; the server needs PostgreSQL; set database.existingSecret.name',
    ],
    [
      'two direct addresses',
      { database: { direct: { host: 'pg', existingSecret: { name: 'x' } } } },
      'database.direct.existingSecret.name and database.direct.host are both set',
    ],
    ['two databases', { database: { host: 'pg' } }, 'database.existingSecret.name and database.host are both set'],
    [
      'a host without credentials',
      { database: { host: 'pg', existingSecret: { name: '' } } },
      'set database.credentials.name',
    ],
    [
      'an algorithm of ID tokens without a key',
      { signing: { algorithms: ['ES256'] } },
      'signing.idToken is RS256, which is not in signing.algorithms; there would be no key to sign with; add it to signing.algorithms, or set signing.idToken=ES256',
    ],
    [
      'an algorithm of access tokens without a key',
      { signing: { algorithms: ['RS256'] } },
      'or set signing.accessToken=RS256',
    ],
    ['mail without a sender', { smtp: { host: 'mail.example.com' } }, 'set smtp.from'],
    ['mail without a host', { smtp: { from: 'login@example.com' } }, 'set smtp.host'],
    ['no ring', { keys: { bootstrap: false } }, 'set keys.existingSecret or keys.bootstrap=true'],
    [
      'no agent certificate',
      { link: { mode: 'existingSecret', existingSecret: { operator: 'x' } } },
      'set link.existingSecret.agent',
    ],
    [
      'no operator certificate',
      { link: { mode: 'existingSecret', existingSecret: { agent: 'x' } } },
      'set link.existingSecret.operator',
    ],
    ['no namespaces', { operator: { watch: { mode: 'namespaces' } } }, 'set operator.watch.namespaces'],
    ['namespaces for nothing', { operator: { watch: { namespaces: ['a'] } } }, 'set operator.watch.mode=namespaces'],
    [
      'no least number',
      { server: { autoscaling: { enabled: true, minReplicas: null } } },
      'set server.autoscaling.minReplicas=2',
    ],
    [
      'bounds crossed',
      { server: { autoscaling: { enabled: true, minReplicas: 11 } } },
      'minReplicas is 11, more than maxReplicas 10',
    ],
    [
      'nothing to scale by',
      { server: { autoscaling: { enabled: true, targetCPU: null } } },
      'set server.autoscaling.targetCPU=70',
    ],
    [
      'both bounds of a budget',
      { server: { pdb: { minAvailable: 0 } } },
      'server.pdb.minAvailable and server.pdb.maxUnavailable are both set',
    ],
    ['no server at all', { server: { replicaCount: 0 } }, 'server.replicaCount is 0; nobody could sign in'],
    ['no operator at all', { operator: { replicaCount: 0 } }, 'operator.replicaCount is 0; no change of a client'],
    [
      'a server that is killed while requests run',
      { server: { terminationGracePeriodSeconds: 9 } },
      'server.terminationGracePeriodSeconds is 9; in less than 10 s open requests and the last reports',
    ],
    [
      'an operator that is killed with its Lease',
      { operator: { terminationGracePeriodSeconds: 0 } },
      'operator.terminationGracePeriodSeconds is 0; in less than 10 s the running step',
    ],
    [
      'a Valkey that cannot hand over',
      { valkey: { terminationGracePeriodSeconds: 5 } },
      'valkey.terminationGracePeriodSeconds is 5; in less than 10 s a primary could not hand over',
    ],
    [
      'a pod that would be killed while it sleeps',
      { server: { preStopSleepSeconds: 45 } },
      'server.terminationGracePeriodSeconds is 45; server.preStopSleepSeconds 45, server.settings.drainTimeout 20s and 10 s for requests are more, so that the pod would be killed before; set server.terminationGracePeriodSeconds=85',
    ],
    [
      'a pod that would be killed while it waits for its clients',
      { server: { terminationGracePeriodSeconds: 34 } },
      'server.preStopSleepSeconds 5, server.settings.drainTimeout 20s and 10 s for requests are more',
    ],
    [
      'the same with a longer wait',
      { server: { settings: { drainTimeout: '2m' } } },
      'set server.terminationGracePeriodSeconds=145',
    ],
    ['no bound of a budget', { operator: { pdb: { maxUnavailable: null } } }, 'operator.pdb has no bound'],
    [
      'two Sentinels',
      { cache: { mode: 'valkey' }, valkey: { auth: { name: 'a' }, replicas: 2 } },
      'valkey.replicas is 2; Sentinel needs an odd number >= 3; set valkey.replicas=3',
    ],
    [
      'four Sentinels',
      { cache: { mode: 'valkey' }, valkey: { auth: { name: 'a' }, replicas: 4 } },
      'set valkey.replicas=5',
    ],
    ['an open cache', { cache: { mode: 'valkey' } }, 'set valkey.auth.name'],
    ['an external cache without URL', { cache: { mode: 'external' } }, 'set cache.external.urlSecret.name'],
    ['a directory without address', { ldap: { enabled: true, userBase: 'dc=x' } }, 'set ldap.url=ldaps://HOST'],
    ['a directory without people', { ldap: { enabled: true, url: 'ldaps://x' } }, 'set ldap.userBase'],
    [
      'a directory in clear',
      { ldap: { enabled: true, url: 'ldaps://x ldap://y', userBase: 'dc=x' } },
      'ldap.url holds ldap://y; passwords would cross the network in clear',
    ],
    [
      'StartTLS on what is TLS already',
      { ldap: { enabled: true, url: 'ldaps://x', startTLS: true, userBase: 'dc=x' } },
      'set ldap.startTLS=false',
    ],
    [
      'a directory that is none',
      { ldap: { enabled: true, url: 'https://x', userBase: 'dc=x' } },
      'ldap.url holds https://x; it is not the address of a directory',
    ],
    [
      'two answers to where people come from',
      {
        ldap: { enabled: true, url: 'ldaps://x', userBase: 'dc=x' },
        server: { settings: { sources: [{ id: 'postgres', type: 'postgres' }] } },
      },
      'take server.settings.sources out',
    ],
    ['a route without gateway', { gateway: { enabled: true } }, 'set gateway.parentRefs'],
    [
      'no Prometheus operator',
      { metrics: { podMonitor: { enabled: true, renderMode: 'failIfMissing' } } },
      'set metrics.podMonitor.renderMode=skipIfMissing',
    ],
    [
      'a provider twice',
      {
        federation: {
          providers: [
            { id: 'corp', preset: 'google', secret: { name: 'a' } },
            { id: 'corp', preset: 'gitlab', secret: { name: 'b' } },
          ],
        },
      },
      'federation.providers holds the id corp twice',
    ],
    [
      'a provider without an issuer',
      { federation: { providers: [{ id: 'corp', secret: { name: 'a' } }] } },
      'federation.providers holds corp without an issuer',
    ],
    ['one port twice', { agent: { ports: { status: 8080 } } }, 'are both 8080; they listen in one pod'],
    [
      'a reserved container',
      { server: { extraContainers: [{ name: 'config-agent' }] } },
      'server.extraContainers holds the name config-agent',
    ],
    [
      'a reserved volume',
      { operator: { extraVolumes: [{ name: 'config' }] } },
      'operator.extraVolumes holds the name config',
    ],
    [
      'a reserved variable',
      { server: { extraEnv: [{ name: 'NAUTHERA_REPLICA' }] } },
      'server.extraEnv holds the name NAUTHERA_REPLICA',
    ],
    [
      'a reserved path',
      { server: { extraVolumeMounts: [{ name: 'x', mountPath: '/run/nauthera/tls' }] } },
      'choose another mountPath',
    ],
    [
      'a label that selects',
      { server: { podLabels: { 'app.kubernetes.io/name': 'x' } } },
      'server.podLabels holds app.kubernetes.io/name; the chart writes it itself; take it out of server.podLabels',
    ],
    [
      'a label of its own',
      { global: { commonLabels: { 'helm.sh/chart': 'x' } } },
      'take it out of global.commonLabels',
    ],
    [
      'an annotation of its own',
      { valkey: { podAnnotations: { 'checksum/scripts': 'x' } } },
      'take it out of valkey.podAnnotations',
    ],
    [
      'a client as extra object',
      { extraObjects: [{ kind: 'OIDCClient', apiVersion: 'auth.nauthera.io/v1alpha1' }] },
      'extraObjects holds an OIDCClient',
    ],
    ['a policy as extra text', { extraObjects: ['kind: OIDCPolicy\n'] }, 'extraObjects holds an OIDCPolicy'],
    ...['server', 'operator', 'valkey'].map(
      (part) =>
        [
          `a budget by which the ${part} can never be drained`,
          { [part]: { pdb: { enabled: true, maxUnavailable: 0 } } },
          `${part}.pdb.maxUnavailable is 0; then no node that runs such a pod can be drained; set ${part}.pdb.maxUnavailable=1`,
        ] as const,
    ),
    [
      'the same by the other bound',
      { server: { pdb: { enabled: true, maxUnavailable: null, minAvailable: '100%' } } },
      'server.pdb.minAvailable is 100%; then no node',
    ],
    ...(
      [
        ['agent', 'limits', 512, '512'],
        ['server', 'limits', '512', '512'],
        ['operator', 'requests', '128m', '128'],
        ['valkey', 'limits', 64.5, '64.5'],
      ] as const
    ).map(
      ([part, kind, memory, number]) =>
        [
          `memory of the ${part} without a unit`,
          { [part]: { resources: { [kind]: { memory } } } },
          `${part}.resources.${kind}.memory is ${memory}; without a unit these are bytes, in which nothing runs; set ${part}.resources.${kind}.memory=${number}Mi`,
        ] as const,
    ),
    [
      'an address without its mask',
      { networkPolicy: { egress: { database: [{ ipBlock: { cidr: '10.1.2.3' } }] } } },
      'networkPolicy.egress.database[0].ipBlock holds 10.1.2.3; Kubernetes takes a range with its mask alone; set it to 10.1.2.3/32',
    ],
    [
      'an exception without its mask',
      { networkPolicy: { ingressFrom: [{}, { ipBlock: { cidr: 'fd00::/8', except: ['fd00::1'] } }] } },
      'networkPolicy.ingressFrom[1].ipBlock holds fd00::1; Kubernetes takes a range with its mask alone; set it to fd00::1/128',
    ],
    [
      'a name as a range',
      { networkPolicy: { egress: { https: [{ ipBlock: { cidr: 'db.example.com' } }] } } },
      'networkPolicy.egress.https[0].ipBlock holds "db.example.com"; it takes ranges',
    ],
    [
      'backups that nobody could open',
      { backup: { enabled: true, existingClaim: 'backups' } },
      'backup.recipient is no certificate and no public key; nobody could open the backups; set backup.recipient to the PEM of one',
    ],
    [
      'backups beside the key that opens them',
      {
        backup: { enabled: true, existingClaim: 'backups', recipient: '-----BEGIN PRIVATE KEY-----' },
      },
      'backup.recipient holds a private key; a reader of the cluster could open the backups; set backup.recipient to',
    ],
    [
      'backups that end with their pod',
      { backup: { enabled: true, recipient: '-----BEGIN CERTIFICATE-----' } },
      'backup.existingClaim is empty; the backups would be gone with the pod; set backup.existingClaim to',
    ],
    ...['nauthera-keys', 'nauthera-clients-proof'].map((name): [string, object, string] => [
      `a backup that has ${name} twice`,
      {
        backup: {
          enabled: true,
          existingClaim: 'backups',
          recipient: '-----BEGIN CERTIFICATE-----',
          secrets: [name],
        },
      },
      `backup.secrets names ${name}, which is in each backup; it cannot be mounted twice; take it out`,
    ]),
    ['an install of what is off', { enabled: false }, 'enabled is false'],
  ]
  const faults = new Map<string, Promise<readonly (readonly string[])[]>>()
  /** One process finds them for all sets of a kind. */
  const faultsFor = async (kind: string, sets: readonly object[], index: number): Promise<readonly string[]> => {
    const found = faults.get(kind) ?? faultsOf(sets)
    faults.set(kind, found)
    return (await found)[index]!
  }

  for (const [index, [sentence, , message]] of rules.entries()) {
    it(`refuses ${sentence}`, async () => {
      const values = rules.map(([, set]) => set)
      const found = await faultsFor('rules', values, index)
      expect(found.join('\n')).to.contain(message)
      // What is there; why it cannot be; what to set.
      for (const fault of found) expect(fault).to.match(/^[^;]+; [^;]+; [^;]+$/)
    })
  }

  for (const release of ['a.b', '1rel']) {
    it(`refuses the release name ${release}, of which no Service could be named`, async () => {
      const message = await refusal({ release })
      expect(message).to.contain(`  - the release name is ${release}; Services are named after it`)
      expect(message).to.contain('; set fullnameOverride=nauthera')
      const objects = await objectsOf({ release, values: { fullnameOverride: 'sso' } })
      expect(objects.some(({ kind, metadata }) => kind === 'Service' && metadata.name === 'sso-server')).to.equal(true)
    })
  }

  it('refuses cert-manager where its API is not there', async () => {
    expect(await refusal({ mode: 'cert-manager', apis: [] })).to.contain('or set link.mode=operator')
  })

  it('lists all faults at once', async () => {
    const message = await refusal({ values: { issuer: '', keys: { bootstrap: false }, gateway: { enabled: true } } })
    expect(message).to.contain('4 values of nauthera cannot be used')
  })

  it('L6 renders an Ingress with trusted proxies, or when somebody says that addresses are unknown', async () => {
    for (const server of [{ trustedProxies: ['10.0.0.0/8', 'fd00::/8'] }, { allowUntrustedProxy: true }]) {
      const objects = await objectsOf({ values: { ingress: { enabled: true }, server } })
      expect(objects.some(({ kind }) => kind === 'Ingress')).to.equal(true)
    }
  })

  const issuers = [
    'https://login.example.com',
    'https://login.example.com:8443/a/b',
    'https://login.example.com:8443/realms/Main',
    'https://[2001:db8::1]/x',
    "https://login.example.com/.well/..well/.../a.b/~x_(y)!$&'*+,;=:@-%20",
    'https://login.example.com/a-b_c~d/%20',
    'https://user@login.example.com',
    'https://Login.example.com',
    'HTTPS://login.example.com',
    'https://login.example.com/',
    'https://login.example.com:443',
    ...[65_535, 65_536, 66_000, 99_999, 123_456].map((port) => `https://login.example.com:${port}/x`),
    'https://[2001:db8::1]:99999',
    'https://login.example.com/a/..',
    'https://login.example.com/%2e/b',
    'https://login.example.com/a b',
    'https://login.example.com?x',
    'https://login.example.com#x',
    'https://login.exämple.com',
    'https:///path',
    'http://login.example.com',
    'login.example.com',
  ]
  for (const [index, issuer] of issuers.entries()) {
    it(`says of the issuer ${issuer} what the server says`, async () => {
      const sets = issuers.map((one) => ({ issuer: one }))
      const found = await faultsFor('issuers', sets, index)
      if (issuerFaults(issuer).length === 0) expect(found).to.deep.equal([])
      else expect(found.join('\n')).to.match(/issuer is .*set issuer/)
    })
  }

  it('accepts an OIDCClient as extra object when the CRDs are installed already', async () => {
    const client = { apiVersion: 'auth.nauthera.io/v1alpha1', kind: 'OIDCClient', metadata: { name: 'a' } }
    const objects = await objectsOf({ values: { crds: { enabled: false }, extraObjects: [client] } })
    expect(objects.some(({ kind, metadata }) => kind === 'OIDCClient' && metadata.name === 'a')).to.equal(true)
  })
})

import { expect } from 'chai'
import { leavesOf, readValues } from '../../scripts/chart/values.ts'
import type { Value } from '../../scripts/chart/values.ts'
import { at, merge, render, renderNow } from './support/render.ts'
import type { RenderOptions } from './support/render.ts'

const { defaults, parameters } = readValues()
const leaves = leavesOf(defaults, new Set(parameters.map(({ path }) => path)))

/** For values whose default does not suggest another one: a different value that the schema accepts. */
const others: Readonly<Record<string, Value>> = {
  issuer: 'https://other.example.com',
  'image.pullPolicy': 'Always',
  'log.level': 'debug',
  'log.format': 'pretty',
  'operator.mode': 'spoke',
  'operator.watch.mode': 'release',
  'operator.watch.namespaces': ['team-c'],
  'link.mode': 'certManager',
  'migrations.mode': 'off',
  'cache.mode': 'none',
  'service.type': 'NodePort',
  'database.sslMode': 'require',
  'valkey.architecture': 'standalone',
  'metrics.podMonitor.renderMode': 'alwaysRender',
  'metrics.podMonitor.interval': '31s',
  'certManager.duration': '1h',
  'certManager.issuerRef': { name: 'x' },
  'signing.algorithms': ['RS256', 'ES256'],
  'signing.idToken': 'PS256',
  'signing.accessToken': 'EdDSA',
  'signing.userinfo': 'RS256',
  'global.imagePullSecrets': ['other'],
  'server.extraHosts': ['x.example.com'],
  clusterDomain: 'other.local',
  'server.trustedProxies': ['10.1.0.0/16'],
  'server.mutualTLS.header': 'envoy',
  'server.mutualTLS.url': 'https://other.example.com',
  'server.mutualTLS.clientCA.kind': 'ConfigMap',
  'federation.providers': [{ id: 'other', issuer: 'https://other.example.com', secret: { name: 'other' } }],
  'server.outbound.allow': [{ to: '10.1.0.0/16', for: ['jwks'] }],
  'server.settings': { refreshGrace: '11s' },
  'agent.settings': { status: { host: '127.0.0.1' } },
  'operator.settings': { quietPeriod: '3h' },
  'ldap.settings': { maxAge: '11m' },
  'operator.policy': { enforcement: 'Warn' },
  'server.probes': { liveness: { periodSeconds: 11 } },
  'valkey.maxMemory': '1mb',
  'backup.secrets': ['other'],
  'tracing.endpoint': 'https://other.example.com',
  'tracing.sampleRatio': 0.5,
  'smtp.tls': 'starttls',
  extraObjects: ['{apiVersion: v1, kind: ConfigMap, metadata: {name: other}}'],
}

function otherThan(path: string, value: Value): Value {
  if (path in others) return others[path]!
  if (path.endsWith('.podSecurity')) return 'openshift'
  if (path.endsWith('.digest')) return `sha256:${'1'.repeat(64)}`
  if (path.endsWith('.pullPolicy')) return 'Never'
  if (path.endsWith('.log.level')) return 'warn'
  if (path.endsWith('.log.format')) return 'pretty'
  if (/\.resources\./.test(path)) return '77M'
  if (path.endsWith('.extraEnv')) return [{ name: 'OTHER', value: 'x' }]
  if (path.endsWith('.extraVolumeMounts')) return [{ name: 'other', mountPath: '/other' }]
  if (/\.(extra|topology|tolerations|metrics$|parentRefs|ingress|egress)/.test(path)) return [{ name: 'other' }]
  if (path.endsWith('.pdb.minAvailable')) return 0
  if (typeof value === 'boolean') return !value
  if (typeof value === 'number') return value + 2
  if (value === null) return path === 'service.port' ? 8443 : true
  if (typeof value === 'object') return Array.isArray(value) ? [{ name: 'other' }] : { other: 'x' }
  return 'other'
}

/** The renders in which a value is tried, in this order, until a different value changes one of them. */
const scenes: readonly RenderOptions[] = [
  { mode: 'minimal', values: { crds: { enabled: false } } },
  { mode: 'ha-sentinel', values: { crds: { enabled: false }, networkPolicy: { enabled: true } } },
  { mode: 'everything', apis: ['cert-manager.io/v1', 'monitoring.coreos.com/v1'] },
  { mode: 'minimal', apis: ['monitoring.coreos.com/v1'] },
  { mode: 'minimal', values: { metrics: { podMonitor: { enabled: true } } } },
  { mode: 'watch-namespaces' },
  { mode: 'spoke', values: { crds: { enabled: false }, networkPolicy: { enabled: true } } },
  { mode: 'external-cache', values: { networkPolicy: { enabled: true } } },
  { mode: 'given-secrets' },
  { mode: 'minimal', values: { backup: { recipient: '-----BEGIN PUBLIC KEY-----', existingClaim: 'backup' } } },
  { mode: 'minimal', values: { gateway: { parentRefs: [{ name: 'public' }] } } },
  { mode: 'minimal', values: { tracing: { endpoint: 'http://collector:4318' }, networkPolicy: { enabled: true } } },
]

/** For the values of a directory, which nothing else looks at. */
const withDirectory: readonly RenderOptions[] = [
  { mode: 'ldap' },
  { mode: 'minimal', values: { ldap: { enabled: true, url: 'ldaps://ldap.example.com', userBase: 'dc=example' } } },
  { mode: 'minimal' },
]

const scenesOf = (path: string): readonly RenderOptions[] => {
  if (/^(ldap|networkPolicy\.egress\.ldap)(\.|$)/.test(path)) return withDirectory
  return path.startsWith('valkey.') ? scenes.slice(1) : scenes
}

/** Only a real cluster has the APIs that these depend on. */
const unseen = ['crds.adopt']

describe('every value', function () {
  this.timeout(600_000)

  it('is used: changing it changes what is rendered, or is refused with its name', async () => {
    const look = async ({ path, value }: { path: string; value: Value }): Promise<string[]> => {
      const change = at(path, otherThan(path, value))
      for (const scene of scenesOf(path)) {
        const before = await render(scene)
        const values = scene.values === undefined ? change : merge(scene.values, change)
        const after = await renderNow({ ...scene, values }).catch((error: { stderr: string }) => error.stderr)
        const isRefused = !after.startsWith('---')
        if (isRefused ? after.includes(path) : after !== before) return []
      }
      return [path]
    }
    const left = leaves.filter(({ path }) => !unseen.includes(path))
    const worker = async (): Promise<string[]> => {
      const unused: string[] = []
      for (let leaf = left.pop(); leaf !== undefined; leaf = left.pop()) unused.push(...(await look(leaf)))
      return unused
    }
    expect((await Promise.all([worker(), worker(), worker()])).flat()).to.deep.equal([])
  })
})

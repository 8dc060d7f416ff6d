import { expect } from 'chai'
import { machine, startCluster } from '@nauthera/harness/operator/cluster'
import { appsNamespace, releaseNamespace } from '@nauthera/harness/operator/cluster-view'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import { gatewayDefinitions } from '@nauthera/stand-in/gateway-api'
import { readDefinitions } from '@nauthera/stand-in/manifests'
import { keysJobRules, operatorRules } from '@nauthera/stand-in/operator-rules'
import type { RbacRule } from '@nauthera/stand-in/http/rbac'
import { grantsOf, isUsedBy, rightsIn, spellRight } from './support/grants.ts'
import { objectsOf } from './support/render.ts'

const operator = 'nauthera-operator'
const ways = [
  { mode: 'cluster', namespace: appsNamespace, render: {} },
  {
    mode: 'cluster',
    follows: true,
    namespace: appsNamespace,
    render: { values: { operator: { redirectURIsFrom: true } } },
  },
  {
    mode: 'namespaces',
    namespace: appsNamespace,
    render: { mode: 'watch-namespaces', values: { operator: { watch: { namespaces: [appsNamespace] }, nudge: true } } },
  },
  {
    mode: 'release',
    namespace: releaseNamespace,
    render: { mode: 'watch-release', values: { operator: { serverName: 'default', nudge: true } } },
  },
] as const

const spell = (rules: readonly RbacRule[]) => rightsIn(rules).map(spellRight).sort()

/** Rights that no call needs, and why they are there all the same. */
const spare: readonly RegExp[] = [
  /\/(oidcclients|oidcpolicies|oidcclusters|namespaces|pods) get$/, // who may list may also get
]

describe('K3 the rights that the chart gives', () => {
  let cluster: Cluster
  beforeEach(async () => {
    cluster = await startCluster({ definitions: [...readDefinitions(), ...gatewayDefinitions] })
  })
  afterEach(() => cluster.stop())

  for (const { mode, namespace, render, ...way } of ways) {
    const follows = 'follows' in way
    const title = `${mode}${follows ? ', with routes' : ''}`
    it(`to the operator are what its calls need in mode ${title}, and no more`, async () => {
      const rules = grantsOf(await objectsOf(render), operator)
      const watch = { mode, namespaces: mode === 'namespaces' ? [appsNamespace] : [] }
      const settings = { watch, redirectURIsFrom: follows }
      const replica = await cluster.startReplica('server-a')
      replica.reject(({ desired }) =>
        desired?.clientName === 'bad' ? { field: 'displayName', code: 'BAD', message: 'is bad' } : undefined,
      )
      const joined = {
        apiVersion: 'auth.nauthera.io/v1alpha1',
        kind: 'OIDCCluster',
        metadata: { name: 'edge' },
        spec: {},
      }
      const watched = { ...joined, kind: 'OIDCPolicy', metadata: { name: 'watched' }, spec: { enforcement: 'Audit' } }
      if (mode === 'cluster') for (const one of [joined, watched]) cluster.api.set(one)
      const process = cluster.startOperator({ identity: 'operator-0', settings, rules })
      await process.leading
      const secrets = cluster.api.resource('secrets')
      const isThere = (name: string) => cluster.api.store.find(secrets, namespace, name) !== undefined
      const apply = async (name: string, spec: object, ready: string) => {
        const applied = await cluster.apply(name, { ...machine, ...spec }, { namespace })
        const isLive = () => {
          const status = cluster.client(name, namespace)?.status
          const condition = status?.conditions?.find(({ type }) => type === 'Ready')
          return status?.observedGeneration === applied.metadata.generation && condition?.status === ready
        }
        await cluster.until(isLive, `${name} with ${JSON.stringify(spec)} has Ready=${ready}`)
        await process.pass(4_000)
      }
      await apply('reports', {}, 'True')
      await apply('other', {}, 'True')
      // rejected, accepted and rejected again: the second event counts up the first
      await apply('reports', { displayName: 'bad' }, 'False')
      await apply('reports', { displayName: 'good' }, 'True')
      await apply('reports', { displayName: 'bad' }, 'False')
      await apply('reports', {}, 'True')
      const isTold = (plural: string, name: string) =>
        cluster.api.store.find(cluster.api.resource(plural), undefined, name)?.['status'] !== undefined
      const told = () => isTold('oidcclusters', 'edge') && isTold('oidcpolicies', 'watched')
      if (mode === 'cluster') await cluster.until(told, 'the status of a joined cluster, and of a policy')
      const before = cluster.plain('reports', namespace)
      await apply('reports', { rotation: { trigger: 'now' } }, 'True')
      await cluster.until(() => cluster.plain('reports', namespace) !== before, 'the secret is rotated')
      await apply('other', { secret: { name: 'renamed' } }, 'True')
      await cluster.until(() => !isThere('other-oidc'), 'the old Secret is gone')
      await cluster.remove('reports', namespace)
      await cluster.until(() => replica.clients().length === 1, 'the client is gone')
      await process.stop()
      expect(process.log.told('event lost')).to.deep.equal([])

      const calls = cluster.api.requests.filter(({ user }) => user === 'operator-0')
      expect(calls.filter(({ code }) => code === 403)).to.deep.equal([])
      const unused = rightsIn(rules).filter((right) => !calls.some((call) => isUsedBy(right, call)))
      expect(unused.map(spellRight).filter((right) => !spare.some((reason) => reason.test(right)))).to.deep.equal([])
    })

    it(`to the operator are those that its tests run with in mode ${title}`, async () => {
      const rendered = grantsOf(await objectsOf(render), operator)
      const namespaces = mode === 'namespaces' ? [appsNamespace] : []
      const about = { mode, release: 'nauthera', namespace: releaseNamespace, namespaces, nudge: true }
      const ours = operatorRules({ ...about, redirectURIsFrom: follows })
      expect(spell(ours)).to.deep.equal(spell(rendered))
    })
  }

  for (const mode of ['cluster', 'release'] as const) {
    it(`to the operator of a spoke are those that its tests run with in mode ${mode}`, async () => {
      const rendered = grantsOf(await objectsOf({ mode: 'spoke', values: { operator: { watch: { mode } } } }), operator)
      const about = { mode, release: 'nauthera', namespace: releaseNamespace, nudge: false }
      expect(spell(operatorRules({ ...about, hubSecret: 'nauthera-hub' }))).to.deep.equal(spell(rendered))
    })
  }

  it('to the keys Job are those that its tests run with', async () => {
    const rendered = grantsOf(await objectsOf(), 'nauthera-keys')
    expect(spell(keysJobRules('nauthera', releaseNamespace))).to.deep.equal(spell(rendered))
  })
})

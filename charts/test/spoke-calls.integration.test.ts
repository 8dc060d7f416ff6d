import { expect } from 'chai'
import { machine } from '@nauthera/harness/operator/cluster'
import { appsNamespace } from '@nauthera/harness/operator/cluster-view'
import { startPair } from '@nauthera/harness/operator/pair'
import type { Pair } from '@nauthera/harness/operator/pair'
import { hubObjects } from '@nauthera/operator/kubectl/clusters/hub-objects'
import { namespaceOfCluster } from '@nauthera/rules/tenants'
import type { RbacRule } from '@nauthera/stand-in/http/rbac'
import type { RecordedRequest } from '@nauthera/stand-in/state'
import { grantsOf, isUsedBy, rightsIn, spellRight } from './support/grants.ts'
import { objectsOf } from './support/render.ts'

const cluster = 'edge'

/** Rights that no call needs, and why they are there all the same. */
const spare: readonly RegExp[] = [
  /\/(oidcclients|namespaces) get$/, // who may list may also get
  /serviceaccounts\/token create/, // tokens of the stand-in never end: operator/test/spoke/hub-access.test.ts renews one
  /^auth \/secrets patch/, // that renewal, and a key of proofs that is damaged
]

describe('K3 the rights of a spoke', () => {
  let pair: Pair
  beforeEach(async () => {
    pair = await startPair()
  })
  afterEach(() => pair.stop())

  for (const mode of ['cluster', 'namespaces'] as const) {
    it(`are what its calls need, here and in its hub, and no more in mode ${mode}`, async () => {
      const watch = { mode, namespaces: mode === 'namespaces' ? [appsNamespace] : [] }
      const rules = grantsOf(await objectsOf({ mode: 'spoke', values: { operator: { watch } } }), 'nauthera-operator')
      const operator = pair.startSpoke({ watch }, rules)
      await operator.leading
      const { spoke } = pair
      const status = () => spoke.client('reports')?.status
      const isReady = (wanted: string) => () =>
        status()?.observedGeneration === spoke.client('reports')?.metadata.generation &&
        status()?.conditions?.find(({ type }) => type === 'Ready')?.status === wanted
      const apply = async (spec: object, ready: string) => {
        await spoke.apply('reports', { ...machine, ...spec })
        await pair.until(isReady(ready), `reports with ${JSON.stringify(spec)} has Ready=${ready}`)
        await pair.pass(8_000)
      }
      for (const replica of pair.replicas)
        replica.reject(({ desired }) =>
          desired?.clientName === 'bad' ? { field: 'displayName', code: 'BAD', message: 'is bad' } : undefined,
        )
      await apply({}, 'True')
      // rejected, accepted and rejected again: the second event counts up the first
      await apply({ displayName: 'bad' }, 'False')
      await apply({ displayName: 'good' }, 'True')
      await apply({ displayName: 'bad' }, 'False')
      await apply({}, 'True')
      const before = spoke.plain('reports')
      await apply({ rotation: { trigger: 'now' } }, 'True')
      await pair.until(() => spoke.plain('reports') !== before, 'the secret is rotated')
      await apply({ secret: { name: 'renamed' } }, 'True')
      await pair.until(() => spoke.plain('reports') === undefined, 'the old Secret is gone')
      await spoke.remove('reports')
      await pair.until(() => pair.mirror('reports') === undefined, 'the mirror is gone')
      await operator.stop()

      const roles = hubObjects(cluster).filter((object) => 'rules' in object)
      const namespace = namespaceOfCluster(cluster)
      const inHub = roles.flatMap(({ rules }) => (rules as RbacRule[]).map((rule) => ({ ...rule, namespace })))
      const { requests } = pair.spoke.api
      expect(
        faultsOf(
          rules,
          requests.filter(({ user }) => user === operator.identity),
        ),
      ).to.deep.equal([])
      expect(
        faultsOf(
          inHub,
          pair.hub.api.requests.filter(({ user }) => user === cluster),
        ),
      ).to.deep.equal([])
    })
  }
})

/** Calls that were refused, and rights that no call used. */
function faultsOf(rules: readonly RbacRule[], calls: readonly RecordedRequest[]): string[] {
  const refused = calls
    .filter(({ code }) => code === 403)
    .map(({ verb, resource }) => `403 ${verb} ${resource?.plural}`)
  const unused = rightsIn(rules).filter((right) => !calls.some((call) => isUsedBy(right, call)))
  return [...refused, ...unused.map(spellRight).filter((right) => !spare.some((reason) => reason.test(right)))]
}

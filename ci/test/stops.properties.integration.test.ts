import { expect } from 'chai'
import fc from 'fast-check'
import { changedDefinitions } from '@nauthera/harness/operator/changed-definitions'
import { release, releaseNamespace } from '@nauthera/harness/operator/cluster-view'
import { joinedCluster } from '@nauthera/harness/operator/joined-cluster'
import { startPair } from '@nauthera/harness/operator/pair'
import type { Pair } from '@nauthera/harness/operator/pair'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import { propertyRuns } from '@nauthera/harness/property-runs'
import type { OIDCClient } from '@nauthera/operator/api/oidc-client'
import { invalid } from '@nauthera/rules/client-fault'
import { ServingReplica } from './support/serving-replica.ts'
import {
  api,
  base,
  clientIdOf,
  edge,
  editsOf,
  makeOtherVersion,
  refusals,
  refusedName,
  stopCases as cases,
  tightenings,
} from './support/stop-cases.ts'
import type { Spec, StopCase } from './support/stop-cases.ts'

// A stop always wins: whatever keeps an earlier version of a client in service, what its object and its policies tighten holds for that one
// too. Each case is a client of its own, and all of them are in one hub: its own, and those of a cluster that has joined it.

/** What comes first, and what becomes of the third replica meanwhile. */
const order = fc.record({
  turns: fc.array(fc.constantFrom('refused first', 'stopped first', 'both at once'), {
    minLength: cases.length,
    maxLength: cases.length,
  }),
  third: fc.constantFrom('follows', 'is away', 'starts anew'),
})

describe('A stop, whatever version of a client is served', function () {
  this.timeout(300_000 * propertyRuns(1))
  let pair: Pair
  let spoke: TestOperator
  let serving: readonly ServingReplica[]

  const clusterOf = ({ place }: Pick<StopCase, 'place'>) => pair[place]
  const hubApi = () => pair.hub.api

  const start = async () => {
    pair = await startPair({
      replicas: 3,
      definitions: changedDefinitions(makeOtherVersion),
      settings: {
        watch: { mode: 'cluster' },
        policy: { allow: { verifiers: true, resourceServer: true, audiences: undefined } },
      },
    })
    for (const one of cases)
      clusterOf(one).api.set({
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: one.namespace, labels: { 'kubernetes.io/metadata.name': one.namespace } },
      })
    // else a policy that selects by them holds for all clients of the cluster
    hubApi().set(joinedCluster(edge, { trustNamespaceLabels: true }))
    const needs = {
      api: hubApi(),
      release,
      namespace: releaseNamespace,
      checkClient: ({ clientName }: { clientName: string }) =>
        clientName === refusedName ? [invalid('displayName', 'is refused here')] : [],
    }
    serving = [1, 2, 3].map(() => new ServingReplica(needs))
    hubApi().store.onChange(({ resource, object }) => {
      if (resource.plural !== 'secrets' || object.metadata.namespace !== releaseNamespace) return
      for (const replica of serving) replica.follow()
    })
    for (const mount of pair.replicas)
      mount.reject(({ desired }) =>
        desired?.clientName === refusedName
          ? { field: 'spec.displayName', code: 'CLIENT_METADATA_INVALID', message: 'is refused here' }
          : undefined,
      )
    spoke = pair.startSpoke({ watch: { mode: 'cluster' } })
    await spoke.leading
  }

  const put = (name: string, spec: object) =>
    hubApi().set({ apiVersion: 'auth.nauthera.io/v1alpha1', kind: 'OIDCPolicy', metadata: { name }, spec })
  /** Also for clients of the joined cluster, which sends the labels of its namespaces. */
  const putFor = (name: string, holds: (namespace: string) => boolean, spec: object) => {
    const values = [...new Set(cases.map(({ namespace }) => namespace))].filter(holds)
    const matchExpressions = [{ key: 'kubernetes.io/metadata.name', operator: 'In', values }]
    put(name, { ...spec, selector: { namespaces: { matchExpressions } } })
  }
  const applyApi = (clientIds?: readonly string[]) =>
    pair.hub.apply('billing', {
      type: 'M2M',
      resourceServer: {
        identifier: api,
        scopes: [{ name: 'read' }],
        access: clientIds
          ? [0, 50].map((from) => ({ clientIds: clientIds.slice(from, from + 50) }))
          : [{ namespaces: ['*'] }, { clusters: [{ name: edge, namespaces: ['*'] }] }],
      },
    })
  const apply = (one: StopCase, spec: Spec) => clusterOf(one).apply(one.name, spec, { namespace: one.namespace })
  const of = (one: StopCase): OIDCClient | undefined => clusterOf(one).client(one.name, one.namespace)
  const condition = (one: StopCase, type: string) => clusterOf(one).condition(one.name, type, one.namespace)
  const leap = () => {
    for (const { clock } of [pair.hubOperator, spoke]) clock.leap(3_000)
  }
  const servedBy = (one: StopCase) => serving.map((replica) => replica.find(clientIdOf(one)))

  const isObeyed = (one: StopCase): boolean =>
    servedBy(one).every((client) => client === undefined || tightenings[one.tightening]!.isObeyed(client))
  const untilAll = async (holds: (one: StopCase) => unknown, what: string, timeoutMs?: number) => {
    const open = () => cases.filter((one) => !holds(one)).map(({ name, place }) => `${name} (${place})`)
    await pair
      .until(() => open().length === 0, what, timeoutMs)
      .catch((error: unknown) => {
        throw new Error(`${what}; not so: ${open().join(', ')}`, { cause: error })
      })
  }

  /** For each refusal an API, and one client that calls all of them. */
  const applyApis = async (specOf: (refusal: string, refuse: (spec: Spec) => Spec) => Spec) => {
    for (const [refusal, refuse] of Object.entries(refusals))
      await pair.hub.apply('api', specOf(refusal, refuse), { namespace: `${refusal}-others` })
  }
  const identifierOf = (refusal: string) => `https://${refusal}.example.com`
  const apiSpec = (refusal: string, identifier = identifierOf(refusal)): Spec => ({
    ...base,
    resourceServer: { identifier, scopes: [{ name: 'read' }], access: [{ namespaces: ['*'] }] },
  })
  /** @returns the identifiers that a replica lets the caller in under */
  const openTo = (replica: ServingReplica) =>
    (replica.find('apps.caller')?.granted ?? []).flatMap(({ identifier, scopes }) =>
      scopes.length > 0 ? [identifier] : [],
    )
  /** A name of a Secret that is taken holds up the Secret alone: its version is served. */
  const servedOn = Object.keys(refusals).filter((refusal) => refusal !== 'name-taken')

  /** Every client is served with two secrets, everywhere. */
  const setUp = async () => {
    await applyApi()
    await applyApis((refusal) => apiSpec(refusal))
    const audiences = Object.keys(refusals).flatMap((refusal) => [
      identifierOf(refusal),
      identifierOf(`new-${refusal}`),
    ])
    await pair.hub.apply('caller', { type: 'M2M', scopes: ['read'], audiences })
    for (const one of cases) {
      const metadata = { name: 'of-a-stranger', namespace: one.namespace }
      clusterOf(one).api.set({ apiVersion: 'v1', kind: 'Secret', metadata, data: { token: 'dW50b3VjaGVk' } } as never)
    }
    for (const one of cases) await apply(one, base)
    await untilAll((one) => condition(one, 'Ready')?.status === 'True', 'all are Ready')
    const areOpen = () => serving.every((replica) => openTo(replica).length === Object.keys(refusals).length)
    await pair.until(areOpen, 'every API lets its caller in')
    const rotated = { ...base, rotation: { ...(base['rotation'] as Spec), trigger: '2' } }
    leap()
    for (const one of cases) await apply(one, rotated)
    await untilAll((one) => of(one)?.status?.secret?.previous?.length === 1, 'all have a previous secret')
    await untilAll((one) => servedBy(one).every((client) => client?.verifiers.length === 2), 'and servers know it')
    putFor('no-room', (namespace) => namespace.startsWith('no-room'), { limits: { bytesPerShard: 1024 } })
    return rotated
  }

  const denyAll = () =>
    putFor('deny', (namespace) => namespace.endsWith('denied'), {
      enforcement: 'Deny',
      grace: '1m',
      allow: { types: ['M2M'] },
    })
  const closeApi = () => applyApi(cases.filter(({ tightening }) => tightening !== 'access').map(clientIdOf))

  it('I10 K23 is obeyed by all replicas within ten seconds, for each way to be refused and each way to be stopped', async () => {
    await fc.assert(
      fc.asyncProperty(order, async ({ turns, third }) => {
        await start()
        try {
          const spec = await setUp()
          const withOrder = cases.map((one, index) => ({ one, turn: turns[index]!, ...editsOf(one, spec) }))
          leap()
          if (third !== 'follows') serving[2]!.leave()
          for (const { one, turn, refused, stopped } of withOrder)
            if (turn !== 'both at once') await apply(one, turn === 'refused first' ? refused : stopped)
          await applyApis((refusal, refuse) => refuse(apiSpec(refusal, identifierOf(`new-${refusal}`))))
          await closeApi()
          denyAll()
          leap()
          for (const { one, both } of withOrder) await apply(one, both)
          // a grace period counts from the look that first finds the breach
          const hasBegun = (one: StopCase) => one.tightening !== 'denied' || of(one)?.status?.breaches?.length === 1
          await untilAll(hasBegun, 'each grace period has begun')
          await pair.pass(63_000)
          const isGone = (one: StopCase) => one.tightening !== 'denied' && !serving[0]!.find(clientIdOf(one))
          expect(cases.filter(isGone).map(clientIdOf), 'all are served on').to.deep.equal([])
          if (third !== 'follows') serving[2]!.comeBack({ anew: third === 'starts anew' })
          await untilAll(isObeyed, 'each stop is obeyed', 10_000)
          // an API that would move to another identifier works on under the one that it has, everywhere: one that starts anew loads first
          const open = [...servedOn.map(identifierOf), identifierOf('new-name-taken')].toSorted().join()
          const areOpenAsBefore = () => serving.every((replica) => openTo(replica).toSorted().join() === open)
          await pair.until(areOpenAsBefore, `open are ${open}`)
        } finally {
          await pair.stop()
        }
      }),
      { numRuns: propertyRuns(1), endOnFailure: true },
    )
  })
})

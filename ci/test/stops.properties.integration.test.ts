import { expect } from 'chai'
import fc from 'fast-check'
import { startCluster } from '@nauthera/harness/operator/cluster'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import { release, releaseNamespace } from '@nauthera/harness/operator/cluster-view'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import type { TestReplica } from '@nauthera/harness/operator/replica'
import { propertyRuns } from '@nauthera/harness/property-runs'
import type { OIDCClient } from '@nauthera/operator/api/oidc-client'
import { invalid } from '@nauthera/rules/client-fault'
import type { RegisteredClient } from '@nauthera/server/clients/registered-client'
import { ServingReplica } from './support/serving-replica.ts'

// A stop always wins: whatever keeps an earlier version of a client in service, what its object and its policies tighten holds for that one
// too. Each case is a client of its own, and all of them are in one cluster.

type Spec = Record<string, unknown>

const api = 'https://billing.example.com'
const refusedName = 'refused by servers'
const base: Spec = {
  type: 'Web',
  redirectURIs: ['https://app.example.com/callback'],
  scopes: ['openid', 'read'],
  audiences: [api],
  rotation: { trigger: '1', interval: '720h', overlap: '24h', retire: 'AfterOverlap' },
}

/** How a new version comes to be refused, so that an earlier one is served. */
const refusals: Readonly<Record<string, (spec: Spec) => Spec>> = {
  invalid: (spec) => ({ ...spec, rotation: { ...(spec['rotation'] as Spec), window: never } }),
  'too-large': (spec) => ({ ...spec, redirectURIs: manyURIs(28, 500), corsOrigins: manyOrigins(20) }),
  'no-room': (spec) => ({ ...spec, redirectURIs: manyURIs(20, 200) }),
  rejected: (spec) => ({ ...spec, displayName: refusedName }),
  'name-taken': (spec) => ({ ...spec, secret: { name: 'of-a-stranger' } }),
  'id-taken': (spec) => ({ ...spec, resourceServer: { ...(spec['resourceServer'] as Spec), identifier: api } }),
}
const never = { schedule: '0 0 30 2 *', duration: '1h' }
const manyURIs = (count: number, length: number): string[] =>
  Array.from({ length: count }, (_, index) => `https://app.example.com/${index}/${randomText(length)}`)
const manyOrigins = (count: number): string[] =>
  Array.from({ length: count }, () => `https://${[1, 2, 3].map(() => randomText(50)).join('.')}.example.com`)
/** Text that does not compress. */
const randomText = (length: number): string =>
  Array.from({ length }, () => Math.floor(Math.random() * 36).toString(36)).join('')

interface Tightening {
  /** What the object says from then on. */
  readonly tighten?: (spec: Spec) => Spec
  readonly isObeyed: (served: RegisteredClient) => boolean
}

const tightenings: Readonly<Record<string, Tightening>> = {
  suspended: {
    tighten: (spec) => ({ ...spec, suspended: true }),
    isObeyed: ({ config }) => config.suspended,
  },
  // the API lets only some clients in from then on: see closeApi
  access: { isObeyed: ({ granted }) => granted?.every(({ scopes }) => scopes.length === 0) === true },
  groups: {
    tighten: (spec) => ({ ...spec, access: { ...(spec['access'] as Spec), allowedGroups: ['staff'] } }),
    isObeyed: ({ config }) => config.allowedGroups.join() === 'staff',
  },
  acr: {
    tighten: (spec) => ({ ...spec, access: { ...(spec['access'] as Spec), requiredAcr: ['urn:nauthera:mfa'] } }),
    isObeyed: ({ config }) => config.requiredAcr.join() === 'urn:nauthera:mfa',
  },
  revoked: {
    tighten: (spec) => ({ ...spec, rotation: { ...(spec['rotation'] as Spec), revokePrevious: 'leak' } }),
    isObeyed: ({ verifiers }) => verifiers.length === 1,
  },
  // a policy forbids what is served, and its grace ends: see denyAll
  denied: { isObeyed: () => false },
}

interface Case {
  readonly name: string
  readonly namespace: string
  readonly refusal: string
  readonly tightening: string
}

/** The policies select by the labels of the namespace. */
const cases: readonly Case[] = Object.keys(refusals).flatMap((refusal) =>
  Object.keys(tightenings).map((tightening) => ({
    name: `${refusal}-${tightening}`,
    namespace: `${refusal}-${tightening === 'denied' ? 'denied' : 'others'}`,
    refusal,
    tightening,
  })),
)

/** What comes first, and what becomes of the third replica meanwhile. */
const order = fc.record({
  turns: fc.array(fc.constantFrom('refused first', 'stopped first', 'both at once'), {
    minLength: cases.length,
    maxLength: cases.length,
  }),
  third: fc.constantFrom('follows', 'is away', 'starts anew'),
})

describe('A stop, whatever version of a client is served', function () {
  this.timeout(120_000 * propertyRuns(1))
  let cluster: Cluster
  let operator: TestOperator
  let serving: readonly ServingReplica[]
  let mounts: readonly TestReplica[]

  const start = async () => {
    cluster = await startCluster()
    const { api: kubeApi } = cluster
    for (const { namespace, refusal, tightening } of cases) {
      const labels = { room: refusal === 'no-room' ? 'none' : 'enough', denied: String(tightening === 'denied') }
      kubeApi.set({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } })
    }
    const needs = {
      api: kubeApi,
      release,
      namespace: releaseNamespace,
      checkClient: ({ clientName }: { clientName: string }) =>
        clientName === refusedName ? [invalid('displayName', 'is refused here')] : [],
    }
    serving = [1, 2, 3].map(() => new ServingReplica(needs))
    kubeApi.store.onChange(({ resource, object }) => {
      if (resource.plural !== 'secrets' || object.metadata.namespace !== releaseNamespace) return
      for (const replica of serving) replica.follow()
    })
    mounts = await Promise.all(['server-a', 'server-b', 'server-c'].map((name) => cluster.startReplica(name)))
    for (const mount of mounts)
      mount.reject(({ desired }) =>
        desired?.clientName === refusedName
          ? { field: 'spec.displayName', code: 'CLIENT_METADATA_INVALID', message: 'is refused here' }
          : undefined,
      )
    operator = cluster.startOperator({
      settings: {
        watch: { mode: 'cluster' },
        policy: { allow: { resourceServer: true, audiences: undefined } },
      },
    })
    await operator.leading
  }

  const put = (name: string, spec: object) =>
    cluster.api.set({ apiVersion: 'auth.nauthera.io/v1alpha1', kind: 'OIDCPolicy', metadata: { name }, spec })
  const applyApi = (clientIds?: readonly string[]) =>
    cluster.apply('billing', {
      type: 'M2M',
      resourceServer: {
        identifier: api,
        scopes: [{ name: 'read' }],
        access: [clientIds ? { clientIds } : { namespaces: ['*'] }],
      },
    })
  const apply = ({ name, namespace }: Case, spec: Spec) => cluster.apply(name, spec, { namespace })
  const of = ({ name, namespace }: Case): OIDCClient | undefined => cluster.client(name, namespace)
  const condition = (one: Case, type: string) => cluster.condition(one.name, type, one.namespace)
  const clientIdOf = ({ name, namespace }: Case) => `${namespace}.${name}`
  const servedBy = (one: Case) => serving.map((replica) => replica.find(clientIdOf(one)))

  const isObeyed = (one: Case): boolean =>
    servedBy(one).every((client) => client === undefined || tightenings[one.tightening]!.isObeyed(client))
  const untilAll = async (holds: (one: Case) => unknown, what: string, timeoutMs?: number) => {
    const open = () => cases.filter((one) => !holds(one)).map(({ name }) => name)
    await cluster
      .until(() => open().length === 0, what, timeoutMs)
      .catch((error: unknown) => {
        throw new Error(`${what}; not so: ${open().join(', ')}`, { cause: error })
      })
  }

  /** For each refusal an API, and one client that calls all of them. */
  const applyApis = async (specOf: (refusal: string) => Spec) => {
    for (const refusal of Object.keys(refusals))
      await cluster.apply('api', specOf(refusal), { namespace: `${refusal}-others` })
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
    await applyApis(apiSpec)
    const audiences = Object.keys(refusals).flatMap((refusal) => [
      identifierOf(refusal),
      identifierOf(`new-${refusal}`),
    ])
    await cluster.apply('caller', { type: 'M2M', scopes: ['read'], audiences })
    for (const { namespace } of cases) {
      const metadata = { name: 'of-a-stranger', namespace }
      cluster.api.set({ apiVersion: 'v1', kind: 'Secret', metadata, data: { token: 'dW50b3VjaGVk' } } as never)
    }
    for (const one of cases) await apply(one, base)
    await untilAll((one) => condition(one, 'Ready')?.status === 'True', 'all are Ready')
    const areOpen = () => serving.every((replica) => openTo(replica).length === Object.keys(refusals).length)
    await cluster.until(areOpen, 'every API lets its caller in')
    const rotated = { ...base, rotation: { ...(base['rotation'] as Spec), trigger: '2' } }
    operator.clock.leap(3_000)
    for (const one of cases) await apply(one, rotated)
    await untilAll((one) => of(one)?.status?.secret?.previous?.length === 1, 'all have a previous secret')
    await untilAll((one) => servedBy(one).every((client) => client?.verifiers.length === 2), 'and servers know it')
    put('no-room', { selector: { namespaces: { matchLabels: { room: 'none' } } }, limits: { bytesPerShard: 1024 } })
    return rotated
  }

  /** @returns what the object says when it is refused, when it is stopped, and both */
  const edits = ({ refusal, tightening }: Case, spec: Spec) => {
    const refuse = refusals[refusal]!
    const { tighten = (before: Spec) => before } = tightenings[tightening]!
    return { refused: refuse(spec), stopped: tighten(spec), both: tighten(refuse(spec)) }
  }

  const denyAll = () =>
    put('deny', {
      selector: { namespaces: { matchLabels: { denied: 'true' } } },
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
          const withOrder = cases.map((one, index) => ({ one, turn: turns[index]!, ...edits(one, spec) }))
          operator.clock.leap(3_000)
          if (third !== 'follows') serving[2]!.leave()
          for (const { one, turn, refused, stopped } of withOrder)
            if (turn !== 'both at once') await apply(one, turn === 'refused first' ? refused : stopped)
          await applyApis((refusal) => refusals[refusal]!(apiSpec(refusal, identifierOf(`new-${refusal}`))))
          await closeApi()
          denyAll()
          operator.clock.leap(3_000)
          for (const { one, both } of withOrder) await apply(one, both)
          // a grace period counts from the look that first finds the breach
          const hasBegun = (one: Case) => one.tightening !== 'denied' || of(one)?.status?.breaches?.length === 1
          await untilAll(hasBegun, 'each grace period has begun')
          await operator.pass(63_000)
          for (const one of cases.filter(({ tightening }) => tightening !== 'denied'))
            expect(serving[0]!.find(clientIdOf(one)), `${one.name} is served on`).to.not.equal(undefined)
          if (third !== 'follows') serving[2]!.comeBack({ anew: third === 'starts anew' })
          await untilAll(isObeyed, 'each stop is obeyed', 10_000)
          // an API that would move to another identifier works on under the one that it has, everywhere: one that starts anew loads first
          const open = [...servedOn.map(identifierOf), identifierOf('new-name-taken')].toSorted().join()
          const areOpenAsBefore = () => serving.every((replica) => openTo(replica).toSorted().join() === open)
          await cluster.until(areOpenAsBefore, `open are ${open}`)
        } finally {
          await cluster.stop()
        }
      }),
      { numRuns: propertyRuns(1), endOnFailure: true },
    )
  })
})

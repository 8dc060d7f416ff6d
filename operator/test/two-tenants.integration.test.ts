import { expect } from 'chai'
import fc from 'fast-check'
import { startCluster } from '@nauthera/harness/operator/cluster'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import { releaseNamespace } from '@nauthera/harness/operator/cluster-view'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { annotations } from '@nauthera/proto/names'
import { putOver } from '@nauthera/stand-in/backup'
import type { KubeObject } from '@nauthera/stand-in/objects'

// Two tenants make, delete, restore and rename their clients while leaders die. Whatever one of them does, it gets at APIs what the id that it
// is served under gets, and nothing of the other changes at any moment.

const invoices = 'https://invoices.example.com'
const scopes = ['invoices:read', 'invoices:write']
const victim = 'shop.checkout'
/** Both may have it, and the API lets it in. */
const shared = 'till'
const tenants = ['shop', 'evil'] as const
type Tenant = (typeof tenants)[number]
const otherOf = (by: Tenant): Tenant => (by === 'shop' ? 'evil' : 'shop')

const wishes = ['own', 'shared', 'the victim', 'the other tenant'] as const
type Wish = (typeof wishes)[number]
type Removal = 'collected' | 'late' | 'orphaned'
type Act =
  /** Deletes the client that it has, and makes one at once; between the two it may put its first Secret back. */
  | {
      readonly kind: 'make anew'
      readonly wants: Wish
      readonly how: Removal
      readonly secret: 'update' | 'recreate' | undefined
      readonly isSaid: boolean
    }
  | { readonly kind: 'delete'; readonly how: Removal }
  /** A client beside the first one, which wants the same Secret. */
  | { readonly kind: 'squat'; readonly wants: Wish }
  | { readonly kind: 'put back'; readonly secret: 'update' | 'recreate'; readonly isSaid: boolean }
interface Step {
  readonly by: Tenant
  readonly act: Act
  /** The leader dies at this write, and the next one goes on. At 0 it is dead before the act, of which the next one sees the end alone. */
  readonly death?: { readonly nth: number; readonly when: 'before' | 'after' } | undefined
  /** No shard can be written until the operator has looked at what became of the act. */
  readonly isShardLate?: boolean
}

const wants = fc.constantFrom(...wishes)
const how = fc.constantFrom<Removal[]>('collected', 'late', 'orphaned')
const secret = fc.constantFrom('update' as const, 'recreate' as const)
const isSaid = fc.boolean()
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('make anew'),
      wants,
      how,
      secret: fc.option(secret, { nil: undefined }),
      isSaid,
    }),
  },
  fc.record({ kind: fc.constant('delete'), how }),
  fc.record({ kind: fc.constant('squat'), wants }),
  fc.record({ kind: fc.constant('put back'), secret, isSaid }),
)
const step: fc.Arbitrary<Step> = fc.record({
  by: fc.constantFrom('evil', 'evil', 'shop'),
  act,
  death: fc.option(fc.record({ nth: fc.integer({ min: 0, max: 4 }), when: fc.constantFrom('before', 'after') }), {
    nil: undefined,
    freq: 2,
  }),
  isShardLate: fc.boolean(),
})

const noShard = {
  when: ({ verb, name }: { readonly verb: string; readonly name?: string }) =>
    verb === 'patch' && name?.startsWith('nauthera-clients-') === true,
  effect: { kind: 'refuse', code: 503 },
} as const

const evil = (what: Act, more: Omit<Step, 'by' | 'act'> = {}): Step => ({ by: 'evil', act: what, ...more })
const claims: Extract<Act, { kind: 'make anew' }> = {
  kind: 'make anew',
  wants: 'the victim',
  how: 'orphaned',
  secret: undefined,
  isSaid: false,
}
/** Ways to another's id, in every run. */
const ways: [Step[]][] = [
  [
    [
      evil({ ...claims, secret: 'recreate' }, { isShardLate: true }),
      evil({ kind: 'put back', secret: 'recreate', isSaid: true }),
    ],
  ],
  [[evil(claims), evil({ ...claims, how: 'late' }, { death: { nth: 1, when: 'after' }, isShardLate: true })]],
  [[evil(claims, { death: { nth: 0, when: 'before' } }), evil({ kind: 'delete', how: 'orphaned' })]],
  [
    [
      { by: 'shop', act: { ...claims, wants: 'shared' } },
      evil({ ...claims, wants: 'shared' }),
      evil({ kind: 'squat', wants: 'shared' }),
    ],
  ],
]

describe('two tenants', () => {
  let cluster: Cluster
  let operator: TestOperator
  let round = 0
  let edits = 0
  let collect = () => {}
  /** What a server would have given too much, and what of the other tenant was another at some moment. */
  const faults = new Set<string>()
  /** The first Secret that a client had, by `namespace/name`: its tenant kept a copy. */
  const copies = new Map<string, KubeObject>()

  const nameOf = (by: Tenant) => `${by === 'shop' ? 'cart' : 'thief'}-${round}`
  const namesOf = (by: Tenant) => [nameOf(by), `${nameOf(by)}-beside`]
  const idOf = (by: Tenant, wants: Wish): string | undefined =>
    ({
      own: undefined,
      shared,
      'the victim': victim,
      'the other tenant': `${otherOf(by)}.${nameOf(otherOf(by))}`,
    })[wants]
  const reasonOf = (by: Tenant, name: string, type: string) => cluster.condition(name, type, by)?.reason
  const grantedTo = (by: Tenant, name: string) =>
    cluster.stored(name, by)?.granted?.apis.flatMap((api) => api.scopes) ?? []

  /** What servers have of a tenant's clients, without verifiers that end by themselves. */
  const entriesOf = (of: Tenant) => {
    const names = of === 'shop' ? ['checkout', ...namesOf(of)] : namesOf(of)
    return names.map((name) => {
      const { uid, clientId, restoredFrom, verifiers = [] } = cluster.stored(name, of) ?? {}
      const lasting = verifiers.filter(({ notAfter }) => notAfter === undefined).map(({ id }) => id)
      return { name, uid, clientId, restoredFrom, verifiers: lasting, granted: grantedTo(of, name) }
    })
  }
  let held: { readonly of: Tenant; readonly entries: ReturnType<typeof entriesOf> } | undefined
  const watchEntries = () => {
    for (const of of tenants)
      for (const { name, clientId, granted } of entriesOf(of)) {
        const isVictim = of === 'shop' && name === 'checkout'
        if (clientId === victim && !isVictim) faults.add(`${of}/${name} is served as ${victim}`)
        if (granted.length > 0 && clientId !== victim && clientId !== shared)
          faults.add(`${of}/${name}, served as ${clientId}, gets ${granted}`)
      }
    if (!held) return
    const [before, now] = [held.entries, entriesOf(held.of)].map((all) => JSON.stringify(all))
    if (before !== now) faults.add(`${held.of} had ${before}, and then ${now}`)
  }

  const apply = (by: Tenant, name: string, clientId: string | undefined, more: object = {}, said = false) =>
    cluster.apply(
      name,
      { type: 'M2M', audiences: [invoices], scopes, ...(clientId === undefined ? {} : { clientId }), ...more },
      { namespace: by, ...(said ? { annotations: { [annotations.restored]: 'true' } } : {}) },
    )
  const remove = async (by: Tenant, name: string, how: Removal = 'collected') => {
    if (!cluster.client(name, by)) return
    plant(by)
    if (how === 'late') collect = cluster.api.store.holdCollector()
    await cluster.remove(name, by, how === 'orphaned' ? 'Orphan' : undefined)
  }
  const isSeen = (by: Tenant, name: string): boolean => {
    const found = cluster.client(name, by)
    return found === undefined || found.status?.observedGeneration === found.metadata.generation
  }
  /** The operator has done with it all that it can: nothing of it changes until somebody acts. */
  const isAtRest = (by: Tenant, name: string): boolean => {
    const [found, entry] = [cluster.client(name, by), cluster.stored(name, by)]
    if (!found) return entry === undefined
    if (!isSeen(by, name) || (entry !== undefined && entry.uid !== found.metadata.uid)) return false
    if (cluster.condition(name, 'Accepted', by)?.status === 'False') return true
    if (reasonOf(by, name, 'SecretReady') === 'NameTaken') return entry !== undefined
    return ['SecretReady', 'Propagated'].every((type) => cluster.condition(name, type, by)?.status === 'True')
  }
  const settle = async () => {
    // a shard may be written each second, and each Secret is looked at within a minute
    for (const milliseconds of [2_000, 61_000, 2_000]) {
      operator.clock.leap(milliseconds)
      const isDone = () => tenants.every((by) => namesOf(by).every((name) => isAtRest(by, name)))
      await cluster.until(isDone, 'the operator has done what it can')
    }
    for (const by of tenants) {
      const [name, key] = [nameOf(by), `${by}/${nameOf(by)}`]
      const secret = cluster.secret(`${name}-oidc`, by)
      if (secret && !copies.has(key)) copies.set(key, secret)
    }
  }
  /** What a tenant leaves or puts there by itself, nobody published. */
  const plant = (by: Tenant) => {
    for (const name of namesOf(by)) cluster.planted.add(cluster.plain(name, by) ?? '')
  }
  const putBack = (by: Tenant, over: 'update' | 'recreate') => {
    const copy = copies.get(`${by}/${nameOf(by)}`)
    if (copy) putOver(cluster.api, [copy], over)
    plant(by)
  }
  const take = async (by: Tenant, what: Act): Promise<unknown> => {
    const name = nameOf(by)
    const found = cluster.client(name, by)
    switch (what.kind) {
      case 'make anew':
        await remove(by, name, what.how)
        if (what.secret) putBack(by, what.secret)
        return apply(by, name, idOf(by, what.wants), {}, what.isSaid)
      case 'delete':
        return remove(by, name, what.how)
      case 'squat':
        // the id of a client cannot be changed
        await remove(by, `${name}-beside`)
        return apply(by, `${name}-beside`, idOf(by, what.wants), { secret: { name: `${name}-oidc` } })
      case 'put back':
        plant(by)
        putBack(by, what.secret)
        // an edit is looked at at once
        return found && apply(by, name, found.spec.clientId, { displayName: `edit ${edits++}` }, what.isSaid)
    }
  }
  const settings = { policy: { allow: { resourceServer: true, customClientId: true, audiences: undefined } } }
  /** The next leader goes on after the last one was killed. */
  const succeed = async () => {
    await operator.kill()
    cluster.api.store.remove(cluster.api.resource('leases'), releaseNamespace, 'nauthera-operator')
    operator = cluster.startOperator({ settings })
    await operator.leading
  }
  const carryOut = async ({ by, act: what, death, isShardLate = false }: Step) => {
    const letWrite = isShardLate ? cluster.api.faults.add(noShard) : () => {}
    let isDead = death?.nth === 0
    if (isDead) await operator.kill()
    else if (death) void operator.dieAtWrite(death.nth, death.when).then(() => (isDead = true))
    await take(by, what)
    if (!isDead) operator.clock.leap(2_000)
    const isDone = isShardLate ? isSeen : isAtRest
    await cluster.until(() => isDead || namesOf(by).every((name) => isDone(by, name)), 'it dies, or has seen it')
    letWrite()
    if (death) await succeed()
  }

  before(async () => {
    cluster = await startCluster({ namespaces: [...tenants] })
    await cluster.startReplica('server-a')
    operator = cluster.startOperator({ settings })
    await operator.leading
    await cluster.apply('invoices', {
      type: 'M2M',
      resourceServer: {
        identifier: invoices,
        scopes: scopes.map((name) => ({ name })),
        access: [{ clientIds: [victim, shared] }],
      },
    })
    await apply('shop', 'checkout', undefined)
    await cluster.until(() => cluster.condition('checkout', 'Ready', 'shop')?.status === 'True', 'the victim is Ready')
    cluster.api.store.onChange(watchEntries)
  })
  after(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  const live = async (steps: readonly Step[]) => {
    round++
    for (const by of tenants) await apply(by, nameOf(by), undefined)
    await settle()
    expect(grantedTo('shop', 'checkout'), 'what the victim has').to.deep.equal(scopes)
    for (const one of steps) {
      const { by, act: what, death } = one
      const other = otherOf(by)
      // who waits for the id that both may have gets it when it is free
      const waits = namesOf(other).some((name) => reasonOf(other, name, 'Accepted') === 'ClientIDConflict')
      held = waits ? undefined : { of: other, entries: entriesOf(other) }
      await carryOut(one)
      await settle()
      held = undefined
      const isRefused = cluster.condition(nameOf(by), 'Accepted', by)?.status === 'False'
      if (what.kind === 'make anew' && !death && isRefused && cluster.stored(nameOf(by), by))
        faults.add(`${by}, refused, goes on with a client that was seen to be deleted`)
      const sharing = tenants.flatMap((of) => entriesOf(of).filter(({ clientId }) => clientId === shared))
      if (sharing.length > 1) faults.add(`${sharing.map(({ name }) => name).join(', ')} have one id`)
      if (faults.size > 0) expect.fail(`${by}: ${JSON.stringify(one)}: ${[...faults].join('; ')}`)
    }
    for (const by of tenants) {
      for (const name of namesOf(by)) await remove(by, name)
    }
    collect()
    collect = () => {}
    await settle()
  }

  it('K18 K22 get at APIs what the id gets that they are served under, and change nothing of each other', () =>
    fc.assert(fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 5 }), live), {
      numRuns: propertyRuns(8),
      endOnFailure: true,
      examples: ways,
    }))
})

import { expect } from 'chai'
import fc from 'fast-check'
import { machine, startCluster } from '@nauthera/harness/operator/cluster'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import { appsNamespace } from '@nauthera/harness/operator/cluster-view'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { clientIdOf } from '../src/decide/client/client-names.ts'

// An operator that is busy with a client sees what became of it since then at once: that it was deleted and made anew is a change of its
// uid under the same name, and no event that anybody looks at.

const ordinals = ['first', 'second', 'third'] as const
type Ordinal = (typeof ordinals)[number]
const ids = ['shared', 'other', undefined] as const

/** What happens to an object while the operator is busy. */
interface Act {
  readonly of: Ordinal
  readonly kind: 'delete' | 'edit' | 'make anew'
  /** The client id that a new one asks for; undefined: its own. */
  readonly id: (typeof ids)[number]
}

const act: fc.Arbitrary<Act> = fc.record({
  of: fc.constantFrom(...ordinals),
  kind: fc.constantFrom('delete', 'edit', 'make anew'),
  id: fc.constantFrom(...ids),
})

describe('clients that are made anew while the operator is busy with them', () => {
  let cluster: Cluster
  let operator: TestOperator

  /** Each case has names of its own. */
  let round = 0
  const nameOf = (one: Ordinal) => `${one}-${round}`
  const specOf = (id: Act['id']) => ({ ...machine, ...(id === undefined ? {} : { clientId: `${id}-${round}` }) })
  const apply = (one: Ordinal, id: Act['id']) => cluster.apply(nameOf(one), specOf(id))
  const present = () => ordinals.flatMap((one) => cluster.client(nameOf(one)) ?? [])
  const isHolder = (name: string) => cluster.condition(name, 'Ready')?.status === 'True'
  const waitsFor = (name: string): string | undefined =>
    /apps\/[\w-]+/.exec(cluster.condition(name, 'Accepted')?.message ?? '')?.[0]
  /** Every status is about the present object: one of those that ask for an id has it, and the others are told who. */
  const faults = (): readonly string[] =>
    [...Map.groupBy(present(), clientIdOf)].flatMap(([id, claimants]) => {
      const [holder, ...others] = claimants.filter(({ metadata }) => isHolder(metadata.name))
      if (!holder || others.length > 0) return [`${id} is had by ${others.length + (holder ? 1 : 0)}`]
      if (cluster.stored(holder.metadata.name)?.uid !== holder.metadata.uid) return [`${id} is of an earlier object`]
      return claimants.flatMap(({ metadata: { name, generation }, status }) => {
        if (status?.observedGeneration !== generation) return [`${name} is of generation ${status?.observedGeneration}`]
        const told = name === holder.metadata.name ? undefined : `${appsNamespace}/${holder.metadata.name}`
        return waitsFor(name) === told ? [] : [`${name} waits for ${waitsFor(name)}, not ${told}`]
      })
    })
  /** Without a look that time alone brings: the first of those comes after ten seconds. */
  const settled = async (what: string) => {
    await cluster
      .until(() => faults().length === 0, what, 9_000)
      .catch((error: unknown) => {
        throw new Error(`${what}: ${faults().join('; ')}`, { cause: error })
      })
    // each shard may be written at once
    operator.clock.leap(1_000)
  }

  before(async () => {
    cluster = await startCluster()
    await cluster.startReplica('server-a')
    operator = cluster.startOperator({ settings: { policy: { allow: { customClientId: true } } } })
    await operator.leading
  })
  after(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  it('I9 K1 one that is made anew waits also when it is edited before its shard is written', async () => {
    round++
    const [first, second] = [nameOf('first'), nameOf('second')]
    await apply('first', 'shared')
    await settled('the first has the id')
    await apply('second', 'shared')
    await settled('the second waits for the id')
    const busy = operator.pauseAt(({ path }) => path.includes(`/oidcclients/${first}/status`))
    await cluster.apply(first, { ...specOf('shared'), displayName: 'Edited' })
    await busy
    const writeAgain = cluster.api.faults.add({
      when: ({ verb, name }) => verb === 'patch' && name?.startsWith('nauthera-clients-') === true,
      effect: { kind: 'refuse', code: 503 },
    })
    await cluster.remove(first)
    await apply('first', 'shared')
    operator.resume()
    const isTold = () => waitsFor(first) === `${appsNamespace}/${second}`
    await cluster.until(isTold, 'the new first waits for the second')
    await cluster.apply(first, { ...specOf('shared'), displayName: 'Edited' })
    const { generation } = cluster.client(first)!.metadata
    await cluster.until(() => cluster.client(first)?.status?.observedGeneration === generation, 'it is looked at again')
    expect(isTold()).to.equal(true)
    writeAgain()
    await settled('the second has the id')
    expect(isHolder(second)).to.equal(true)
    for (const name of [first, second]) await cluster.remove(name)
  })

  it('I9 K1 the status of each tells of the present object, and nobody has a name that an earlier object of theirs had', () =>
    fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 5 }), async (acts) => {
        round++
        await apply('first', 'shared')
        await settled('the first has the id')
        for (const one of ['second', 'third'] as const) await apply(one, 'shared')
        await settled('the others wait for the id')
        const busy = operator.pauseAt(({ path }) => path.includes(`/oidcclients/${nameOf('first')}/status`))
        await cluster.apply(nameOf('first'), { ...specOf('shared'), displayName: 'Edited' })
        await busy
        const before = new Map(present().map((client) => [client.metadata.uid, clientIdOf(client)]))
        for (const [index, { of, kind, id }] of acts.entries()) {
          const found = cluster.client(nameOf(of))
          if (kind === 'edit') {
            if (found) await cluster.apply(nameOf(of), { ...found.spec, displayName: `Edit ${index}` })
            continue
          }
          if (found) await cluster.remove(nameOf(of))
          if (kind === 'make anew') await apply(of, id)
        }
        operator.resume()
        await settled('after all of it')
        // whoever asked for an id before and still does comes before whoever was made since
        const waited = present().filter((client) => before.get(client.metadata.uid) === clientIdOf(client))
        for (const [id, claimants] of Map.groupBy(waited, clientIdOf)) {
          const held = claimants.filter(({ metadata }) => isHolder(metadata.name))
          expect(held.length, `${id} went to one that was made since`).to.equal(1)
        }
        for (const { metadata } of present()) await cluster.remove(metadata.name)
      }),
      {
        numRuns: propertyRuns(3),
        endOnFailure: true,
        examples: [[[{ of: 'first', kind: 'make anew', id: 'shared' }]]],
      },
    ))
})

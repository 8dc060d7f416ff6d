import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import { createClientIndex } from '../../src/intake/client-index.ts'
import { createJudge } from '../../src/intake/judge.ts'
import { holdersIn } from '../../src/shards/held-names.ts'
import { ShardState } from '../../src/shards/shard-state.ts'
import type { BegunTurn } from '../../src/shards/shard-state.ts'
import { client } from '../decide/clients.ts'
import { everybody, home, names, secretWith, wanted } from './wanted.ts'

// Whoever waits for a name has it once the object that had it is deleted, whatever is made under that object's name, asks for, or is edited
// to before the shard is written.

const [first, second] = names as [string, string]
const never = { interval: '720h', window: { schedule: '0 0 30 2 *', duration: '1h' } } as const

const step = fc.oneof(
  fc.record({ kind: fc.constantFrom('make anew', 'edit'), id: fc.constantFrom('shared', 'other', undefined) }),
  fc.record({ kind: fc.constantFrom('break', 'delete', 'look', 'look', 'look at the second') }),
  fc.record({ kind: fc.constantFrom('begin to write', 'it is written', 'the write fails', 'no room', 'room') }),
)
type Step = { readonly kind: string; readonly id?: 'shared' | 'other' | undefined }

/** Judges for real; the shard is written when the test says so. */
function createWorld() {
  const state = new ShardState(home)
  state.load(undefined, everybody)
  const index = createClientIndex()
  const judge = createJudge({
    endings: { has: () => false },
    watch: {
      clients: index,
      policies: () => [],
      findCluster: () => undefined,
      namespaceLabels: () => ({}),
      readsNamespaces: true,
    },
    baseline: { allow: { customClientId: true } },
    shards: {
      stored: (key) => {
        const found = state.stored.entries.get(key)
        return found && { shard: home, ...found }
      },
      holders: (name) => holdersIn(state.stored.entries, name),
      isLeaving: (key) => state.isLeaving(key),
      isUnheardOf: (key) => !state.stored.entries.has(key),
      noRoom: (key) => state.refused.get(key),
    },
    follow: { config: () => undefined },
    clock: { now: () => 0 },
  })
  let made = 0
  let now = 0
  let namespaceBytes = Infinity
  let turn: BegunTurn | undefined
  const looked = new Map<string, string>()
  const apply = (name: string, spec: Partial<OIDCClient['spec']>, uid: string) =>
    index.set(
      `apps/${name}`,
      client(
        { type: 'M2M', ...spec },
        { name, namespace: 'apps', uid, creationTimestamp: new Date(made * 1_000).toISOString() },
      ),
    )
  /** As a look of the operator does (reconciler.ts, put-entry.ts). */
  const look = (name: string) => {
    const key = `apps/${name}`
    const found = index.find(key)
    if (looked.get(key) !== found?.metadata.uid) state.remove(key)
    if (!found) return undefined
    looked.set(key, found.metadata.uid)
    const { serve, acceptance } = judge(found, (error) => {
      throw error
    })
    if (serve.kind === 'nothing') state.remove(key)
    else
      state.setClient(
        wanted(name, {
          uid: found.metadata.uid,
          clientId: acceptance.wanted,
          createdAt: Date.parse(found.metadata.creationTimestamp),
          namespaceBytes: name === first ? namespaceBytes : Infinity,
          verdict: serve.kind === 'desired' ? { kind: 'desired', version: serve.version } : { kind: 'carry' },
        }),
      )
    return acceptance
  }
  const begin = () => {
    if (turn || state.waitMs((now += 60_000), { decideWaitMs: 0, isJoined: false }) === undefined) return
    turn = state.startTurn({ highestSeen: 0n, startSeconds: 0n, epochMs: 0, now, spacingMs: 0, change: 'c7f2' })
  }
  const end = (isWritten: boolean) => {
    if (turn?.plan.kind === 'write') {
      const { shard, digest, file } = turn.plan
      if (isWritten) state.written({ secret: secretWith(file), shard, digest }, turn.fresh)
      else state.failed(now, 0)
    }
    if (turn) state.end()
    turn = undefined
  }
  const world = {
    look,
    stored: (name: string) => state.stored.entries.get(`apps/${name}`)?.entry,
    write: () => {
      begin()
      end(true)
    },
    take: ({ kind, id }: Step) => {
      const present = index.find(`apps/${first}`)
      const spec = id === undefined ? {} : { clientId: id }
      if (kind === 'make anew') {
        made++
        apply(first, spec, `u${made}`)
      } else if (kind === 'edit' && present) apply(first, spec, present.metadata.uid)
      else if (kind === 'break' && present) apply(first, { ...present.spec, rotation: never }, present.metadata.uid)
      else if (kind === 'delete') index.set(`apps/${first}`, undefined)
      else if (kind === 'begin to write') begin()
      else if (kind === 'it is written') end(true)
      else if (kind === 'the write fails') end(false)
      else if (kind === 'no room' || kind === 'room') namespaceBytes = kind === 'room' ? Infinity : 0
      else if (kind === 'look at the second') look(second)
    },
    isOfNow: () => index.find(`apps/${first}`)?.metadata.uid ?? 'none',
    settle: () => {
      namespaceBytes = Infinity
      end(true)
      for (let rounds = 0; rounds < 3; rounds++) {
        for (const name of [first, second]) look(name)
        world.write()
      }
    },
  }
  state.open([`apps/${first}`, `apps/${second}`], 0)
  apply(first, { clientId: 'shared' }, 'u0')
  made++
  apply(second, { clientId: 'shared' }, 'waiting')
  for (const name of [first, second]) look(name)
  world.write()
  return world
}

describe('an object that is made anew', () => {
  it('K1 takes no name from whoever waits for it, in any order of edits, looks and writes', () => {
    let taken = 0
    fc.assert(
      fc.property(fc.array(step, { maxLength: 14 }), (steps: readonly Step[]) => {
        const world = createWorld()
        expect(world.stored(first)?.clientId).to.equal('shared')
        let isAnew = false
        const check = (found: ReturnType<typeof world.look>) => {
          isAnew ||= world.isOfNow() !== 'u0'
          if (found?.wanted === 'shared' && isAnew) expect(found.kind).to.not.equal('accepted')
        }
        for (const one of steps) {
          world.take(one)
          if (one.kind === 'look') check(world.look(first))
          const stored = world.stored(first)
          expect(stored?.clientId === 'shared' && stored.uid !== 'u0').to.equal(false)
        }
        world.settle()
        check(world.look(first))
        const holder = world.stored(second)
        if (!isAnew) return
        taken++
        expect(holder?.clientId).to.equal('shared')
        expect(world.stored(first)?.uid ?? 'none').to.not.equal('u0')
      }),
      {
        numRuns: propertyRuns(150),
        examples: [
          [[{ kind: 'make anew', id: 'other' }, { kind: 'look' }, { kind: 'edit', id: 'shared' }, { kind: 'look' }]],
          [[{ kind: 'edit', id: 'other' }, { kind: 'look' }]],
        ],
      },
    )
    expect(taken).to.be.greaterThan(0)
  })
})

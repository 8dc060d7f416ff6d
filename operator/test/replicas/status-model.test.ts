import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardOf } from '@nauthera/proto/shard-of'
import type { OIDCClientStatus } from '../../src/api/client-status.ts'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import { describeOutcome } from '../../src/decide/status/client-status.ts'
import { createFollowReplicas } from '../../src/replicas/follow-replicas.ts'
import { onReplicaFound, onReplicaLost, onReplicaSaid, replicaOf } from '../../src/replicas/replica-state.ts'
import type { ReplicaState } from '../../src/replicas/replica-state.ts'
import { isSettled } from '../../src/status/in-progress.ts'
import { withoutMinorNews } from '../../src/status/old-news.ts'
import { client } from '../decide/clients.ts'
import { outcome } from '../decide/outcomes.ts'

const names = ['reports', 'wiki', 'mail'] as const
const shardOfName = (name: string) => shardOf('demo', name)

interface Pod {
  readonly uid: string
  state: ReplicaState
  hasStream: boolean
  hasServer: boolean
  /** The server has had a complete set: it takes requests. */
  hasSet: boolean
  /** What is mounted and live, by shard. */
  mounted: ReadonlyMap<number, number>
}

/** The operator, three clients and up to three server pods, one event after the other. Everything that decides about a status is the
 *  operator's own; only the streams, the Secrets and the clock are played. */
class World {
  readonly pods = new Map<string, Pod>()
  readonly #statuses = new Map<string, OIDCClientStatus>()
  readonly #stored = new Map<number, number>()
  readonly #configSeqs = new Map<string, number>()
  readonly #queue = new Set<string>()
  #follow = this.#startOperator()
  #now = 0
  #pods = 0

  constructor() {
    for (const name of names) this.edit(name)
  }

  join(name: string, isLate: boolean): void {
    if (this.pods.has(name)) return
    const mounted = isLate ? new Map([...this.#stored].map(([shard, seq]) => [shard, seq - 1])) : new Map(this.#stored)
    const uid = `uid-${this.#pods++}`
    const state = onReplicaFound(this.#now)
    this.pods.set(name, { uid, state, hasStream: false, hasServer: true, hasSet: false, mounted })
    this.#hear()
  }

  leave(name: string): void {
    if (this.pods.delete(name)) this.#hear()
  }

  /** The stream to its agent opens, or what the agent says has changed. */
  speak(name: string): void {
    const pod = this.pods.get(name)
    if (!pod) return
    pod.hasStream = true
    const live = [...pod.mounted].map(([shard, seq]) => ({ shard, seq: BigInt(seq) }))
    const said = { serverConnected: pod.hasServer, live: pod.hasServer ? live : [], rejected: [] }
    const manifestDigest = pod.hasServer && pod.hasSet ? 'a set' : ''
    pod.state = onReplicaSaid(pod.state, { ...said, manifestDigest }, this.#now)
    this.#hear()
  }

  fallSilent(name: string): void {
    const pod = this.pods.get(name)
    if (!pod?.hasStream) return
    pod.hasStream = false
    pod.state = onReplicaLost(pod.state, this.#now)
    this.#hear()
  }

  turnServer(name: string, hasServer: boolean): void {
    const pod = this.pods.get(name)
    if (!pod) return
    pod.hasServer = hasServer
    if (!hasServer) pod.hasSet = false
    if (pod.hasStream) this.speak(name)
  }

  complete(name: string): void {
    const pod = this.pods.get(name)
    if (!pod?.hasServer) return
    pod.hasSet = true
    if (pod.hasStream) this.speak(name)
  }

  sync(name: string): void {
    const pod = this.pods.get(name)
    if (!pod) return
    pod.mounted = new Map(this.#stored)
    if (pod.hasStream) this.speak(name)
  }

  edit(name: string): void {
    const shard = shardOfName(name)
    const seq = (this.#stored.get(shard) ?? 0) + 1
    this.#stored.set(shard, seq)
    this.#configSeqs.set(name, seq)
    this.#queue.add(`demo/${name}`)
  }

  settle(): void {
    for (const [name, pod] of this.pods) {
      pod.hasServer = true
      this.speak(name)
      this.sync(name)
      this.complete(name)
    }
    this.work()
  }

  restartOperator(): void {
    this.#follow = this.#startOperator()
    for (const pod of this.pods.values()) {
      pod.hasStream = false
      pod.state = onReplicaFound(this.#now)
    }
    this.#hear()
    for (const name of names) this.#queue.add(`demo/${name}`)
  }

  tick(milliseconds: number): void {
    this.#now += milliseconds
    this.#hear()
  }

  /** All that waits is looked at. */
  work(): void {
    for (const key of this.#queue) {
      this.#queue.delete(key)
      this.#look(key)
    }
  }

  /** No time passes. A replica of which is known that it takes requests must have each client that is Ready. */
  checkNow(): void {
    this.work()
    const serving = [...this.pods.values()].filter(
      ({ hasStream, hasServer, hasSet }) => hasStream && hasServer && hasSet,
    )
    for (const name of names) {
      if (!this.#isReady(name)) continue
      const lacking = serving.filter(
        ({ mounted }) => (mounted.get(shardOfName(name)) ?? 0) < this.#configSeqs.get(name)!,
      )
      expect(lacking, `${name} is Ready`).to.deep.equal([])
    }
  }

  /** Nothing happens for two minutes. Each status must say what the replicas have, whatever that is. */
  check(): void {
    this.tick(120_000)
    this.work()
    for (const name of names) {
      const shard = shardOfName(name)
      const isLive = ({ hasStream, hasServer, mounted }: Pod) =>
        hasStream && hasServer && (mounted.get(shard) ?? 0) >= this.#configSeqs.get(name)!
      const total = this.pods.size
      const loaded = [...this.pods.values()].filter(isLive).length
      const { replicas } = this.#statuses.get(name)!
      const ready = this.#isReady(name)
      expect(ready, `${name} is Ready with ${loaded}/${total}`).to.equal(total > 0 && loaded === total)
      // a number of replicas that all have it may be an older one
      if (!ready) expect(replicas?.summary, name).to.equal(`${loaded}/${total}`)
      else expect(replicas?.loaded, name).to.equal(replicas?.total).and.to.be.above(0)
    }
  }

  #isReady(name: string): boolean {
    return this.#statuses.get(name)?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True'
  }

  #startOperator() {
    return createFollowReplicas({
      replicas: {
        list: () => [...this.pods].map(([name, { uid, state }]) => replicaOf({ name, uid }, state, this.#now)),
      },
      shards: {
        wake: () => {},
        seq: (shard) => this.#stored.get(shard) ?? 0,
        stored: (key) => {
          const name = key.slice('demo/'.length)
          const seq = this.#configSeqs.get(name)!
          const entry = create(ShardEntrySchema, { uid: key })
          return { entry, entrySeq: seq, configSeq: seq, verifierSeqs: {}, shard: shardOfName(name) }
        },
      },
    })
  }

  /** As app.ts does it. */
  #hear(): void {
    const { keys, everybody } = this.#follow.changed()
    for (const key of keys) this.#queue.add(key)
    if (everybody) for (const name of names) this.#queue.add(`demo/${name}`)
  }

  /** As reconciler.ts does it. */
  #look(key: string): void {
    const name = key.slice('demo/'.length)
    this.#follow.start(key)
    const status = this.#statuses.get(name)
    const found: OIDCClient = { ...client({}, { name }), ...(status ? { status } : {}) }
    const said = outcome({ client: found, propagation: this.#follow.config(key) })
    this.#follow.record(key, isSettled(said))
    this.#statuses.set(name, withoutMinorNews(found, describeOutcome(said).status))
  }
}

/** A command that is a sentence in a counterexample. */
class Event implements fc.Command<object, World> {
  readonly sentence: string
  readonly act: (world: World) => void

  constructor(sentence: string, act: (world: World) => void) {
    this.sentence = sentence
    this.act = act
  }

  check = () => true
  run = (_model: object, world: World) => this.act(world)
  toString = () => this.sentence
}

const onPod = (sentence: string, act: (world: World, pod: string) => void) =>
  fc.constantFrom('a', 'b', 'c').map((pod) => new Event(`${pod} ${sentence}`, (world) => act(world, pod)))

const events = [
  onPod('joins', (world, pod) => world.join(pod, false)),
  onPod('joins with an older mount', (world, pod) => world.join(pod, true)),
  onPod('joins with an older mount, and speaks', (world, pod) => (world.join(pod, true), world.speak(pod))),
  onPod('leaves', (world, pod) => world.leave(pod)),
  onPod('speaks', (world, pod) => world.speak(pod)),
  onPod('speaks', (world, pod) => world.speak(pod)),
  onPod('falls silent', (world, pod) => world.fallSilent(pod)),
  onPod('loses its server', (world, pod) => world.turnServer(pod, false)),
  onPod('has its server again', (world, pod) => world.turnServer(pod, true)),
  onPod('is synced', (world, pod) => world.sync(pod)),
  onPod('has a complete set', (world, pod) => world.complete(pod)),
  fc.constantFrom(...names).map((name) => new Event(`${name} is edited`, (world) => world.edit(name))),
  fc.constant(new Event('the operator restarts', (world) => world.restartOperator())),
  fc.constantFrom(1_000, 16_000, 61_000).map((ms) => new Event(`${ms} ms pass`, (world) => world.tick(ms))),
  fc.constant(new Event('the operator works', (world) => world.work())),
  fc.constant(new Event('all speak, are synced and looked at', (world) => world.settle())),
  fc.constant(new Event('all leave', (world) => [...world.pods.keys()].forEach((pod) => world.leave(pod)))),
]

describe('what a status says of the replicas', () => {
  it('I9 is what they have, in whatever order operator and replicas start, join, lag and are lost', () => {
    const run = (atFirst: readonly string[], commands: Iterable<fc.Command<object, World>>) => {
      const world = new World()
      for (const pod of atFirst) world.join(pod, false)
      if (atFirst.length > 0) world.settle()
      fc.modelRun(() => ({ model: {}, real: world }), commands)
      world.checkNow()
      world.check()
    }
    const atFirst = fc.constantFrom([], ['a'], ['a', 'b'])
    fc.assert(fc.property(atFirst, fc.commands(events, { maxCommands: 40 }), run), { numRuns: propertyRuns(1_000) })
  })
})

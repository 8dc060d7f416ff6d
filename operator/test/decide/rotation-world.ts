// The world in which the pure plan of a rotation is driven: an API server with resource versions, replicas behind a kubelet,
// operators that crash or pause, and pods of an application that read their Secret late. Times are epoch milliseconds.
import { create } from '@bufbuild/protobuf'
import { digestOf as sha256Of } from '@nauthera/proto/digest'
import { renderVersion } from '@nauthera/proto/client-version'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientShard } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { endingSecrets } from '../../src/decide/status/ending-secrets.ts'
import { propagationOf } from '../../src/decide/status/propagation.ts'
import type { Propagation } from '../../src/decide/status/propagation.ts'
import { planRotation } from '../../src/decide/secret/rotation.ts'
import type {
  Observed,
  PendingSecret,
  RotationInput,
  RotationPlan,
  SecretMarks,
} from '../../src/decide/secret/rotation-terms.ts'
import { onReplicaEnded, onUsesTold, startOfHearing } from '../../src/replicas/heard-uses.ts'
import type { HeardUses } from '../../src/replicas/heard-uses.ts'
import { readVerifier } from '../../src/shards/client-entry.ts'
import { planShard } from '../../src/shards/plan-shard.ts'
import type { WantedMirror } from '../../src/spoke/build-mirror.ts'
import { ModelHub } from './rotation-hub.ts'

export const minute = 60_000
export const hour = 60 * minute
const overlapMs = hour
const quietPeriodMs = 2 * hour

interface StoredSecret {
  readonly resourceVersion: number
  readonly value: string
  readonly marks: SecretMarks | undefined
}

interface Replica {
  readonly name: string
  /** What the kubelet has put into the volume. */
  mounted: ClientShard | undefined
  applied: ClientShard | undefined
  /** Ends of verifiers by the replica's own steady clock. */
  ends: Map<string, number>
  ready: boolean
  /** The status port answers. */
  open: boolean
  /** Wall clock of the replica minus the true one. */
  readonly skew: number
  /** What its server has counted since it started. */
  lastUsed: Map<string, number>
  startedAt: number
}

interface Operator {
  pending: PendingSecret | undefined
  lostSince: number | undefined
  readonly startSeconds: bigint
  /** Its wall clock minus the true one. */
  readonly skew: number
  /** What replicas have told it, in its own time. */
  heard: HeardUses
  readonly lastUsed: Map<string, number>
}

/** A write that has been decided on and not yet sent: what a paused leader wakes up with. */
type Write =
  | { readonly kind: 'shard'; readonly basedOn: number; readonly shard: ClientShard }
  | { readonly kind: 'mirror'; readonly basedOn: number; readonly wanted: WantedMirror }
  | {
      readonly kind: 'secret'
      readonly basedOn: number
      readonly value: string
      readonly marks: SecretMarks
      readonly publishes: boolean
    }
  | { readonly kind: 'status' }

/** Mistakes that the model must find. */
export interface Bugs {
  /** Publishes without waiting for replicas. */
  readonly publishBeforeAck?: boolean
  /** Drops the old verifier at publication. */
  readonly dropOldAtPublication?: boolean
  /** Writes without the resourceVersion of what was read. */
  readonly ignoreResourceVersion?: boolean
  /** Believes the status, not the Secret, about what has been obeyed. */
  readonly mintTwiceAfterCrash?: boolean
  /** Takes what it has not heard for unused. */
  readonly takesUnknownForUnused?: boolean
  /** Takes a secret out of the status as soon as the plan drops it. */
  readonly forgetsEnded?: boolean
  /** Gives an unpublished secret an end in the mirror. */
  readonly endsUnpublished?: boolean
}

export class PropertyBroken extends Error {}

/** Where the run stands. Commands change it; check() throws the name of the property that no longer holds. */
export class World {
  now = Date.UTC(2026, 0, 1)
  readonly bugs: Bugs
  readonly replicas: Replica[] = []
  readonly pods: { value: string; since: number }[] = []
  /** What programs hold that read it when they started, and never again. */
  readonly readOnce: string[] = []
  secret: StoredSecret | undefined
  shard: { readonly resourceVersion: number; readonly content: ClientShard } | undefined
  status: {
    activeId?: string
    lastRotated?: number
    observed: Observed
    previous?: readonly { readonly id: string; readonly lastUsed?: number }[]
  } = { observed: {} }
  operator: Operator
  /** Between the operator and the replicas, in a spoke. */
  readonly hub: ModelHub | undefined
  paused:
    | {
        readonly write: Write
        readonly at: number
        readonly operator: Operator
        readonly view: RotationInput['verifiers']
      }
    | undefined
  trigger: string | undefined
  revoke: string | undefined
  retire: 'AfterOverlap' | 'WhenUnused' = 'AfterOverlap'
  /** An edit of the Secret by somebody else: its value is not ours. */
  edited = false
  /** Of the next leader. */
  nextSkew = 0
  /** Operators that do nothing. */
  readonly dead = new Set<'hub' | 'spoke'>()
  #minted = 0
  #resourceVersion = 0
  #reasons = 1
  /** What the leader tells replicas to have before they turn ready (the digest of the manifest stands for it). */
  #expected: ClientShard | undefined
  readonly #published: string[] = []
  readonly #revoked = new Set<string>()
  readonly #ends = new Map<string, number>()
  /** Put into a Secret by a leader that had slept through its deletion: it counts as put back by somebody. */
  readonly #late = new Set<string>()
  /** The true last use of each secret, by id. */
  readonly #usedAt = new Map<string, number>()
  /** For how long each secret had not been used when the spoke ended it, by id. Milliseconds. */
  readonly #retired = new Map<string, number>()
  /** Ids that the status named once, and names no more. */
  readonly #unnamed = new Set<string>()
  /** The Secret was lost within an overlap: until it is over, three verifiers may live. */
  #wasLostInOverlap = false

  constructor(
    bugs: Bugs,
    replicas: number,
    about: {
      readonly retire: 'AfterOverlap' | 'WhenUnused'
      readonly outlet: 'shards' | 'hub'
      /** As a policy of the hub says it. */
      readonly maxOverlapHours?: number
    },
  ) {
    this.bugs = bugs
    this.retire = about.retire
    const { maxOverlapHours = 24 } = about
    this.hub =
      about.outlet === 'hub'
        ? new ModelHub(startOfHearing(this.now), () => this.now, {
            maxOverlapHours,
            endsUnpublished: bugs.endsUnpublished === true,
          })
        : undefined
    this.operator = this.#newOperator()
    for (let count = 0; count < replicas; count++) this.addReplica(0)
  }

  // --- what people and faults do

  rotate(): void {
    this.trigger = `t${++this.#reasons}`
  }

  /** A rotation with nothing in its way. */
  rotateThrough(): void {
    this.rotate()
    for (let step = 0; step < (this.hub ? 9 : 6); step++) {
      this.operate('lives')
      this.replicas.forEach((_, index) => this.sync(index))
    }
  }

  askRevoke(): void {
    this.revoke = `r${++this.#minted}`
  }

  deleteSecret(): void {
    if (!this.#isSettled()) return
    this.#lose()
    this.secret = undefined
    this.#reasons++
  }

  editSecret(): void {
    if (!this.secret || !this.#isSettled()) return
    this.#lose()
    this.secret = {
      ...this.secret,
      resourceVersion: ++this.#resourceVersion,
      value: editedValue,
    }
    this.edited = true
    this.#reasons++
  }

  damageAnnotations(): void {
    if (!this.secret || !this.#isSettled() || this.edited) return
    this.secret = { ...this.secret, resourceVersion: ++this.#resourceVersion, marks: undefined }
    // a leader that was paused may take the value for somebody else's now, and restore it
    this.#reasons++
  }

  loseShard(): void {
    // with neither shard nor Secret nor annotation nobody knows any more what was live
    if (this.secret?.marks && !this.edited && this.#isSettled()) this.shard = undefined
  }

  loseHub(): void {
    if (this.hub) this.hub.isAway = true
  }

  returnHub(): void {
    if (this.hub) this.hub.isAway = false
  }

  addReplica(skew: number): void {
    const replica: Replica = {
      name: `r${++this.#minted}`,
      mounted: this.shard?.content,
      applied: undefined,
      ends: new Map(),
      ready: false,
      open: true,
      skew,
      lastUsed: new Map(),
      startedAt: this.now,
    }
    this.#apply(replica)
    // it turns ready only with the manifest that the operator expects
    replica.ready = this.#isCurrent(replica)
    this.replicas.push(replica)
  }

  removeReplica(index: number): void {
    // a hub without replicas says that nothing is accepted, for as long as it has none
    if (this.hub && this.replicas.length < 2) return
    const [gone] = this.replicas.splice(index % Math.max(1, this.replicas.length), 1)
    if (gone) this.operator.heard = onReplicaEnded(this.operator.heard, gone.name, this.#operatorNow)
    if (gone && this.hub) this.hub.ears.heard = onReplicaEnded(this.hub.ears.heard, gone.name, this.now)
  }

  restartReplica(index: number): void {
    const replica = this.#replica(index)
    if (!replica) return
    replica.applied = undefined
    replica.ends = new Map()
    replica.lastUsed = new Map()
    replica.startedAt = this.now
    this.#apply(replica)
    replica.ready = this.#isCurrent(replica)
  }

  sync(index: number): void {
    const replica = this.#replica(index)
    if (!replica) return
    // a missing Secret leaves the optional volume without the file; the agent keeps the last good one
    if (this.shard) replica.mounted = this.shard.content
    this.#apply(replica)
    if (this.#isCurrent(replica)) replica.ready = true
  }

  setPort(index: number, open: boolean): void {
    const replica = this.#replica(index)
    if (replica) replica.open = open
  }

  readSecret(): void {
    if (this.secret && !this.edited) this.pods.push({ value: this.secret.value, since: this.now })
  }

  startProgram(): void {
    if (this.secret && !this.edited) this.readOnce.push(this.secret.value)
  }

  /** Pods of an application read a changed Secret within half the overlap. */
  tick(ms: number): void {
    for (let left = ms; left > 0;) {
      const step = Math.min(left, overlapMs / 4)
      this.now += step
      left -= step
      for (const pod of this.pods) {
        const changed = this.secret && !this.edited && pod.value !== this.secret.value
        if (!changed) pod.since = this.now
        else if (this.now - pod.since > overlapMs / 2)
          Object.assign(pod, { value: this.secret!.value, since: this.now })
      }
    }
  }

  /** A pod calls a replica with the secret that it holds. */
  use(index: number): void {
    this.#call(index, this.pods[index % Math.max(1, this.pods.length)]?.value)
  }

  /** A program that read its secret once calls. */
  useOld(index: number): void {
    this.#call(index, this.readOnce[0])
  }

  #call(index: number, value: string | undefined): void {
    const replica = this.#replica(index)
    if (!replica || value === undefined || !this.#accepts(replica, value)) return
    replica.lastUsed.set(idOf(value), this.now + replica.skew)
    this.#usedAt.set(idOf(value), this.now)
    this.#hear()
  }

  /** What replicas tell reaches the leader, where the port is open. */
  #hear(operator: Pick<Operator, 'heard' | 'lastUsed' | 'skew'> = this.operator): void {
    const now = this.now + operator.skew
    for (const { name, open, startedAt, lastUsed } of this.replicas) {
      if (!open) continue
      operator.heard = onUsesTold(operator.heard, name, { coverMs: this.now - startedAt, now })
      for (const [id, at] of lastUsed) operator.lastUsed.set(id, Math.max(operator.lastUsed.get(id) ?? 0, at))
    }
  }

  // --- the operator

  /** One step of the leader. @param fate crash before the write, after it, or pause with it in hand
   *  @returns whether there was something to write */
  operate(fate: 'lives' | 'crashes-before' | 'crashes-after' | 'pauses'): boolean {
    const isMoved = this.lookOfHub()
    return this.lookOfSpoke(fate) || isMoved
  }

  /** One look of the leader, in a spoke at what it knows of the hub. @returns whether there was something to write */
  lookOfSpoke(fate: 'lives' | 'crashes-before' | 'crashes-after' | 'pauses'): boolean {
    if (this.dead.has('spoke')) return false
    // two writes of one second are told apart by nobody: times in the status have no fractions
    this.now += 1_000
    this.#hear()
    const write = this.#decide()
    if (write && fate === 'pauses' && !this.paused) {
      this.paused = { write, at: this.now, operator: this.operator, view: this.#verifiers() }
      this.#restartOperator()
      return true
    }
    if (write && fate !== 'crashes-before') this.#send(write, false)
    if (write?.kind !== 'shard') this.#expected = this.shard?.content
    if (fate !== 'lives') this.#restartOperator()
    return write !== undefined
  }

  /** The hub's operator looks at the mirror, and the spoke at what it says. @returns whether anything changed in the hub */
  lookOfHub(): boolean {
    const { hub } = this
    if (!hub || this.dead.has('hub')) return false
    this.#hear(hub.ears)
    const isMoved = hub.step({
      now: this.now,
      verifiers: this.#live(),
      propagation: this.#propagation(),
      isHeard: this.replicas.every(({ open }) => open),
      write: (verifiers) => {
        const write = this.#shardWrite({ verifiers })
        return write !== undefined && this.#send(write, false)
      },
    })
    this.#expected = this.shard?.content
    hub.see()
    return isMoved
  }

  /** The paused leader wakes up and sends what it had in hand. */
  resume(): void {
    const { paused } = this
    this.paused = undefined
    // longer than this no connection lives, and a new one is a new look at the Lease
    if (!paused || this.now - paused.at >= 10 * minute) return
    if (this.#send(paused.write, true) || paused.write.kind !== 'secret') return
    // Its Lease stops it now (F12). Where that failed, times tell it that it was overtaken, as far as the clocks of both agree.
    if (paused.operator.skew !== this.operator.skew) return
    // it met a conflict and reads the Secret again, still with its own view of the shard and its own unpublished secret
    const plan = planRotation({
      ...this.#input(paused.operator),
      verifiers: paused.view,
      replicas: { total: this.replicas.length, serving: true, unreachable: 0, goingUntil: undefined },
    })
    const { pending } = paused.operator
    if (plan.step.kind !== 'publish' || !plan.secret || !pending) return
    const value = values.get(pending.sha256)!
    this.#send(
      { kind: 'secret', basedOn: this.secret?.resourceVersion ?? 0, value, marks: plan.secret, publishes: true },
      true,
    )
  }

  /** Ends all faults and lets enough time pass for everything to recover. */
  heal(): void {
    if (this.hub) this.hub.isAway = false
    this.resume()
    for (let round = 0; round < 60; round++) {
      if (round > 12 && (this.#verifiers()?.length ?? 0) === 1 && !this.operate('lives')) break
      this.replicas.forEach((replica, index) => {
        replica.open = true
        this.sync(index)
      })
      for (let step = 0; step < 12 && this.operate('lives'); step++) {
        if (this.hub) this.replicas.forEach((_, index) => this.sync(index))
      }
      this.replicas.forEach((_, index) => this.sync(index))
      this.check()
      this.tick(round < 30 ? 10 * minute : 8 * hour)
    }
    const verifiers = this.#verifiers() ?? []
    const held = this.secret && digestOf(this.secret.value)
    this.#assert(
      'P8',
      verifiers.length === 1 && verifiers[0]!.sha256 === held,
      'only the new secret is live once faults have stopped',
    )
    this.#assert(
      'P8',
      this.trigger === undefined || this.secret?.marks?.observed.trigger === this.trigger,
      'every trigger is obeyed',
    )
    this.#assert(
      'P8',
      this.revoke === undefined || this.secret?.marks?.observed.revoke === this.revoke,
      'every revocation is obeyed',
    )
    for (const replica of this.replicas) {
      for (const value of new Set([...this.#published, ...this.pods.map((pod) => pod.value)])) {
        this.#assert(
          'P2',
          this.#accepts(replica, value) === (digestOf(value) === held),
          `${replica.name} accepts the published secret alone`,
        )
      }
    }
  }

  check(): void {
    const verifiers = this.#live()
    const most = this.#wasLostInOverlap ? 3 : 2
    this.#assert('P3', (verifiers?.length ?? 0) <= most, `at most ${most} live verifiers`)
    // from what the Secret says a lost shard is made again, with as many
    const marked = this.secret?.marks?.verifiers.length ?? 0
    if ((verifiers?.length ?? 0) <= 2 && marked <= 2 && this.#isSettled()) this.#wasLostInOverlap = false
    for (const pod of this.pods) {
      if (this.#revoked.has(pod.value)) continue
      for (const replica of this.replicas.filter(({ ready }) => ready)) {
        this.#assert('P1', this.#accepts(replica, pod.value), `${replica.name} accepts ${pod.value}, which a pod holds`)
      }
    }
    for (const value of this.#published) {
      // of a Secret that a paused leader made late too: see #publish
      if (!this.#unnamed.has(idOf(value)) || this.#late.has(digestOf(value))) continue
      for (const replica of this.replicas)
        this.#assert(
          'P10',
          !this.#accepts(replica, value),
          `${replica.name} refuses ${value}, as the status has it no more`,
        )
    }
    this.#assert('P5', this.#published.length <= this.#reasons, 'one published value a rotation')
  }

  /** P1 for a program that reads its Secret just now. */
  checkHeld(): void {
    const value = this.secret?.value
    if (value === undefined || this.edited) return
    for (const replica of this.replicas.filter(({ ready }) => ready))
      this.#assert('P1', this.#accepts(replica, value), `${replica.name} accepts ${value}, which is in the Secret`)
  }

  #decide(): Write | undefined {
    for (let turn = 0; turn < 4; turn++) {
      const plan = this.#plan()
      if (plan.step.kind === 'mint') {
        const value = `secret-${++this.#minted}`
        const { at: mintedAt, obeys } = plan.step
        this.operator.pending = { id: idOf(value), sha256: digestOf(value), mintedAt, obeys }
        values.set(this.operator.pending.sha256, value)
        continue
      }
      if (!plan.keepsPending) this.operator.pending = undefined
      this.operator.lostSince = plan.isLost ? (this.operator.lostSince ?? this.#operatorNow) : undefined
      const write = this.hub ? this.#mirrorWrite(plan) : this.#shardWrite(plan)
      return write ?? this.#secretWrite(plan) ?? this.#statusWrite(plan)
    }
    throw new PropertyBroken('the plan asks for a secret again and again')
  }

  get #operatorNow(): number {
    return this.now + this.operator.skew
  }

  #input(operator = this.operator): RotationInput {
    const propagation = this.#propagation()
    const { secret } = this
    const isHeard = this.replicas.every(({ open }) => open)
    const { lostSince, pending, skew } = operator
    const written = (this.status.previous ?? []).flatMap(({ id, lastUsed }) =>
      lastUsed === undefined ? [] : [[id, lastUsed] as const],
    )
    return {
      source: { kind: 'minted' },
      rotation: {
        overlapMs,
        retire: this.retire,
        maxOverlapMs: 24 * hour,
        quietPeriodMs,
        ...(this.trigger === undefined ? {} : { trigger: this.trigger }),
        ...(this.revoke === undefined ? {} : { revokePrevious: this.revoke }),
      },
      serving: true,
      secret: secret
        ? {
            kind: 'owned',
            sha256: digestOf(secret.value),
            isMinted: secret.value !== editedValue,
            secretId: secret.marks?.secretId,
            rotatedAt: secret.marks?.rotatedAt,
            verifiers: secret.marks?.verifiers ?? [],
            observed: this.bugs.mintTwiceAfterCrash ? undefined : secret.marks?.observed,
            fence: secret.marks?.fence,
          }
        : { kind: 'absent' },
      verifiers: this.#verifiers(),
      pending,
      replicas: {
        total: this.replicas.length,
        serving: this.bugs.publishBeforeAck === true || (propagation?.applied ?? false),
        unreachable: this.bugs.publishBeforeAck ? 0 : (propagation?.unreachable.length ?? 0),
        goingUntil: undefined,
      },
      usage: {
        knownSince: this.bugs.takesUnknownForUnused ? 0 : isHeard ? operator.heard.since : undefined,
        lastUsed: { ...Object.fromEntries(written), ...Object.fromEntries(operator.lastUsed) },
      },
      ...this.#throughHub(),
      status: this.status,
      ...(lostSince === undefined ? {} : { lostSince }),
      now: this.now + skew,
    }
  }

  /** What a spoke knows in place of shards and replicas. */
  #throughHub(): Partial<RotationInput> {
    const said = this.hub?.input()
    if (!said) return {}
    return {
      ...said,
      usage: this.bugs.takesUnknownForUnused ? { ...said.usage, knownSince: 0 } : said.usage,
      replicas: this.bugs.publishBeforeAck ? { ...said.replicas, serving: true, unreachable: 0 } : said.replicas,
    }
  }

  #plan(): RotationPlan {
    const plan = planRotation(this.#input())
    if (!this.bugs.dropOldAtPublication || plan.state !== 'overlap') return plan
    return { ...plan, verifiers: plan.verifiers.slice(0, 1) }
  }

  #mirrorWrite(plan: RotationPlan): Write | undefined {
    const wanted = this.hub?.wanted(plan, this.#operatorNow)
    return wanted && { kind: 'mirror', basedOn: this.hub?.seenVersion ?? 0, wanted }
  }

  #shardWrite(plan: Pick<RotationPlan, 'verifiers'>): Write | undefined {
    // a write is due only where the verifiers are; the rest of the entry never changes here
    const seen = this.replicas.map(({ applied }) => applied?.seq ?? 0n)
    const next = planShard({
      shard: 0,
      clients: [
        {
          ...identity,
          verifiers: plan.verifiers,
          verdict: { kind: 'desired', version },
          granted: undefined,
          forbidsEarlier: false,
          restraint: undefined,
          accountsSince: {},
          namespaceBytes: 65_536,
          standing: { of: undefined, is: 'unknown' },
        },
      ],
      stored: this.shard?.content,
      seq: {
        highestSeen: seen.reduce((most, one) => (one > most ? one : most), 0n),
        startSeconds: this.operator.startSeconds,
      },
      now: this.#operatorNow,
      change: 'c0de',
      fill: 0,
    })
    if (next.kind === 'keep') return undefined
    return { kind: 'shard', basedOn: this.shard?.resourceVersion ?? 0, shard: next.shard }
  }

  #secretWrite(plan: RotationPlan): Write | undefined {
    const { secret } = this
    if (!plan.secret) return undefined
    const publishes = plan.step.kind === 'publish'
    const value = publishes ? values.get(this.operator.pending!.sha256)! : secret!.value
    const isCurrent = secret && secret.value === value && JSON.stringify(secret.marks) === JSON.stringify(plan.secret)
    if (isCurrent && plan.step.kind !== 'fence') return undefined
    return { kind: 'secret', basedOn: secret?.resourceVersion ?? 0, value, marks: plan.secret, publishes }
  }

  #statusWrite(plan: RotationPlan): Write | undefined {
    const { activeId, lastRotated, observed, previous, lastUsed } = plan.report
    const next = {
      ...(activeId === undefined ? {} : { activeId }),
      ...(lastRotated === undefined ? {} : { lastRotated }),
      observed,
      previous: [...previous, ...this.#ending(plan)].map((one) => {
        const used = lastUsed[one.id]
        return { ...one, ...(used !== undefined && { lastUsed: used }) }
      }),
    }
    if (JSON.stringify(next) === JSON.stringify(this.status)) return undefined
    for (const id of namedIn(this.status)) this.#unnamed.add(id)
    this.status = next
    for (const id of namedIn(next)) this.#unnamed.delete(id)
    return { kind: 'status' }
  }

  /** Secrets that have ended, and that a replica may accept: it may not have heard of it. */
  #ending(plan: RotationPlan): readonly { readonly id: string }[] {
    if (this.bugs.forgetsEnded) return []
    const now = this.#operatorNow
    const { activeId, previous = [] } = this.status
    const secret = { ...(activeId !== undefined && { activeId }), previous: previous.map(({ id }) => ({ id })) }
    const isRefused = (id: string): boolean => {
      if (this.hub) return this.hub.refuses(id, now)
      const isLive = this.#live()?.some((one) => one.id === id && (one.notAfter ?? Infinity) > now)
      return isLive === false && this.#propagation()?.applied === true
    }
    return endingSecrets({ secret }, plan, { now, isRefused }).map(({ id }) => ({ id }))
  }

  /** @returns whether it was taken, not refused for a stale resourceVersion */
  #send(write: Write, wasPaused: boolean): boolean {
    const isStale = (resourceVersion: number | undefined): boolean =>
      !this.bugs.ignoreResourceVersion && (resourceVersion ?? 0) !== (write.kind === 'status' ? 0 : write.basedOn)
    if (write.kind === 'shard') {
      if (isStale(this.shard?.resourceVersion)) return false
      this.#assert(
        'P6',
        !wasPaused || (this.shard?.resourceVersion ?? 0) === write.basedOn,
        "a paused leader's shard is refused",
      )
      const seen = [this.shard?.content.seq ?? 0n, ...this.replicas.map(({ applied }) => applied?.seq ?? 0n)]
      const rises = seen.every((seq) => write.shard.seq > seq)
      this.#assert('P6', wasPaused || rises, 'seq only rises')
      // a paused leader may re-create a shard that was lost meanwhile: every agent refuses its older seq, and the leader writes over it
      if (wasPaused && !rises) return true
      this.#noteEnds(write.shard)
      if (!wasPaused) this.#checkRetired(write.shard)
      this.shard = { resourceVersion: ++this.#resourceVersion, content: write.shard }
      if (!wasPaused) this.#expected = write.shard
    }
    if (write.kind === 'mirror') {
      if (!this.hub || this.hub.isAway || isStale(this.hub.version)) return false
      const isNewest = this.hub.version === write.basedOn
      this.#assert('P6', !wasPaused || isNewest, "a paused leader's mirror is refused")
      this.#noteRetired(write.wanted)
      this.hub.store(write.wanted)
    }
    if (write.kind === 'secret') {
      if (isStale(this.secret?.resourceVersion)) return false
      this.#assert(
        'P6',
        !wasPaused || (this.secret?.resourceVersion ?? 0) === write.basedOn,
        "a paused leader's Secret is refused",
      )
      if (write.publishes) this.#publish(write.value, write.marks, wasPaused)
      else if (this.#revokedBy(write.marks)) this.#revokeAllBut(write.value)
      this.secret = { resourceVersion: ++this.#resourceVersion, value: write.value, marks: write.marks }
      this.edited = write.value === editedValue
    }
    // the pending secret is published now
    if (write.kind === 'secret' && write.publishes && !wasPaused) this.operator.pending = undefined
    return true
  }

  #publish(value: string, marks: SecretMarks, wasPaused: boolean): void {
    // Nothing can fence a Secret that is not there, so a leader that was paused with a create in hand may make one late. It is
    // read back and its value made live, or replaced when it is an older one: the one known gap.
    if (wasPaused && !this.secret) {
      this.#revoked.add(value)
      this.#ends.delete(digestOf(value))
      this.#late.add(digestOf(value))
      this.#reasons++
    } else {
      for (const replica of this.replicas) {
        this.#assert('P4', this.#accepts(replica, value), `${replica.name} has ${value} before it is published`)
      }
    }
    if (this.#revokedBy(marks)) this.#revokeAllBut(value)
    this.#published.push(value)
  }

  /** Whoever takes the new value away during an overlap leaves those without one who had not read it yet: their old one ends as
   *  announced, and earlier when it is the oldest of three. */
  #lose(): void {
    if ((this.#verifiers()?.length ?? 0) >= 2) this.#wasLostInOverlap = true
    for (const { value } of this.pods) if (value !== this.secret?.value) this.#revoked.add(value)
  }

  #revokedBy(marks: SecretMarks): boolean {
    return marks.observed.revoke !== undefined && marks.observed.revoke !== this.secret?.marks?.observed.revoke
  }

  #revokeAllBut(value: string): void {
    for (const pod of this.pods) if (pod.value !== value) this.#revoked.add(pod.value)
    for (const old of this.#published) if (old !== value) this.#revoked.add(old)
  }

  /** P2: the end of a previous secret is set once and never moves later. */
  #noteEnds(shard: ClientShard): void {
    const verifiers = shard.entries[0]?.verifiers.map(readVerifier) ?? []
    // a shard drops previous secrets when it is asked to revoke, before the Secret says so
    if (this.revoke !== undefined && this.revoke !== this.secret?.marks?.observed.revoke) {
      const kept = new Set(verifiers.map(({ sha256 }) => sha256))
      for (const value of this.#published) if (!kept.has(digestOf(value))) this.#revoked.add(value)
    }
    for (const { sha256, notAfter } of verifiers) {
      const before = this.#ends.get(sha256)
      // what a spoke announces ends, and has no end once it is published
      if (notAfter === undefined && this.hub) this.#ends.delete(sha256)
      if (notAfter === undefined) continue
      if (before !== undefined && !this.#late.has(sha256))
        this.#assert('P2', notAfter <= before, 'the end of a previous secret never moves later')
      this.#ends.set(sha256, notAfter)
    }
  }

  #restartOperator(): void {
    this.operator = this.#newOperator()
  }

  #newOperator(): Operator {
    // a spoke goes by the clock of its hub
    const skew = this.hub ? 0 : this.nextSkew
    const now = this.now + skew
    return {
      pending: undefined,
      lostSince: undefined,
      startSeconds: BigInt(Math.floor(now / 1000)),
      skew,
      heard: startOfHearing(now),
      lastUsed: new Map(),
    }
  }

  /** The hub obeys a spoke a moment later: a use in between comes too late. */
  #noteRetired({ spec }: WantedMirror): void {
    const kept = new Set(spec.secret?.verifiers?.map(({ sha256 }) => sha256))
    for (const { id, sha256 } of this.#verifiers() ?? []) {
      if (kept.has(sha256)) this.#retired.delete(id)
      else this.#retired.set(id, this.now - (this.#usedAt.get(id) ?? -Infinity))
    }
  }

  /** P9: a previous secret that is used does not end before its end, whoever came, went or was not heard. */
  #checkRetired(next: ClientShard): void {
    const kept = new Set(next.entries[0]?.verifiers.map(({ sha256 }) => sha256))
    const before = this.#live() ?? []
    const asksRevoke = this.revoke !== undefined && this.revoke !== this.secret?.marks?.observed.revoke
    // of a Secret that a paused leader made late too: see #publish
    const isLate = this.secret !== undefined && this.#late.has(digestOf(this.secret.value))
    const makesRoom = before.length === 3 && (this.secret === undefined || this.edited || isLate || this.hub)
    if (asksRevoke || makesRoom) return
    const promised = new Set(this.#published.filter((value) => !this.#revoked.has(value)).map(digestOf))
    for (const { id, sha256, notAfter } of before.slice(1)) {
      if (!promised.has(sha256)) continue
      if (kept.has(sha256) || notAfter === undefined || notAfter <= this.#operatorNow) continue
      const unusedMs = this.#retired.get(id) ?? this.now - (this.#usedAt.get(id) ?? -Infinity)
      this.#assert('P9', this.retire === 'WhenUnused', `${id} ends at its end, not before`)
      this.#assert('P9', unusedMs >= quietPeriodMs - 2 * minute, `${id} was used ${unusedMs / minute} min ago`)
    }
  }

  /** Neither a crash between publication and shard, nor an unfinished restoration: a further loss then is a double fault. */
  #isSettled(): boolean {
    const verifiers = this.#verifiers() ?? []
    const held = this.secret && digestOf(this.secret.value)
    const live = this.#live() ?? []
    return (
      verifiers.length > 0 &&
      live.length === verifiers.length &&
      live.every(({ id }) => verifiers.some((one) => one.id === id)) &&
      verifiers[0]!.sha256 === held &&
      this.status.activeId === verifiers[0]!.id &&
      verifiers.slice(1).every(({ notAfter }) => notAfter !== undefined)
    )
  }

  #apply(replica: Replica): void {
    const { mounted } = replica
    if (!mounted || (replica.applied && replica.applied.seq >= mounted.seq)) return
    replica.applied = mounted
    const wall = this.now + replica.skew
    for (const { sha256, notAfter } of mounted.entries[0]?.verifiers.map(readVerifier) ?? []) {
      // at apply the wall clock counts once, then the steady one
      const end = `${sha256} ${notAfter}`
      if (notAfter !== undefined && !replica.ends.has(end)) replica.ends.set(end, this.now + (notAfter - wall))
    }
  }

  /** It holds what the operator expects. */
  #isCurrent({ applied }: Replica): boolean {
    return applied !== undefined && applied === this.#expected
  }

  #accepts(replica: Replica, value: string): boolean {
    const sha256 = digestOf(value)
    const found = replica.applied?.entries[0]?.verifiers.map(readVerifier).find((one) => one.sha256 === sha256)
    if (found?.notAfter === undefined) return found !== undefined
    return this.now < (replica.ends.get(`${sha256} ${found.notAfter}`) ?? Infinity)
  }

  #propagation(): Propagation | undefined {
    if (!this.shard) return undefined
    const { seq } = this.shard.content
    return propagationOf(
      identity,
      { shard: 0, seq },
      this.replicas.map(({ name, open, applied }) => ({
        replica: name,
        reachable: open,
        serverConnected: applied !== undefined,
        live: applied ? [{ shard: 0, seq: applied.seq }] : [],
        rejected: [],
      })),
    )
  }

  /** As the operator knows them. */
  #verifiers() {
    return this.hub ? this.hub.input().verifiers : this.#live()
  }

  #live() {
    return this.shard?.content.entries[0]?.verifiers.map(readVerifier)
  }

  #replica(index: number): Replica | undefined {
    return this.replicas[index % Math.max(1, this.replicas.length)]
  }

  #assert(property: string, holds: boolean, sentence: string): void {
    if (!holds) throw new PropertyBroken(`${property} broken: ${sentence}`)
  }
}

const namedIn = ({ activeId, previous = [] }: Partial<World['status']>): readonly string[] =>
  [activeId, ...previous.map(({ id }) => id)].filter((id) => id !== undefined)

const editedValue = 'edited by somebody'.padEnd(40, '!')
const values = new Map<string, string>()
const digests = new Map<string, string>()
/** The same few values are hashed a million times in a run. */
function digestOf(value: string): string {
  let digest = digests.get(value)
  if (digest === undefined) digests.set(value, (digest = sha256Of(value)))
  return digest
}
const idOf = (value: string): string => digestOf(value).slice(0, 8)
const identity = { namespace: 'demo', name: 'app', uid: 'u', clientId: 'demo.app', createdAt: 0 }
const version = renderVersion(create(ClientConfigSchema, { type: 'M2M', generation: 1n }))

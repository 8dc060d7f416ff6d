// The hub between a spoke and the replicas, in the model of rotations: a mirror, what the hub's operator makes of it, and what it says.
import type { OIDCClientSpec } from '../../src/api/oidc-client.ts'
import { present } from '../../src/decide/client/present.ts'
import type { Propagation } from '../../src/decide/status/propagation.ts'
import { listedSource } from '../../src/decide/secret/listed-secrets.ts'
import { planRotation } from '../../src/decide/secret/rotation.ts'
import type { RotationInput, RotationPlan, StoredVerifier } from '../../src/decide/secret/rotation-terms.ts'
import { endingSecrets } from '../../src/decide/status/ending-secrets.ts'
import { listedStatus } from '../../src/decide/status/listed-status.ts'
import type { HeardUses } from '../../src/replicas/heard-uses.ts'
import { verifiersOf } from '../../src/shards/client-entry.ts'
import { buildMirror, isAsWanted } from '../../src/spoke/build-mirror.ts'
import type { WantedMirror } from '../../src/spoke/build-mirror.ts'
import type { Mirror } from '../../src/spoke/mirror.ts'
import { createMirrorSecrets } from '../../src/spoke/mirror-secrets.ts'
import { client } from './clients.ts'
import { outcome } from './outcomes.ts'

const origin = client({ type: 'M2M' })
const key = 'demo/app'
const settled = outcome({ client: origin })

/** What the hub's operator hears of uses. */
interface HubEars {
  heard: HeardUses
  readonly lastUsed: Map<string, number>
  readonly skew: number
}

/** What the hub's operator finds below the mirror. Times are epoch milliseconds. */
interface Below {
  readonly now: number
  readonly verifiers: readonly StoredVerifier[] | undefined
  readonly propagation: Propagation | undefined
  readonly isHeard: boolean
  /** @returns whether anything had to be written */
  readonly write: (verifiers: readonly StoredVerifier[]) => boolean
}

interface HubRules {
  readonly maxOverlapHours: number
  /** A mistake: a secret that is not published has an end in the mirror. */
  readonly endsUnpublished: boolean
}

export class ModelHub {
  readonly #rules: HubRules
  readonly #now: () => number
  readonly ears: HubEars
  isAway = false
  #stored: Mirror | undefined
  /** As the spoke last saw it. */
  #seen: Mirror | undefined
  #version = 0
  #seenVersion = 0
  readonly #outlet

  constructor(heard: HeardUses, now: () => number, rules: HubRules) {
    this.#rules = rules
    this.#now = now
    this.ears = { heard, lastUsed: new Map(), skew: 0 }
    const isAway = () => this.isAway
    this.#outlet = createMirrorSecrets({
      mirrors: { find: () => this.#seen, isCurrent: () => false, ask: () => {}, forget: () => {} },
      state: {
        get fault() {
          return isAway() ? { reason: 'HubUnreachable' as const, message: 'the hub does not answer' } : undefined
        },
        clock: { now, monotonic: now, after: () => () => {} },
      },
      findClient: () => undefined,
    })
  }

  /** Of what the spoke last saw. */
  get seenVersion(): number {
    return this.#seenVersion
  }

  get version(): number {
    return this.#version
  }

  /** The watch of the spoke brings the newest mirror. */
  see(): void {
    if (this.isAway) return
    this.#seen = this.#stored && (this.#rules.endsUnpublished ? withoutAnnounced(this.#stored) : this.#stored)
    this.#seenVersion = this.#version
  }

  /** What the spoke knows through its outlet. */
  input(): Pick<RotationInput, 'verifiers' | 'endedIds' | 'usage' | 'replicas'> {
    const { shards, replicas, follow } = this.#outlet
    const entry = shards.stored(key)?.entry
    const verifiers = entry && verifiersOf(entry)
    const propagation = entry && follow.entry(key)
    const lastUsed = (verifiers ?? []).flatMap(({ id }) => {
      const at = replicas.lastUsed(key, id)
      return at === undefined ? [] : [[id, at] as const]
    })
    return {
      verifiers,
      endedIds: shards.endedIds?.(key) ?? [],
      usage: { knownSince: replicas.usesKnownSince(key), lastUsed: Object.fromEntries(lastUsed) },
      replicas: {
        total: propagation?.total ?? replicas.list().length,
        serving: propagation?.applied ?? false,
        unreachable: propagation?.unreachable.length ?? 0,
        goingUntil: undefined,
      },
    }
  }

  /** As the spoke knows it. */
  refuses(id: string, now: number): boolean {
    return this.#outlet.follow.refuses(key, id, now)
  }

  /** @returns the mirror that a plan of the spoke asks for; undefined when it is there */
  wanted({ verifiers }: RotationPlan, now: number): WantedMirror | undefined {
    const stored = this.#seen
    const wanted = buildMirror(origin, {
      verifiers,
      namespaceLabels: undefined,
      namespaceBornAt: () => undefined,
      now,
      stored,
    })
    return stored && isAsWanted(stored, wanted, now) ? undefined : wanted
  }

  /** A write of the spoke that the hub takes: the answer has the new version. */
  store({ spec }: WantedMirror): void {
    const { uid, name, namespace } = origin.metadata
    const generation = (this.#stored?.metadata.generation ?? 0) + 1
    const metadata = { ...origin.metadata, name: `${namespace}.${name}`, uid: `mirror of ${uid}`, generation }
    this.#put({ ...this.#stored, metadata, spec: this.#rules.endsUnpublished ? this.#announced(spec) : spec })
    this.see()
  }

  /** One look of the hub's operator: the shard, then the status. @returns whether anything changed */
  step({ now, verifiers, propagation, isHeard, write }: Below): boolean {
    const mirror = this.#stored
    if (!mirror) return false
    const { heard, lastUsed } = this.ears
    const usesKnownSince = isHeard ? heard.since : undefined
    const plan = planRotation({
      source: listedSource(mirror, true),
      rotation: { retire: 'AfterOverlap', maxOverlapMs: this.#rules.maxOverlapHours * 3_600_000, quietPeriodMs: 0 },
      serving: true,
      secret: { kind: 'absent' },
      verifiers,
      pending: undefined,
      replicas: {
        total: propagation?.total ?? 0,
        serving: propagation?.applied ?? false,
        unreachable: propagation?.unreachable.length ?? 0,
        goingUntil: undefined,
      },
      usage: { knownSince: usesKnownSince, lastUsed: Object.fromEntries(lastUsed) },
      status: { observed: {} },
      now,
    })
    const isWritten = plan.step.kind === 'write-shard' && write(plan.verifiers)
    const isEverywhere = !isWritten && propagation?.applied === true
    const said = listedStatus({
      ...settled,
      judgement: { ...settled.judgement, client: mirror },
      rotation: plan,
      now,
      listed: {
        accepted: new Set(isEverywhere ? plan.verifiers.map(({ id }) => id) : []),
        lastUsed: Object.fromEntries(lastUsed),
        usesKnownSince,
      },
    })
    const ending = endingSecrets(mirror.status, plan, { now, isRefused: () => isEverywhere })
    const status = {
      ...said,
      observedGeneration: mirror.metadata.generation,
      rotationLimits: { maxOverlap: `${this.#rules.maxOverlapHours}h` },
      ...(ending.length > 0 && { secret: { previous: ending } }),
    }
    if (JSON.stringify(status) === JSON.stringify(mirror.status)) return isWritten
    const isNews = JSON.stringify(withoutTime(status)) !== JSON.stringify(withoutTime(mirror.status))
    this.#put({ ...mirror, status })
    return isWritten || isNews
  }

  /** Each secret but the oldest without an end gets one, which is said once. */
  #announced(spec: OIDCClientSpec): OIDCClientSpec {
    const verifiers = spec.secret?.verifiers ?? []
    const published = verifiers.findLastIndex(({ notAfter }) => notAfter === undefined)
    const end = new Date(this.#now() + this.#rules.maxOverlapHours * 3_600_000).toISOString()
    const known = (sha256: string) => this.#stored?.spec.secret?.verifiers?.find((one) => one.sha256 === sha256)
    const ended = verifiers.map((one, at) =>
      at < published ? { ...one, notAfter: known(one.sha256)?.notAfter ?? end } : one,
    )
    return { ...spec, ...(ended.length > 0 ? { secret: { verifiers: ended } } : {}) }
  }

  #put(mirror: Mirror): void {
    this.#version++
    this.#stored = mirror
  }
}

const withoutTime = ({ usesKnownUntil: _always, ...status }: NonNullable<Mirror['status']> = {}) => status

/** The spoke takes no notice of the ends that it announced. */
function withoutAnnounced(mirror: Mirror): Mirror {
  const verifiers = mirror.spec.secret?.verifiers ?? []
  const published = verifiers.findIndex(({ notAfter }) => notAfter === undefined)
  const seen = verifiers.map(({ sha256, notAfter }, at) =>
    at < published ? { sha256 } : { sha256, ...present({ notAfter }) },
  )
  return seen.length > 0 ? { ...mirror, spec: { ...mirror.spec, secret: { verifiers: seen } } } : mirror
}

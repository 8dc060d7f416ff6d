// A month of many clients whose secrets rotate, in time that a test moves: the real steps of each look, its Secret, shard and replicas.
import { createManualClock } from '@nauthera/harness/operator/clocks'
import type { RotationInput, RotationPlan } from '../../src/decide/secret/rotation-terms.ts'
import { rotationOf } from '../../src/secret/plan-next.ts'
import type { OIDCClientSpec } from '../../src/api/oidc-client.ts'
import type { OIDCPolicy, OIDCPolicySpec } from '../../src/api/oidc-policy.ts'
import { createWorkOnSecret } from '../../src/secret/work-on-secret.ts'
import type { SecretWork } from '../../src/secret/look.ts'
import type { PolicySpacing } from '../../src/decide/client/apply-defaults.ts'
import { createOneClient } from './one-client.ts'
import type { OneClient } from './one-client.ts'

const quietPeriodMs = 3_600_000
/** Epoch milliseconds. */
export const beganAt = Date.parse('2026-03-10T00:00:00Z')

export interface ClientOfMonth {
  readonly namespace: string
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
  readonly spec?: Partial<OIDCClientSpec>
  /** Its program goes on with the secret that it read first. */
  readonly keepsOld?: boolean
}

export interface Month {
  readonly clients: readonly ClientOfMonth[]
  readonly baseline: OIDCPolicySpec
  readonly policies: readonly OIDCPolicy[]
  /** How long each write takes until every replica has it, milliseconds. */
  readonly spreadMs: number
  readonly lengthMs: number
  /** From then on no replica takes anything, milliseconds after the begin. */
  readonly stuckAfterMs?: number
}

/** What became of one client. Times are milliseconds after the begin. */
export interface Rotated {
  readonly key: string
  /** Under its policies. */
  readonly rotation: RotationInput['rotation']
  readonly spacings: readonly PolicySpacing[]
  /** When each secret was minted; the first one is the client's first. */
  readonly minted: number[]
  readonly published: number[]
  /** Its health, and since when it says so. */
  readonly health: { readonly at: number; readonly health: RotationPlan['health'] }[]
}

interface Living {
  readonly one: OneClient
  readonly secretName: string
  readonly work: SecretWork
  readonly told: Rotated
  readonly keepsOld: boolean
  lookAt: number
  spreadAt: number | undefined
}

/** @returns what became of each client, in their order */
export async function liveThrough(month: Month): Promise<readonly Rotated[]> {
  const clock = createManualClock(beganAt)
  const began = clock.monotonic()
  const now = () => clock.monotonic() - began
  const living = month.clients.map((client) => begin(client, month, clock))
  const byKey = new Map(living.map((each) => [each.one.key, each]))
  const of = (key: string): OneClient => byKey.get(key)!.one
  const ofName = (namespace: string, name: string): OneClient => of(`${namespace}/${name.replace(/-oidc$/, '')}`)
  const { needs } = living[0]!.one
  const workOnSecret = createWorkOnSecret({
    ...needs,
    again: (key, milliseconds) => {
      const each = byKey.get(key)!
      each.lookAt = Math.min(each.lookAt, now() + milliseconds)
    },
    secrets: {
      read: (namespace, name) => ofName(namespace, name).secrets.read(namespace, name),
      create: (wanted) => ofName(wanted.namespace, wanted.name).secrets.create(wanted),
      update: (from, wanted) => ofName(wanted.namespace, wanted.name).secrets.update(from, wanted),
      remove: (from) => ofName(from.metadata.namespace!, from.metadata.name).secrets.remove(from),
    },
    shards: {
      isLeaving: () => false,
      isUnheardOf: (key) => of(key).needs.shards.isUnheardOf(),
      bornAt: () => undefined,
      stored: (key) => of(key).needs.shards.stored(),
      setClient: (client) => of(`${client.namespace}/${client.name}`).needs.shards.setClient(client),
      setUndecided: (client) => of(`${client.namespace}/${client.name}`).needs.shards.setUndecided(client),
      remove: (key) => of(key).needs.shards.remove(),
    },
    replicas: {
      ...needs.replicas,
      // the second of those that are live is the one before
      lastUsed: (key, id) =>
        byKey.get(key)!.keepsOld && of(key).shard.entry?.verifiers[1]?.id === id ? clock.now() : undefined,
    },
    follow: {
      entry: (key) => of(key).needs.follow.entry(),
      config: (key) => of(key).needs.follow.config(),
      refuses: () => true,
    },
  })

  const look = async (each: Living): Promise<void> => {
    const { one, told } = each
    each.lookAt = Infinity
    const before = one.published(each.secretName)
    const result = await workOnSecret(each.work)
    if (result.failure) throw result.failure
    const minted = one.log.told('secret minted').length - told.minted.length
    for (let count = 0; count < minted; count++) told.minted.push(now())
    if (told.minted.length > told.published.length + 3) throw new Error(`${one.key} mints, and publishes nothing`)
    if (one.published(each.secretName) !== before) told.published.push(now())
    if (result.plan) told.health.push({ at: now(), health: result.plan.health })
    each.lookAt = Math.min(each.lookAt, result.again === undefined ? Infinity : now() + result.again)
    // as the writer of shards does, which writes nothing that is stored already
    const stored = textOf(one.shard.entry?.verifiers)
    const asked = one.shard.asked.splice(0).at(-1)
    if (!asked || textOf(asked.client?.verifiers) === stored) return
    one.shard.asked.push(asked)
    one.shard.store()
    each.spreadAt = now() + month.spreadMs
  }

  for (;;) {
    const next = living.reduce((first, each) => (dueAt(each) < dueAt(first) ? each : first))
    if (dueAt(next) > month.lengthMs) return living.map(({ told }) => told)
    clock.advance(Math.max(0, dueAt(next) - now()))
    if (next.spreadAt !== undefined && next.spreadAt <= now()) {
      next.spreadAt = undefined
      if (now() >= (month.stuckAfterMs ?? Infinity)) continue
      next.one.shard.spread()
    }
    await look(next)
  }
}

const textOf = (verifiers: readonly { readonly id: string; readonly notAfter?: unknown }[] | undefined): string =>
  verifiers === undefined ? '' : verifiers.map(({ id, notAfter }) => `${id} ${notAfter !== undefined}`).join(', ')

const dueAt = ({ lookAt, spreadAt }: Living): number => Math.min(lookAt, spreadAt ?? Infinity)

function begin(client: ClientOfMonth, month: Month, clock: ReturnType<typeof createManualClock>): Living {
  const { namespace, name, spec = {} } = client
  const one = createOneClient({
    clock,
    spec,
    metadata: { namespace, name, labels: client.labels ?? {}, uid: `uid-${namespace}-${name}` },
    policy: month.baseline,
    policies: month.policies,
  })
  const work = one.work()
  const rotation = rotationOf(work.judgement, quietPeriodMs)
  const { spacings } = work.judgement
  return {
    one,
    secretName: `${name}-oidc`,
    work,
    told: { key: one.key, rotation, spacings, minted: [], published: [], health: [] },
    keepsOld: client.keepsOld === true,
    lookAt: 0,
    spreadAt: undefined,
  }
}

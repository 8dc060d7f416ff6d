import { shortDigest } from '@nauthera/proto/digest'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Log } from '@nauthera/runtime/log'
import type { OIDCClient } from './api/oidc-client.ts'
import type { OIDCPolicySpec } from './api/oidc-policy.ts'
import type { Clock } from './time/clock.ts'
import type { Outcome } from './decide/conditions.ts'
import type { RotationPlan } from './decide/rotation-terms.ts'
import { sameConfig } from './shards/client-entry.ts'
import type { FollowReplicas } from './replicas/follow-replicas.ts'
import { judgeClient } from './intake/judge.ts'
import type { Judgement } from './intake/judge.ts'
import type { SecretStore } from './kubernetes/conditional-write.ts'
import type { Replicas } from './replicas/replicas.ts'
import { formerNames, removeFormerSecrets } from './secret/former-names.ts'
import type { Memory } from './secret/look.ts'
import { createMemories } from './secret/memories.ts'
import { rotationOf } from './secret/plan-next.ts'
import type { Settings } from './settings.ts'
import type { Watch } from './intake/watch.ts'
import { createWorkOnSecret } from './secret/work-on-secret.ts'
import type { SecretResult } from './secret/work-on-secret.ts'
import type { Shards } from './shards/shards.ts'
import type { WriteStatus } from './status/write-status.ts'

export interface Reconciler {
  /** Brings one client a step on: read, decide, write, report. What it cannot finish now it asks to come again for.
   *  @throws ApiError when the API did not do its part: try again */
  reconcile(key: string): Promise<void>
  /** What was read of these clients' Secrets is to be doubted. */
  doubt(keys: Iterable<string>): void
}

export function createReconciler(options: {
  settings: Pick<Settings, 'issuer' | 'release' | 'namespace' | 'quietPeriod'>
  baseline: OIDCPolicySpec
  watch: Pick<Watch, 'clients' | 'policies' | 'namespaceLabels'>
  secrets: SecretStore
  shards: Shards
  replicas: Pick<Replicas, 'list' | 'lastUsed'>
  follow: FollowReplicas
  status: WriteStatus
  clock: Clock
  log: Log
  /** Comes back to the key after so many milliseconds at the latest. */
  again: (key: string, milliseconds: number) => void
  onWrite?: (kind: 'secret') => void
}): Reconciler {
  const { settings, secrets, shards, follow, clock } = options
  const servedBy = `${settings.namespace}/${settings.release}`
  const memories = createMemories()
  const workOnSecret = createWorkOnSecret(options)

  const forget = (key: string) => {
    memories.forget(key)
    follow.forget(key)
    options.status.forget(key)
    shards.remove(key)
  }

  const reconcile = async (key: string) => {
    const found = options.watch.clients.get(key)
    if (!found) return forget(key)
    follow.begin(key)
    const client = options.status.withLatest(found)
    const log = options.log.child({ client: key })
    const needs = { watch: options.watch, baseline: options.baseline, now: clock.now() }
    const judgement = judgeClient(client, needs, (error) => log.warn({ error }, 'client not understood'))
    const memory = memories.of(key, client)
    const result = await workOnSecret({ key, judgement, memory, log })
    const failure = await report({ key, client, judgement, memory, result, log })
    if (failure !== undefined) throw failure
  }

  // --- what people see

  const report = async (about: {
    key: string
    client: OIDCClient
    judgement: Judgement
    memory: Memory
    result: SecretResult
    log: Log
  }): Promise<Error | undefined> => {
    const { key, client, judgement, memory, result } = about
    // Before the status forgets the former name: after a crash nothing else knows it.
    const former = await leaveFormerNames(judgement.client, memory, result)
    const stored = shards.stored(key)
    const carriesThis =
      judgement.config !== undefined &&
      stored?.entry.uid === client.metadata.uid &&
      isStored(judgement, stored.entry.desired)
    const propagation = carriesThis ? follow.config(key) : undefined
    const settled = propagation?.accepted === true && isAtRest(result.plan)
    follow.note(key, settled)
    const digest = shards.manifestDigest()
    const outcome: Outcome = {
      client,
      servedBy,
      issuer: settings.issuer,
      acceptance: judgement.acceptance,
      policies: judgement.policies.map(({ name }) => name),
      violations: judgement.violations,
      config: judgement.config,
      secret: result.secret,
      formerName: former.names[0],
      rotation: result.plan,
      rotationSettings: result.plan && rotationOf(judgement.effective, settings.quietPeriod),
      propagation,
      shardFull: shards.isRefused(key),
      revision: digest === '' ? undefined : shortDigest(digest),
      now: clock.now(),
    }
    const written = await options.status.write(outcome, isInProgress(outcome))
    const waits = [result.again, written.again].filter((ms) => ms !== undefined)
    if (waits.length > 0) options.again(key, Math.max(1, Math.min(...waits)))
    if (former.names.length > 0 && result.secret.kind === 'ready') options.again(key, 1_000)
    return result.failure ?? former.failure
  }

  /** After spec.secret.name has changed and the new Secret is there, the old one goes, if it is ours.
   *  @returns the former names that are still to be left */
  const leaveFormerNames = async (
    client: OIDCClient,
    memory: Memory,
    result: SecretResult,
  ): Promise<{ names: readonly string[]; failure?: Error }> => {
    const names = formerNames(client, memory.names, settings)
    if (names.length === 0 || result.secret.kind !== 'ready') return { names }
    try {
      const left = await removeFormerSecrets(secrets, client, names)
      for (const name of names) if (!left.includes(name)) memory.names.delete(name)
      return { names: left }
    } catch (error) {
      return { names, failure: error instanceof Error ? error : new Error(String(error)) }
    }
  }

  return {
    reconcile,
    doubt: memories.doubt,
  }
}

const isAtRest = (plan: RotationPlan | undefined): boolean => plan === undefined || plan.step.kind === 'rest'

/** The stored version may be of an earlier generation when nothing that a server sees has changed since. */
function isStored(judgement: Judgement, desired: ClientConfig | undefined): boolean {
  return desired !== undefined && judgement.config !== undefined && sameConfig(desired, judgement.config)
}

/** Nothing is wrong yet: replicas or the Secret are a moment away. */
function isInProgress(outcome: Outcome): boolean {
  if (outcome.acceptance.kind !== 'accepted' || outcome.violations.some(({ enforcement }) => enforcement === 'Deny'))
    return false
  if (outcome.shardFull || !['ready', 'pending'].includes(outcome.secret.kind)) return false
  const { propagation } = outcome
  if (propagation && (propagation.rejected.length > 0 || propagation.unreachable.length > 0)) return false
  return outcome.secret.kind === 'pending' || propagation?.accepted !== true
}

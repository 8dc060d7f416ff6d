import { createHash, randomBytes } from 'node:crypto'
import { shortDigest } from '@nauthera/proto/digest'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { describeError, Secret } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import type { OIDCClient } from './api/oidc-client.ts'
import type { OIDCPolicySpec } from './api/oidc-policy.ts'
import type { Clock } from './clock.ts'
import type { Outcome } from './decide/conditions.ts'
import type { Propagation } from './decide/propagation.ts'
import { planRotation } from './decide/rotation.ts'
import type { Observed, PendingSecret, RotationPlan, SecretMarks, SecretSource } from './decide/rotation-terms.ts'
import { identifySecret } from './decide/secret-id.ts'
import { renderSecret, secretNameOf } from './decide/secret.ts'
import type { RenderedSecret } from './decide/secret.ts'
import { sameConfig } from './decide/shard.ts'
import type { FollowReplicas } from './follow-replicas.ts'
import { judgeClient } from './judge.ts'
import type { Judgement } from './judge.ts'
import { isForbidden } from './kubernetes/api-error.ts'
import type { SecretStore } from './kubernetes/conditional-write.ts'
import type { Replicas } from './replicas.ts'
import { rotationOf, statusOf } from './rotation-input.ts'
import type { Settings } from './settings.ts'
import { verifiersOf } from './stored-shard.ts'
import type { Watch } from './watch.ts'
import { isOwned, isReservedName, readClientSecret, readSource, writeClientSecret } from './write-secret.ts'
import type { ReadSecret } from './write-secret.ts'
import type { Shards } from './write-shards.ts'
import type { WriteStatus } from './write-status.ts'

export interface Reconciler {
  /** Brings one client a step on: read, decide, write, report. What it cannot finish now it asks to come again for.
   *  @throws ApiError when the API did not do its part: try again */
  reconcile(key: string): Promise<void>
  /** What was read of these clients' Secrets is to be doubted. */
  doubt(keys: Iterable<string>): void
}

/** What is remembered of a client between two looks; nothing of it is needed after a crash. */
interface Memory {
  readonly uid: string
  /** Of the client when it was last looked at. */
  generation: number
  /** Of the Secret as last read; never its data. */
  read:
    { readonly state: ReadSecret['state']; readonly fingerprint: string | undefined; readonly at: number } | undefined
  /** The plain secret lives here from its minting to its publication. */
  pending: { readonly secret: PendingSecret; readonly plain: Secret } | undefined
}

/** A loop of this many turns has lost its way; the key comes back later. */
const turnLimit = 10
/** A Secret that somebody else must create or remove has no event: look again after so long. Milliseconds. */
const lookAgainMs = 15_000

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
  const memories = new Map<string, Memory>()
  let scheduledAt = -Infinity

  const forget = (key: string) => {
    memories.delete(key)
    follow.forget(key)
    options.status.forget(key)
    shards.remove(key)
  }

  const memoryOf = (key: string, { metadata: { uid, generation } }: OIDCClient): Memory => {
    const known = memories.get(key)
    // A re-created client inherits nothing.
    if (known?.uid !== uid) {
      const fresh: Memory = { uid, generation, read: undefined, pending: undefined }
      memories.set(key, fresh)
      return fresh
    }
    // Who edits the client may do so because its Secret is gone.
    if (known.generation !== generation) known.read = undefined
    known.generation = generation
    return known
  }

  const reconcile = async (key: string) => {
    const found = options.watch.clients.get(key)
    if (!found) return forget(key)
    follow.begin(key)
    const client = options.status.withLatest(found)
    const log = options.log.child({ client: key })
    const needs = { watch: options.watch, baseline: options.baseline, now: clock.now() }
    const judgement = judgeClient(client, needs, (error) => log.warn({ error }, 'client not understood'))
    const memory = memoryOf(key, client)
    const work = createWork({ key, client, judgement, memory, log })
    const result = await work.run()
    await report({ key, client, judgement, result, log })
    if (result.failure !== undefined) throw result.failure
  }

  // --- the secret of one client

  interface Result {
    readonly plan: RotationPlan | undefined
    readonly secret: Outcome['secret']
    /** Milliseconds after which to look again. */
    readonly again: number | undefined
    /** What went wrong with the Secret; everything else went on. */
    readonly failure: Error | undefined
  }

  const createWork = (about: { key: string; client: OIDCClient; judgement: Judgement; memory: Memory; log: Log }) => {
    const { key, judgement, memory, log } = about
    const { client, effective } = judgement
    const name = secretNameOf(client)
    const reserved = isReservedName(client.metadata.namespace, name, settings)

    /** What is known of the Secret, read now unless that was done before. */
    const readState = async (needsFresh: boolean): Promise<ReadSecret> => {
      if (reserved) return { state: { kind: 'foreign' }, object: undefined, plain: undefined }
      if (!needsFresh && memory.read) return { state: memory.read.state, object: undefined, plain: undefined }
      const read = await readClientSecret(secrets, client)
      memory.read = { state: read.state, fingerprint: undefined, at: clock.monotonic() }
      return read
    }

    const planFrom = (source: SecretSource, state: ReadSecret['state']): RotationPlan => {
      const stored = shards.stored(key)
      const ours = stored?.entry.uid === client.metadata.uid ? stored.entry : undefined
      const verifiers = ours && verifiersOf(ours)
      const all = options.replicas.list()
      const propagation = ours && follow.entry(key)
      const ids = (verifiers ?? []).map(({ id }) => id)
      return planRotation({
        source,
        rotation: rotationOf(effective, settings.quietPeriod),
        serving: judgement.serve.kind !== 'nothing',
        secret: state,
        verifiers,
        pending: memory.pending?.secret,
        replicas: {
          total: all.length,
          serving: isServing(propagation, ours?.accepted !== undefined),
          unreachable: propagation?.unreachable.length ?? 0,
        },
        usage: {
          complete: all.every(({ serverConnected }) => serverConnected),
          lastUsed: Object.fromEntries(
            ids.flatMap((id) => {
              const at = options.replicas.lastUsed(key, id)
              return at === undefined ? [] : [[id, at]]
            }),
          ),
        },
        status: statusOf(client),
        ...(effective.minSpacingMs > 0 ? { notBefore: scheduledAt + effective.minSpacingMs } : {}),
        now: clock.now(),
      })
    }

    const putShard = (verifiers: RotationPlan['verifiers'], isKnown = true) => {
      if (judgement.serve.kind === 'nothing') return shards.remove(key)
      const config = follow.config(key)
      const put = isKnown ? shards.put : shards.presume
      put({
        namespace: client.metadata.namespace,
        name: client.metadata.name,
        uid: client.metadata.uid,
        clientId: judgement.acceptance.clientId,
        createdAt: Date.parse(client.metadata.creationTimestamp),
        verifiers,
        verdict: judgement.serve.kind === 'desired' ? judgement.serve : { kind: 'carry' },
        standing: standingOf(config),
      })
    }

    const mint = (obeys: Observed) => {
      const plain = new Secret(randomBytes(32).toString('base64url'))
      const secret: PendingSecret = { ...identifySecret(plain), mintedAt: clock.now(), obeys }
      memory.pending = { secret, plain }
      if (obeys.trigger === undefined && obeys.annotation === undefined) scheduledAt = clock.now()
      log.info({ secret: secret.id }, 'secret minted')
    }

    const render = (plain: Secret | undefined, marks: SecretMarks | undefined) =>
      renderSecret({ client, clientId: judgement.acceptance.clientId, issuer: settings.issuer, plain, marks })

    /** The same as what would be written, with the id in the secret's place: so that it may be remembered. */
    const fingerprintOf = (marks: SecretMarks | undefined): string | undefined => {
      const rendered = render(marks && new Secret(marks.secretId), marks)
      return rendered.kind === 'rendered' ? fingerprint(rendered.secret) : undefined
    }

    /** @returns undefined when somebody else wrote meanwhile */
    const write = async (read: ReadSecret, rendered: RenderedSecret, marks: SecretMarks | undefined) => {
      const outcome = await writeClientSecret(secrets, read, rendered)
      memory.read = undefined
      if (outcome.kind === 'conflict') return undefined
      if (outcome.kind === 'written') {
        options.onWrite?.('secret')
        log.info({ secret: marks?.secretId, name }, read.object ? 'secret written' : 'secret created')
      }
      const again = await readClientSecret({ ...secrets, read: async () => outcome.secret }, client)
      memory.read = { state: again.state, fingerprint: fingerprintOf(marks), at: clock.monotonic() }
      return again
    }

    const run = async (): Promise<Result> => {
      const { serve, acceptance } = judgement
      if (serve.kind === 'nothing') putShard([])
      if (acceptance.kind === 'invalid') return await frozen()
      let failure: Error | undefined
      let source: SecretSource = { kind: 'minted' }
      let given: Secret | undefined
      let missing: string | undefined
      let read: ReadSecret
      try {
        const found = await readSource(
          secrets,
          client,
          needsSecret(judgement, shards.stored(key)?.entry.verifiers.length ?? 0),
        )
        source = found.source
        given = found.plain
        missing = found.missing
        read = await readState(false)
      } catch (error) {
        failure = asError(error)
        read = { state: { kind: 'unknown' }, object: undefined, plain: undefined }
      }
      const existing = client.spec.secret?.existingSecretRef !== undefined
      const finish = (plan: RotationPlan | undefined, secret: Outcome['secret']): Result => ({
        plan,
        secret,
        again: againAfter(plan, secret, serve, clock.now(), existing),
        failure,
      })

      for (let turn = 0; turn < turnLimit; turn++) {
        const plan = planFrom(source, read.state)
        if (plan.step.kind === 'mint' && failure === undefined && missing === undefined) {
          mint(plan.step.obeys)
          continue
        }
        // What could not be read may hold a secret that is in use: without a stored entry nobody knows its verifier.
        const isKnown = failure === undefined || source.kind === 'none' || shards.stored(key) !== undefined
        putShard(plan.verifiers, isKnown)
        if (failure !== undefined)
          return finish(plan, { kind: 'unreadable', name, message: unreadableMessage(failure) })
        if (missing !== undefined) return finish(plan, { kind: 'waiting-for-secret', name, message: missing })
        if (read.state.kind === 'foreign') return finish(plan, { kind: 'name-taken', name })
        if (!plan.keepsPending) memory.pending = undefined

        const wantsWrite = wantedWrite(plan, source, follow.entry(key))
        if (wantsWrite === 'no') return finish(plan, settledSecret(source, read.state, name))
        const marks = plan.secret
        const current = fingerprintOf(marks)
        const isCurrent = memory.read?.fingerprint !== undefined && memory.read.fingerprint === current
        if (wantsWrite === 'if-changed' && isCurrent && read.state.kind === 'owned') {
          return finish(plan, settledSecret(source, read.state, name))
        }
        // Whatever is written is decided on what is there now.
        if (read.object === undefined && !(turn === 0 && read.state.kind === 'absent')) {
          try {
            const fresh = await readState(true)
            const moved = JSON.stringify(fresh.state) !== JSON.stringify(read.state)
            read = fresh
            if (moved) continue
          } catch (error) {
            failure = asError(error)
            continue
          }
        }
        const plain = source.kind === 'none' ? undefined : (given ?? plainFor(plan, read))
        const rendered = render(plain, marks)
        if (rendered.kind === 'invalid')
          return finish(plan, { kind: 'template-invalid', name, faults: rendered.faults })
        if (source.kind !== 'none' && !plain) return finish(plan, { kind: 'pending', name })
        try {
          const written = await write(read, rendered.secret, marks)
          if (plan.step.kind === 'publish' && written) {
            memory.pending = undefined
            log.info({ secret: marks?.secretId }, 'secret published')
          }
          read = written ?? (await readState(true))
        } catch (error) {
          memory.read = undefined
          failure = asError(error)
        }
      }
      options.again(key, 1_000)
      return finish(undefined, { kind: 'pending', name })
    }

    /** The secret to write: the pending one when it is published now, else the one that is held. */
    const plainFor = (plan: RotationPlan, read: ReadSecret): Secret | undefined => {
      const id = plan.secret?.secretId
      if (memory.pending?.secret.id === id) return memory.pending?.plain
      return read.plain && identifySecret(read.plain).id === id ? read.plain : undefined
    }

    /** The spec breaks a rule: what was accepted serves on as it is, secrets included. */
    const frozen = async (): Promise<Result> => {
      const stored = shards.stored(key)?.entry
      putShard(stored ? verifiersOf(stored) : [])
      const read = await readState(false).catch(() => undefined)
      const state = read?.state.kind ?? 'unknown'
      return {
        plan: undefined,
        secret: { kind: state === 'owned' ? 'ready' : 'pending', name },
        again: undefined,
        failure: undefined,
      }
    }

    return { run }
  }

  // --- what people see

  const report = async (about: { key: string; client: OIDCClient; judgement: Judgement; result: Result; log: Log }) => {
    const { key, client, judgement, result } = about
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
    await removeRenamed(client, judgement, result)
  }

  /** After spec.secret.name has changed and the new Secret is there, the old one goes, if it is ours. */
  const removeRenamed = async (client: OIDCClient, judgement: Judgement, result: Result) => {
    const before = client.status?.secret?.name
    if (!before || before === secretNameOf(judgement.client) || result.secret.kind !== 'ready') return
    const old = await secrets.read(client.metadata.namespace, before)
    if (old && isOwned(old, client)) await secrets.remove(old)
  }

  return {
    reconcile,
    doubt: (keys) => {
      for (const key of keys) {
        const memory = memories.get(key)
        if (memory) memory.read = undefined
      }
    },
  }
}

/** Whether each replica has the entry and serves the client. */
function isServing(propagation: Propagation | undefined, hasAccepted: boolean): boolean {
  return propagation !== undefined && propagation.applied && (propagation.rejected.length === 0 || hasAccepted)
}

function standingOf(propagation: Propagation | undefined): 'accepted' | 'rejected' | 'unknown' {
  if (!propagation) return 'unknown'
  if (propagation.rejected.length > 0) return 'rejected'
  return propagation.accepted && propagation.total > 0 ? 'accepted' : 'unknown'
}

const secretless = new Set(['none', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'])

function needsSecret(judgement: Judgement, storedVerifiers: number): boolean {
  if (judgement.config) return !secretless.has(judgement.config.tokenEndpointAuthMethod)
  return storedVerifiers > 0
}

/** Whether the application's Secret is to be written in this turn: now, or when it is not what it should be. */
function wantedWrite(
  plan: RotationPlan,
  source: SecretSource,
  entry: Propagation | undefined,
): 'now' | 'if-changed' | 'no' {
  if (plan.step.kind === 'publish' || plan.step.kind === 'fence') return 'now'
  // Without a secret there is nothing to rotate: the endpoints are written once the client is live everywhere.
  if (source.kind === 'none') return entry?.applied === true ? 'if-changed' : 'no'
  return plan.secret === undefined ? 'no' : 'if-changed'
}

function settledSecret(source: SecretSource, state: ReadSecret['state'], name: string): Outcome['secret'] {
  if (state.kind !== 'owned') return { kind: 'pending', name }
  const lacksValue = source.kind !== 'none' && state.sha256 === undefined
  return { kind: lacksValue ? 'pending' : 'ready', name }
}

function againAfter(
  plan: RotationPlan | undefined,
  secret: Outcome['secret'],
  serve: Judgement['serve'],
  now: number,
  existing: boolean,
): number | undefined {
  const waits = [
    plan?.wakeAt === undefined ? undefined : plan.wakeAt - now,
    serve.kind === 'carry' && serve.until !== undefined ? serve.until - now : undefined,
    secret.kind === 'waiting-for-secret' || secret.kind === 'name-taken' ? lookAgainMs : undefined,
    existing ? 60_000 : undefined,
  ].filter((ms) => ms !== undefined)
  // Timers hold 24 days; a later look finds the rest.
  return waits.length === 0 ? undefined : Math.min(Math.max(1, Math.min(...waits)), 86_400_000)
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

const fingerprint = (secret: RenderedSecret): string =>
  createHash('sha256')
    .update(
      JSON.stringify([
        secret.name,
        secret.labels,
        secret.annotations,
        secret.ownerReferences,
        Object.entries(secret.data).map(([key, value]) => [key, value.reveal()]),
      ]),
    )
    .digest('hex')

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))

const unreadableMessage = (error: unknown): string =>
  isForbidden(error) ? 'the operator may not read or write this Secret; compare its RBAC' : describeError(error)

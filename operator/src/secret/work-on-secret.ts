import { createHash, randomBytes } from 'node:crypto'
import { describeError, Secret } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import type { Clock } from '../time/clock.ts'
import type { Outcome } from '../decide/conditions.ts'
import type { Propagation } from '../decide/propagation.ts'
import { planRotation } from '../decide/rotation.ts'
import type { Observed, PendingSecret, RotationPlan, SecretMarks, SecretSource } from '../decide/rotation-terms.ts'
import { identifySecret } from '../decide/secret-id.ts'
import { renderSecret, secretNameOf } from '../decide/secret.ts'
import type { RenderedSecret } from '../decide/secret.ts'
import type { FollowReplicas } from '../replicas/follow-replicas.ts'
import type { Judgement } from '../intake/judge.ts'
import { isForbidden } from '../kubernetes/api-error.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import type { Replicas } from '../replicas/replicas.ts'
import { rotationOf, statusOf } from './rotation-input.ts'
import type { Settings } from '../settings.ts'
import { verifiersOf } from '../shards/client-entry.ts'
import {
  formerNames,
  isReservedName,
  readClientSecret,
  readSecretObject,
  readSource,
  writeClientSecret,
} from './write-secret.ts'
import type { ReadSecret } from './write-secret.ts'
import type { Shards } from '../shards/shards.ts'

/** What is remembered of a client between two looks; nothing of it is needed after a crash. */
export interface Memory {
  readonly uid: string
  /** Of the client when it was last looked at. */
  generation: number
  /** Of the Secret as last read; never its data. */
  read:
    | { readonly state: ReadSecret['state']; readonly isFormer?: true; readonly fingerprint: string | undefined }
    | undefined
  /** Names at which its Secret was written, oldest first; a former one until it is gone from there. */
  readonly names: Set<string>
  /** The plain secret lives here from its minting to its publication. */
  pending: { readonly secret: PendingSecret; readonly plain: Secret } | undefined
}

/** A loop of this many turns has lost its way; the key comes back later. */
const turnLimit = 10
/** A Secret that somebody else must create or remove has no event: look again after so long. Milliseconds. */
const lookAgainMs = 15_000

/** How far it has come. */
export interface SecretResult {
  readonly plan: RotationPlan | undefined
  readonly secret: Outcome['secret']
  /** Milliseconds after which to look again. */
  readonly again: number | undefined
  /** What went wrong with the Secret; everything else went on. */
  readonly failure: Error | undefined
}

/** What is to be worked on, and what was decided about it. */
export interface SecretWork {
  readonly key: string
  readonly judgement: Judgement
  readonly memory: Memory
  readonly log: Log
}

/** Brings the secret of one client a step on: its verifiers into the shard, its value into the application's Secret. */
export function createWorkOnSecret(options: {
  settings: Pick<Settings, 'issuer' | 'release' | 'namespace' | 'quietPeriod'>
  secrets: SecretStore
  shards: Shards
  replicas: Pick<Replicas, 'list' | 'lastUsed'>
  follow: FollowReplicas
  clock: Clock
  /** Comes back to the key after so many milliseconds at the latest. */
  again: (key: string, milliseconds: number) => void
  onWrite?: (kind: 'secret') => void
}): (about: SecretWork) => Promise<SecretResult> {
  const { settings, secrets, shards, follow, clock } = options
  let scheduledAt = -Infinity

  const createWork = (about: SecretWork) => {
    const { key, judgement, memory, log } = about
    const { client, effective } = judgement
    const name = secretNameOf(client)
    const reserved = isReservedName(client.metadata.namespace, name, settings)

    /** What is known of the Secret, read now unless that was done before. */
    const readState = async (needsFresh: boolean): Promise<ReadSecret> => {
      if (reserved) return { state: { kind: 'foreign' }, object: undefined, plain: undefined }
      // one that somebody else must remove has no event either
      if (!needsFresh && memory.read && memory.read.state.kind !== 'foreign')
        return { ...memory.read, object: undefined, plain: undefined }
      const read = await readClientSecret(secrets, client, formerNames(client, memory.names, settings))
      memory.read = { state: read.state, ...(read.isFormer ? { isFormer: true } : {}), fingerprint: undefined }
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
        memory.names.delete(name)
        memory.names.add(name)
        log.info({ secret: marks?.secretId, name }, read.object ? 'secret written' : 'secret created')
      }
      const written = readSecretObject(outcome.secret, client)
      memory.read = { state: written.state, fingerprint: fingerprintOf(marks) }
      return written
    }

    const run = async (): Promise<SecretResult> => {
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
      const finish = (plan: RotationPlan | undefined, secret: Outcome['secret']): SecretResult => ({
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
        if (wantsWrite === 'no') return finish(plan, settledSecret(source, read, name))
        const marks = plan.secret
        const current = fingerprintOf(marks)
        const isCurrent = memory.read?.fingerprint !== undefined && memory.read.fingerprint === current
        if (wantsWrite === 'if-changed' && isCurrent && read.state.kind === 'owned') {
          return finish(plan, settledSecret(source, read, name))
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
    const frozen = async (): Promise<SecretResult> => {
      const stored = shards.stored(key)?.entry
      putShard(stored ? verifiersOf(stored) : [])
      const read = await readState(false).catch(() => undefined)
      const isThere = read?.state.kind === 'owned' && !read.isFormer
      return {
        plan: undefined,
        secret: { kind: isThere ? 'ready' : 'pending', name },
        again: undefined,
        failure: undefined,
      }
    }

    return { run }
  }

  return async (about) => await createWork(about).run()
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

function settledSecret(source: SecretSource, { state, isFormer }: ReadSecret, name: string): Outcome['secret'] {
  if (state.kind !== 'owned' || isFormer) return { kind: 'pending', name }
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

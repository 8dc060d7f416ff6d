import { asError } from '@nauthera/runtime/coded-error'
import { lastingUid } from '@nauthera/proto/shard-entry'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { describeError } from '@nauthera/runtime/log'
import { showsSecret } from '@nauthera/rules/client-authentication'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { SecretOutcome } from '../decide/secret/secret-outcome.ts'
import { withEnds } from '../decide/secret/known-verifiers.ts'
import { withoutPrevious } from '../decide/secret/previous-secrets.ts'
import { asksRevoke } from '../decide/secret/rotation-terms.ts'
import type { Revocation, RotationPlan } from '../decide/secret/rotation-terms.ts'
import { restoreFacts, restoreVerdict } from '../decide/secret/restored.ts'
import { listsSecrets, planRefusedList } from '../decide/secret/listed-secrets.ts'
import { secretNameOf } from '../decide/secret/secret.ts'
import type { OwnerProof } from '../decide/secret/owner-proof.ts'
import { configOf, versionOf } from '../decide/access/judgement.ts'
import type { Judgement } from '../decide/access/judgement.ts'
import type { EndingNamespaces } from '../intake/ending-namespaces.ts'
import type { RestoreFacts } from '../decide/secret/restored.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import type { SecretObject } from '../kubernetes/objects.ts'
import type { OperatorSettings } from '../settings.ts'
import { movedEntry } from './moved-entry.ts'
import { isOfClient, isSameVersion, verifiersOf } from '../shards/client-entry.ts'
import type { Clock } from '../time/clock.ts'
import type { KnownSecret, Look, SecretWork, SecretStep, SecretStepOutcome } from './look.ts'
import { createLeaveMirror } from './leave-mirror.ts'
import { createMint, clearPending } from './mint.ts'
import type { SecretOutlet } from './outlet.ts'
import { createPlanNext, statusOf } from './plan-next.ts'
import { createEntryWriter } from './put-entry.ts'
import { createReader } from './read.ts'
import type { EarlierSecret } from './read-secret.ts'
import { createRender } from './render.ts'
import { createLeaveEnding, createSettle, settleListed, stopWhereNotWritable } from './settle.ts'
import { leaveToHolder } from './shared-names.ts'
import { Spacing } from './spacing.ts'
import { createFence, createPublish, createRestore, createWriteSecret } from './write.ts'

/** The result of one look at a client's secret. */
export interface SecretResult {
  readonly plan: RotationPlan | undefined
  readonly secret: SecretOutcome
  /** Milliseconds after which to look again. */
  readonly again: number | undefined
  /** A failure with the Secret, which stopped nothing else. */
  readonly failure: Error | undefined
}

/** The most plans in one look; then the key is queued again. */
const planLimit = 10
const afterLimitMs = 1_000

export interface WorkNeeds extends SecretOutlet {
  readonly settings: Pick<OperatorSettings, 'issuer' | 'release' | 'namespace' | 'quietPeriod'>
  readonly secrets: SecretStore
  readonly proof: OwnerProof
  readonly endings: Pick<EndingNamespaces, 'has' | 'refused'>
  /** When a namespace was created, epoch milliseconds; undefined when unknown. */
  readonly namespaceBornAt: (namespace: string) => number | undefined
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  /** Looks at the key again after this many milliseconds at the latest. */
  readonly again: (key: string, milliseconds: number) => void
  readonly onWrite?: (kind: 'secret') => void
}

/** The order of one look. The shard gets the verifiers before the Secret is written, and each write follows a read. After a change the
 *  plan is made again. */
function stepsOfLook(
  needs: WorkNeeds & {
    spacing: Spacing
    render: ReturnType<typeof createRender>
    reader: ReturnType<typeof createReader>
    entries: ReturnType<typeof createEntryWriter>
  },
): readonly SecretStep[] {
  const { spacing, render, reader, entries } = needs
  const write = createWriteSecret({ ...needs, reader, render })
  return [
    createLeaveEnding(needs),
    createLeaveMirror(entries),
    createMint({ spacing }),
    entries.announce,
    settleListed,
    stopWhereNotWritable,
    leaveToHolder,
    clearPending,
    createSettle({ ...needs, render }),
    reader.again,
    createFence(write),
    createPublish(write),
    createRestore(write),
  ]
}

/** Takes the steps of one client's secret: sets its verifiers in the shard, then writes its value into the application's Secret. */
export function createWorkOnSecret(needs: WorkNeeds): (work: SecretWork) => Promise<SecretResult> {
  const { settings, shards, clock } = needs
  const spacing = new Spacing(needs)
  const render = createRender(settings.issuer, needs.proof)
  const reader = createReader({
    ...needs,
    home: settings,
    verdictOn: (work, earlier, object) => restoreVerdict(factsOf(needs, work, earlier, object)),
  })
  const entries = createEntryWriter(needs)
  const planNext = createPlanNext({ ...needs, spacing, quietPeriodMs: settings.quietPeriod })
  const steps = stepsOfLook({ ...needs, spacing, render, reader, entries })

  /** Takes the steps until one ends the look. */
  const goOn = async (begun: KnownSecret): Promise<Pick<SecretResult, 'plan' | 'secret' | 'failure'>> => {
    let known = begun
    for (let plans = 0; plans < planLimit; plans++) {
      const look: Look = { ...known, plan: planNext(known) }
      rememberLoss(look, clock.now())
      const outcome = await firstAnswer(steps, look)
      if (outcome.kind === 'ended') return { plan: look.plan, secret: outcome.secret, failure: look.failure }
      known = outcome.known
    }
    needs.again(begun.key, afterLimitMs)
    const secret = { kind: 'pending', name: secretNameOf(begun.judgement.client) } as const
    return { plan: undefined, secret, failure: known.failure }
  }

  const { freeze, giveUp } = createWaysOut({ shards, entries, reader, clock })

  return async (work) => {
    const { key, judgement, memory } = work
    const own = shards.stored(key)?.entry
    if (own?.uid === memory.uid && own.restoredFrom !== '') memory.restoredFrom ??= own.restoredFrom
    const earlier = movedEntry(judgement.client, shards)
    if (earlier) memory.restoredFrom ??= lastingUid(earlier)
    // A refused client leaves its shard at once, even when its Secret cannot be read.
    if (judgement.serve.kind === 'nothing') shards.remove(key)
    if (judgement.acceptance.kind !== 'accepted') {
      const frozen = await freeze(work)
      return { ...frozen, again: againAfter(frozen, judgement, clock.now()) }
    }
    try {
      const stored = shards.stored(key)?.entry
      const isTaken = isServed(judgement, stored) && needs.follow.config(key)?.accepted === true
      const done = await goOn(await reader.readForLook(work, { needsSecret: needsSecret(judgement, stored), isTaken }))
      return { ...done, again: againAfter(done, judgement, clock.now()) }
    } catch (error) {
      return giveUp(work, asError(error))
    }
  }
}

function factsOf(
  { shards, namespaceBornAt, clock }: WorkNeeds,
  { key, judgement: { client }, memory }: SecretWork,
  { former, held }: EarlierSecret,
  object: SecretObject | undefined,
): RestoreFacts {
  const { uids, secretUid } = memory.before
  return restoreFacts(client, {
    former,
    held,
    entry: shards.stored(key)?.entry,
    isLeaving: shards.isLeaving(key),
    endedIds: shards.endedIds?.(key) ?? [],
    endedUids: uids,
    isLeftover: secretUid !== undefined && object?.metadata.uid === secretUid,
    restoredFrom: memory.restoredFrom,
    hasWritten: memory.names.size > 0,
    namespaceBornAt: namespaceBornAt(client.metadata.namespace),
    shardBornAt: shards.bornAt(key),
    now: clock.now(),
  })
}

/** The looks that take no steps. */
function createWaysOut({
  shards,
  entries,
  reader,
  clock,
}: {
  shards: Pick<SecretOutlet['shards'], 'stored'>
  entries: ReturnType<typeof createEntryWriter>
  reader: ReturnType<typeof createReader>
  clock: Pick<Clock, 'now'>
}) {
  /** The spec is invalid, or another client holds its name: the accepted version stays, with its secrets. Only revoked secrets end. */
  const freeze = async (work: SecretWork): Promise<SecretResult> => {
    // the Secret shows whether the client was restored and keeps an earlier entry
    const { read, failure } = await reader.readForLook(work, { needsSecret: false, isTaken: false })
    const stored = shards.stored(work.key)?.entry
    const isOfNow = stored !== undefined && isOfClient(stored, work.memory)
    const isUnknown = failure !== undefined && stored !== undefined && !isOfNow
    const verifiers = isOfNow ? verifiersOf(stored) : []
    const published = read.state.kind === 'owned' ? read.state.sha256 : undefined
    const { client } = work.judgement
    const about = { secret: read.state, status: statusOf(client), now: clock.now() }
    const kept = isRevoked(client, about) ? withoutPrevious(verifiers, published) : withEnds(verifiers, about)
    const result = { again: undefined, failure: isUnknown ? failure : undefined }
    if (listsSecrets(client)) {
      const plan = planRefusedList(client, { ...about, verifiers, kept })
      if (!isUnknown) entries.setEntry(work, plan.verifiers, 'known')
      return { ...result, plan, secret: { kind: 'listed', name: undefined } }
    }
    if (!isUnknown) entries.setEntry(work, kept, 'known')
    const isAccepted = published === undefined ? kept.length === 0 : kept.some(({ sha256 }) => sha256 === published)
    const isThere = read.state.kind === 'owned' && !read.isFormer && !read.wasOfEarlier && isAccepted
    return { ...result, plan: undefined, secret: { kind: isThere ? 'ready' : 'pending', name: secretNameOf(client) } }
  }

  /** Our rules throw for this client. Its shard must not wait for it: other clients are in there. */
  const giveUp = (work: SecretWork, failure: Error): SecretResult => {
    const stored = shards.stored(work.key)?.entry
    const verifiers = stored && isOfClient(stored, work.memory) ? verifiersOf(stored) : []
    entries.setEntry(work, verifiers, 'presumed')
    const name = secretNameOf(work.judgement.client)
    const secret = {
      kind: 'unreadable',
      name,
      message: `the operator failed on it: ${describeError(failure)}`,
    } as const
    return { plan: undefined, secret, again: undefined, failure }
  }

  return { freeze, giveUp }
}

/** @param client may be invalid */
function isRevoked(client: OIDCClient, about: Pick<Revocation, 'secret' | 'status'>): boolean {
  const { revokePrevious }: { readonly revokePrevious?: unknown } = client.spec?.rotation ?? {}
  const rotation = typeof revokePrevious === 'string' ? { revokePrevious } : {}
  return asksRevoke({ ...about, rotation })
}

/** Records since when a Secret is lost while three secrets are live. */
function rememberLoss({ memory, plan, log }: Look, now: number): void {
  if (plan.isLost && memory.lostSince === undefined) log.warn({ live: plan.verifiers.length }, 'secret lost')
  memory.lostSince = plan.isLost ? (memory.lostSince ?? now) : undefined
}

async function firstAnswer(
  steps: readonly SecretStep[],
  look: Look,
): Promise<Exclude<SecretStepOutcome, { kind: 'passed' }>> {
  for (const step of steps) {
    const outcome = await step(look)
    if (outcome.kind !== 'passed') return outcome
  }
  throw new Error('the last step did not end the look')
}

/** Whether the stored entry is this version of this object. */
function isServed(judgement: Judgement, stored: ShardEntry | undefined): boolean {
  const version = versionOf(judgement)
  return (
    version !== undefined && stored?.uid === judgement.client.metadata.uid && isSameVersion(stored.desired, version)
  )
}

function needsSecret(judgement: Judgement, stored: ShardEntry | undefined): boolean {
  const config = configOf(judgement)
  if (config) return showsSecret(config.tokenEndpointAuthMethod)
  return (stored?.verifiers.length ?? 0) > 0
}

/** While people have to create or remove a Secret: look again after this long. Milliseconds. */
const lookAgainMs = 15_000
/** Node timers hold at most 24 days. The next look waits for the rest. */
const longestWaitMs = 86_400_000

function againAfter(
  { plan, secret }: Pick<SecretResult, 'plan' | 'secret'>,
  { serve }: Judgement,
  now: number,
): number | undefined {
  const waits = [
    plan?.wakeAt === undefined ? undefined : plan.wakeAt - now,
    serve.kind === 'carry' && serve.until !== undefined ? serve.until - now : undefined,
    secret.kind === 'waiting-for-secret' || secret.kind === 'name-taken' ? lookAgainMs : undefined,
  ].filter((ms) => ms !== undefined)
  return waits.length === 0 ? undefined : Math.min(Math.max(1, Math.min(...waits)), longestWaitMs)
}

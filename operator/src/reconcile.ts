// One client through the rooms: judged, its secret, its status.
import type { Log } from '@nauthera/runtime/log'
import type { OIDCClient } from './api/oidc-client.ts'
import type { OIDCPolicySpec } from './api/oidc-policy.ts'
import { keyOf } from './decide/client/client-names.ts'
import { hasFault } from './decide/status/code-protection.ts'
import type { Granted } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { callerOf, documentGrants, grantedOf, presentOnly, resolveAccess } from './decide/access/resolve-access.ts'
import type { ApiAccess } from './decide/access/resolve-access.ts'
import type { Judgement } from './decide/access/judgement.ts'
import { configOf } from './decide/access/judgement.ts'
import type { Outcome } from './decide/status/outcome.ts'
import type { OwnerProof } from './decide/secret/owner-proof.ts'
import { goingAgainMs } from './decide/secret/rotation-plan.ts'
import { ApiBook } from './intake/api-book.ts'
import { createHasPlace, createJudge } from './intake/judge.ts'
import { EndingNamespaces } from './intake/ending-namespaces.ts'
import { Waits } from './intake/waits.ts'
import { resolveRedirects, urisOf, withRedirects } from './intake/resolve-redirects.ts'
import type { ResolvedRedirects } from './intake/resolve-redirects.ts'
import type { Watch } from './intake/watch.ts'
import type { SecretStore } from './kubernetes/conditional-write.ts'
import type { FollowReplicas } from './replicas/follow-replicas.ts'
import type { Issuers } from './replicas/issuers.ts'
import type { Replicas } from './replicas/replicas.ts'
import { createLookAtSecret } from './secret/look-at-secret.ts'
import type { Memories } from './secret/memories.ts'
import type { OperatorSettings } from './settings.ts'
import type { Shards } from './shards/shards.ts'
import { isAwaitingPods } from './status/listed-report.ts'
import { isSettled } from './status/in-progress.ts'
import { writeOutcome } from './status/look-outcome.ts'
import { joinedClusterOf, neededOf, outcomeByReplicas } from './status/outcome-by-replicas.ts'
import type { ChangeTraces } from './status/change-traces.ts'
import type { Refusals } from './status/refusals.ts'
import { refusalsEndIn } from './decide/status/refusals.ts'
import type { PolicyTally } from './status/policy-tally.ts'
import type { WriteStatus } from './status/write-status.ts'
import type { Clock } from './time/clock.ts'

export interface Reconciler {
  /** Brings one client a step on: read, decide, write, report. What it cannot finish now it asks to come again for.
   *  @throws ApiError when a call to the API failed: try again */
  reconcile(key: string): Promise<void>
  /** @returns those that wait for a name of one of these clients: what is stored of these has changed */
  waitingFor(keys: readonly string[]): readonly string[]
  /** The memory of Secrets. */
  readonly memories: Pick<Memories, 'clearRead' | 'versionsOf' | 'countEndingSince'>
  /** Wakes nobody any more. */
  stop(): void
}

interface Needs {
  readonly settings: Pick<OperatorSettings, 'issuer' | 'release' | 'namespace' | 'quietPeriod'>
  readonly baseline: OIDCPolicySpec
  readonly watch: Pick<
    Watch,
    | 'clients'
    | 'policies'
    | 'findCluster'
    | 'routes'
    | 'namespaceLabels'
    | 'readsNamespaces'
    | 'namespaceBornAt'
    | 'namespaceEnds'
  >
  readonly secrets: SecretStore
  readonly proof: OwnerProof
  readonly shards: Shards
  /** undefined while traces are off */
  readonly traces?: Pick<ChangeTraces, 'start' | 'end' | 'remove'> | undefined
  readonly replicas: Pick<
    Replicas,
    'list' | 'goingUntil' | 'lastUsed' | 'usesKnownSince' | 'lastIdentity' | 'lastSector' | 'lastCodes' | 'remove'
  >
  readonly follow: FollowReplicas
  readonly issuers: Pick<Issuers, 'fault' | 'clusterFault' | 'holdsCluster'>
  readonly status: WriteStatus
  /** undefined when statuses say nothing of refused requests */
  readonly refusals: Pick<Refusals, 'published' | 'remove'> | undefined
  readonly tally: Pick<PolicyTally, 'record' | 'remove'>
  readonly clock: Clock
  readonly log: Log
  /** Looks at the key again after this many milliseconds at the latest. */
  readonly again: (key: string, milliseconds: number) => void
  /** Earlier failures of this key were of another object. */
  readonly forgive: (key: string) => void
  /** Looks at these now. */
  readonly wake: (keys: readonly string[]) => void
  readonly onWrite?: (kind: 'secret') => void
}

/** How often the last uses of a client go into its status. Milliseconds. */
const lastUsesAgainMs = 600_000

export function createReconciler(needs: Needs): Reconciler {
  const { watch, shards, follow, status, again } = needs
  const endings = new EndingNamespaces({ watched: watch.namespaceEnds, clock: needs.clock })
  const latest = status.withLatest
  const judge = createJudge({ ...needs, endings, latest })
  const { look, memories } = createLookAtSecret({
    ...needs,
    endings,
    namespaceBornAt: watch.namespaceBornAt,
    sharing: watch.clients.sharing,
    wouldReportUnfinished: status.wouldReportUnfinished,
  })
  const judgeApi = (client: OIDCClient) =>
    judge(client, (error) => needs.log.warn({ client: keyOf(client), error }, 'client cannot be read')).declared
  const apis = new ApiBook({ clients: watch.clients, shards, judge: judgeApi, wake: needs.wake, clock: needs.clock })

  const waits = new Waits({ watch, endings, hasPlace: createHasPlace({ ...needs, latest }), wake: needs.wake })

  /** One look: judge the client, work on its secret, write its status. */
  const lookAt = async (key: string, found: OIDCClient) => {
    const log = needs.log.child({ client: key })
    const client = status.withLatest(found)
    const judged = judge(client, (error) => log.warn({ error }, 'client cannot be read'))
    const redirects = resolveRedirects(client, judged, { routes: watch.routes, now: needs.clock.now() })
    const judgement = withRedirects(judged, redirects)
    needs.tally.record(key, judgement)
    waits.record(judgement)
    // when its shard is lost, its name becomes free without a stored change
    if (judgement.serve.kind === 'nothing' && shards.stored(key) === undefined) needs.wake(waits.forNamesOf([key]))
    apis.record(client, judgement.declared)
    const { granted, access } = accessOf({ ...needs, apis }, key, judgement, redirects)
    const secret = await look({ key, judgement, granted, isUnheardOf: shards.isUnheardOf(key), log })
    const outcome = outcomeByReplicas(needs, { key, judgement, granted, access, redirects, secret: secret.outcome })
    follow.record(key, isSettled(outcome), neededOf(outcome))
    // a version that is live everywhere stays so while a secret of before ends
    if (outcome.ending.length > 0) follow.start(key)
    follow.recordPlatform(key, outcome.platform && (joinedClusterOf(judgement) === undefined ? 'other' : 'joined'))
    const soon = await writeOutcome(status, outcome, () => [...secret.waits, ...waitsOf(needs, client, outcome)])
    waits.recordPlace(key)
    needs.traces?.end(key, isSettled(outcome))
    if (soon !== undefined) again(key, soon)
    if (secret.failure !== undefined) throw secret.failure
  }

  /** The client was removed: drops everything known under its name. */
  const forget = (key: string) => {
    waits.remove(key)
    needs.forgive(key)
    const { traces, tally, replicas, refusals } = needs
    const holders = [memories, apis, watch.routes, follow, traces, status, tally, replicas, refusals, shards]
    for (const holder of holders) holder?.remove(key)
  }

  return {
    reconcile: async (key) => {
      const found = watch.clients.find(key)
      // the client may have been deleted and created again during the look
      if (memories.isGone(key, found)) forget(key)
      if (!found) return
      follow.start(key)
      needs.traces?.start(key, needs.clock.now())
      await lookAt(key, found)
    },
    waitingFor: (keys) => waits.forNamesOf(keys),
    memories,
    stop: () => apis.stop(),
  }
}

/** After how many milliseconds the status may have to say something else, without an event that would say so. */
function waitsOf(
  { status, replicas, clock }: Pick<Needs, 'status' | 'replicas' | 'clock'>,
  client: OIDCClient,
  outcome: Outcome,
): readonly (number | undefined)[] {
  // the last identity and a fixed program may reach the status later
  const isFaulty = hasFault(client, outcome.codes, configOf(outcome.judgement)?.scopes ?? [])
  return [
    outcome.platform === undefined && !isFaulty ? undefined : lastUsesAgainMs,
    refusalsEndIn(status.withLatest(client).status?.refusals, clock.now()),
    isAwaitingPods(outcome, replicas.goingUntil()) ? goingAgainMs : undefined,
  ]
}

/** @returns the access for servers, which covers all versions that they may serve, and the access of the present version by audience */
function accessOf(
  { watch, shards, apis }: Pick<Needs, 'watch' | 'shards'> & { readonly apis: ApiBook },
  key: string,
  judgement: Judgement,
  redirects: ResolvedRedirects,
): { readonly granted: Granted; readonly access: readonly ApiAccess[] } {
  const labels = watch.namespaceLabels(judgement.client.metadata.namespace)
  const caller = callerOf(judgement, shards.stored(key)?.entry, labels)
  const uris = urisOf(redirects)
  if (!caller) return { granted: grantedOf([], [], uris), access: [] }
  const documents = documentGrants(judgement.declared, caller.policies)
  const config = configOf(judgement)
  return {
    granted: grantedTo(apis.resolve(key, caller), documents, uris),
    access: config ? resolveAccess(presentOnly(caller, config), apis.declaring) : [],
  }
}

/** Cached by the list of access, which many clients share. */
const grantedBy = new WeakMap<readonly ApiAccess[], Granted>()

function grantedTo(
  access: readonly ApiAccess[],
  documents: ReturnType<typeof documentGrants>,
  uris: readonly string[],
): Granted {
  if (documents.length + uris.length > 0) return grantedOf(access, documents, uris)
  const known = grantedBy.get(access)
  if (known) return known
  const granted = grantedOf(access)
  grantedBy.set(access, granted)
  return granted
}

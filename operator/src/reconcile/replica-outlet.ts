// The outlet of a cluster whose replicas serve the client: judged by the policies here, stored in a shard, loaded by each replica.
import type { Granted } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Log } from '@nauthera/runtime/log'
import type { OIDCClient } from '../api/oidc-client.ts'
import { configOf } from '../decide/access/judgement.ts'
import type { Judgement } from '../decide/access/judgement.ts'
import { callerOf, documentGrants, grantedOf, presentOnly, resolveAccess } from '../decide/access/resolve-access.ts'
import type { ApiAccess } from '../decide/access/resolve-access.ts'
import { keyOf } from '../decide/client/client-names.ts'
import { goingAgainMs } from '../decide/secret/rotation-plan.ts'
import { hasFault } from '../decide/status/code-protection.ts'
import type { Outcome } from '../decide/status/outcome.ts'
import { refusalsEndIn } from '../decide/status/refusals.ts'
import { ApiBook } from '../intake/api-book.ts'
import { createHasPlace, createJudge } from '../intake/judge.ts'
import { urisOf } from '../intake/resolve-redirects.ts'
import type { ResolvedRedirects } from '../intake/resolve-redirects.ts'
import { Waits } from '../intake/waits.ts'
import type { Watch } from '../intake/watch.ts'
import type { FollowReplicas } from '../replicas/follow-replicas.ts'
import type { Replicas } from '../replicas/replicas.ts'
import type { Shards } from '../shards/shards.ts'
import type { ChangeTraces } from '../status/change-traces.ts'
import { isSettled } from '../status/in-progress.ts'
import { isAwaitingPods } from '../status/listed-report.ts'
import { joinedClusterOf, neededOf, outcomeByReplicas } from '../status/outcome-by-replicas.ts'
import type { PolicyTally } from '../status/policy-tally.ts'
import type { Refusals } from '../status/refusals.ts'
import type { WriteStatus } from '../status/write-status.ts'
import type { Clock } from '../time/clock.ts'
import type { ClientOutlet } from './outlet.ts'

type SeenNeeds = Parameters<typeof outcomeByReplicas>[0]
type JudgeNeeds = Parameters<typeof createJudge>[0]

interface Needs extends Pick<SeenNeeds, 'settings' | 'issuers'>, Pick<JudgeNeeds, 'baseline'> {
  readonly watch: JudgeNeeds['watch'] & Pick<Watch, 'endings'>
  readonly shards: Shards
  readonly replicas: SeenNeeds['replicas'] & Pick<Replicas, 'remove'>
  readonly follow: FollowReplicas
  /** undefined while traces are off */
  readonly traces?: Pick<ChangeTraces, 'start' | 'end' | 'remove'> | undefined
  /** undefined when statuses say nothing of refused requests */
  readonly refusals: Pick<Refusals, 'published' | 'remove'> | undefined
  readonly status: Pick<WriteStatus, 'withLatest'>
  readonly tally: Pick<PolicyTally, 'record' | 'remove'>
  readonly clock: Clock
  readonly log: Log
  /** Looks at these now. */
  readonly wake: (keys: readonly string[]) => void
}

export interface ReplicaOutlet extends ClientOutlet {
  /** @returns those that wait for a name of one of these clients: what is stored of these has changed */
  waitingFor(keys: readonly string[]): readonly string[]
  /** Wakes nobody any more. */
  stop(): void
}

export function createReplicaOutlet(needs: Needs): ReplicaOutlet {
  const { watch, shards, replicas, follow, traces, tally, refusals, clock, wake } = needs
  const { endings } = watch
  const latest = needs.status.withLatest
  const poisoned = (log: Log) => (error: unknown) => log.warn({ error }, 'client cannot be read')
  const judge = createJudge({ ...needs, endings, latest })
  const judgeApi = (client: OIDCClient) => judge(client, poisoned(needs.log.child({ client: keyOf(client) }))).declared
  const apis = new ApiBook({ clients: watch.clients, shards, judge: judgeApi, wake, clock })
  const waits = new Waits({ watch, endings, wake, hasPlace: createHasPlace({ ...needs, latest }) })

  return {
    secret: { shards, replicas, follow },
    judge: (key, client, log) => {
      follow.start(key)
      traces?.start(key, clock.now())
      return { kind: 'judged', judgement: judge(client, poisoned(log)) }
    },
    grant: (key, judgement, redirects) => {
      tally.record(key, judgement)
      waits.record(judgement)
      // when its shard is lost, its name becomes free without a stored change
      if (judgement.serve.kind === 'nothing' && shards.stored(key) === undefined) wake(waits.forNamesOf([key]))
      apis.record(judgement.client, judgement.declared)
      return accessOf({ ...needs, apis }, key, judgement, redirects)
    },
    observe: (findings) => {
      const { key, judgement } = findings
      const outcome = outcomeByReplicas(needs, findings)
      follow.record(key, isSettled(outcome), neededOf(outcome))
      // a version that is live everywhere stays so while a secret of before ends
      if (outcome.ending.length > 0) follow.start(key)
      follow.recordPlatform(key, outcome.platform && (joinedClusterOf(judgement) === undefined ? 'other' : 'joined'))
      return outcome
    },
    written: (key, outcome) => {
      waits.recordPlace(key)
      traces?.end(key, isSettled(outcome))
      return waitsOf(needs, outcome)
    },
    remove: (key) => {
      for (const holder of [waits, apis, follow, traces, tally, replicas, refusals, shards]) holder?.remove(key)
    },
    waitingFor: (keys) => waits.forNamesOf(keys),
    stop: () => apis.stop(),
  }
}

/** How often the last uses of a client go into its status. Milliseconds. */
const lastUsesAgainMs = 600_000

/** After how many milliseconds the status may have to say something else, without an event that would say so. */
function waitsOf(
  { status, replicas, clock }: Pick<Needs, 'status' | 'replicas' | 'clock'>,
  outcome: Outcome,
): readonly (number | undefined)[] {
  const { client } = outcome.judgement
  // the last identity and a fixed program may reach the status later
  const isFaulty = hasFault(client, outcome.codes, configOf(outcome.judgement)?.scopes ?? [])
  return [
    outcome.platform === undefined && !isFaulty ? undefined : lastUsesAgainMs,
    refusalsEndIn(status.withLatest(client).status?.refusals, clock.now()),
    isAwaitingPods(outcome, replicas.goingUntil()) ? goingAgainMs : undefined,
  ]
}

function accessOf(
  { watch, shards, apis }: Pick<Needs, 'watch' | 'shards'> & { readonly apis: ApiBook },
  key: string,
  judgement: Judgement,
  redirects: ResolvedRedirects,
): ReturnType<ClientOutlet['grant']> {
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

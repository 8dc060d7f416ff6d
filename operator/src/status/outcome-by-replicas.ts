// The outcome of a look where replicas serve the client: what is stored for them, and what they said of it.
import { shortDigest } from '@nauthera/proto/digest'
import { grantsTheSame, restrainsTheSame } from '@nauthera/proto/shard-entry'
import { federatedMethod } from '@nauthera/rules/client-authentication'
import { configOf, versionOf } from '../decide/access/judgement.ts'
import type { Judgement } from '../decide/access/judgement.ts'
import { restraintOf } from '../decide/client/restraint.ts'
import { activityOf } from '../decide/status/activity.ts'
import type { Activity, Outcome } from '../decide/status/outcome.ts'
import { knowsOwnCluster, platformStanding } from '../decide/status/platform-keys.ts'
import { defaultsOf } from '../decide/status/server-defaults.ts'
import type { FollowReplicas } from '../replicas/follow-replicas.ts'
import type { Issuers } from '../replicas/issuers.ts'
import type { Replicas } from '../replicas/replicas.ts'
import { isSameVersion } from '../shards/client-entry.ts'
import type { Shards } from '../shards/shards.ts'
import type { Clock } from '../time/clock.ts'
import { listedReport } from './listed-report.ts'
import { buildOutcome } from './look-outcome.ts'
import type { LookFindings } from './look-outcome.ts'
import type { Refusals } from './refusals.ts'

interface Needs {
  readonly settings: Parameters<typeof buildOutcome>[0]['settings']
  readonly shards: Pick<Shards, 'stored' | 'isBeingWritten' | 'manifestDigest' | 'noRoom'>
  readonly replicas: Pick<
    Replicas,
    'list' | 'goingUntil' | 'lastUsed' | 'usesKnownSince' | 'lastIdentity' | 'lastSector' | 'lastCodes'
  >
  readonly follow: Pick<FollowReplicas, 'config' | 'served' | 'behind' | 'accepts'>
  readonly issuers: Pick<Issuers, 'fault' | 'clusterFault' | 'holdsCluster'>
  /** undefined when statuses say nothing of refused requests */
  readonly refusals: Pick<Refusals, 'published'> | undefined
  readonly clock: Clock
}

/** The outcome of the look: the findings, and the state of shards and replicas. */
export function outcomeByReplicas(needs: Needs, findings: LookFindings): Outcome {
  const { shards, follow, replicas } = needs
  const { key, judgement, secret } = findings
  const digest = shards.manifestDigest()
  // an edit that was taken back in time is stored, and what it took back is written over it
  const isKept = isStored(findings, shards.stored(key)?.entry) && !shards.isBeingWritten(key)
  const propagation = isKept ? follow.config(key, neededOf(secret)) : undefined
  return buildOutcome(needs, findings, {
    listed: listedReport(needs, { key, client: judgement.client, plan: secret.rotation }),
    propagation,
    served: propagation ?? servedOf(needs, findings),
    activity: activityIn(needs, findings),
    defaults: defaultsOf(replicas.list()),
    platform: platformOf(needs, judgement),
    identity: replicas.lastIdentity(key),
    sector: replicas.lastSector(key),
    codes: replicas.lastCodes(key),
    refusals: needs.refusals?.published(key),
    noRoom: shards.noRoom(key),
    revision: digest === '' ? undefined : shortDigest(digest),
  })
}

function platformOf({ replicas, issuers }: Pick<Needs, 'replicas' | 'issuers'>, judgement: Judgement) {
  const config = configOf(judgement)
  if (config?.tokenEndpointAuthMethod !== federatedMethod) return undefined
  const cluster = joinedClusterOf(judgement)
  if (cluster !== undefined)
    return platformStanding(replicas.list(), {
      isKnown: (platform) => issuers.holdsCluster(platform?.digest ?? '', cluster),
      fault: issuers.clusterFault(cluster),
    })
  const needsOwn = config.identities.some(({ serviceAccount }) => serviceAccount !== undefined)
  return platformStanding(replicas.list(), {
    isKnown: (platform) => !needsOwn || knowsOwnCluster(platform),
    fault: issuers.fault,
  })
}

/** The joined cluster whose ServiceAccounts prove the client. */
export const joinedClusterOf = (judgement: Judgement): string | undefined =>
  configOf(judgement)?.identities.find(({ clusterServiceAccount }) => clusterServiceAccount)?.clusterServiceAccount
    ?.cluster

/** How many replicas serve a client whose present version must not be served. */
const servedOf = ({ follow }: Pick<Needs, 'follow'>, { key, judgement }: LookFindings): Outcome['served'] =>
  judgement.serve.kind === 'desired' ? undefined : follow.served(key)

function activityIn(
  { shards, follow, replicas }: Pick<Needs, 'shards' | 'follow' | 'replicas'>,
  findings: LookFindings,
): Activity {
  const { key, judgement } = findings
  const { rejected = [], loaded = 0 } = follow.config(key) ?? {}
  return activityOf({
    judgement,
    entry: shards.stored(key)?.entry,
    isRejected: rejected.length > 0,
    isLoaded: loaded > 0,
    all: replicas.list().map(({ replica }) => replica),
    behind: follow.behind(key),
  })
}

type StoredEntry = NonNullable<ReturnType<Shards['stored']>>['entry']

/** Ids of the secrets that replicas must take before the client is Ready. */
export const neededOf = ({ rotation }: Pick<Outcome, 'rotation'>): readonly string[] => rotation?.needed ?? []

/** Whether the stored version is the present one, in all that a server reads. */
function isStored({ judgement, granted, secret }: LookFindings, entry: StoredEntry | undefined): boolean {
  const version = versionOf(judgement)
  const hasSecret = (id: string): boolean => entry?.verifiers.some((one) => one.id === id) === true
  return (
    neededOf(secret).every(hasSecret) &&
    entry?.uid === judgement.client.metadata.uid &&
    version !== undefined &&
    isSameVersion(entry.desired, version) &&
    grantsTheSame(entry.granted, granted) &&
    restrainsTheSame(entry.restraint, restraintOf(judgement.client.spec))
  )
}

// Judges a client with what the watch knows of its rivals and policies. The running operator judges only here.
import { tenantOf, tenantText } from '@nauthera/rules/tenants'
import { describeError } from '@nauthera/runtime/log'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { OIDCPolicySpec } from '../api/oidc-policy.ts'
import { acceptClient, rightfulNames } from '../decide/client/accept-clients.ts'
import { keyOf, oldestFirst } from '../decide/client/client-names.ts'
import type { Acceptance } from '../decide/client/acceptance.ts'
import { judgeClient, refuseClient } from '../decide/access/judge.ts'
import { standingOf } from '../decide/status/propagation.ts'
import type { Propagation } from '../decide/status/propagation.ts'
import type { FullLimit, Judgement } from '../decide/access/judgement.ts'
import { servedViolations } from '../decide/status/served-policies.ts'
import type { Policies } from '../decide/client/policies.ts'
import type { Clock } from '../time/clock.ts'
import { lastAccepted, isSameVersion } from '../shards/client-entry.ts'
import type { Shards } from '../shards/shards.ts'
import type { EndingNamespaces } from './ending-namespaces.ts'
import { createPoliciesOf } from './policies-of.ts'
import type { PoliciesOf } from './policies-of.ts'
import type { Watch } from './watch.ts'

interface Needs {
  readonly watch: Pick<Watch, 'clients' | 'policies' | 'namespaceLabels' | 'readsNamespaces' | 'findCluster'>
  /** The policy of the settings, which holds for every client. */
  readonly baseline: OIDCPolicySpec
  readonly shards: Pick<Shards, 'stored' | 'holders' | 'isLeaving' | 'isUnheardOf' | 'noRoom'>
  /** The propagation of a client's stored version. */
  readonly follow: { config(key: string): Propagation | undefined }
  readonly endings: Pick<EndingNamespaces, 'has'>
  readonly clock: Pick<Clock, 'now'>
  /** The client with the status that was written last; default: as the watch has it. */
  readonly latest?: (client: OIDCClient) => OIDCClient
}

/** @returns a function that judges a client. It never throws: an object that makes the rules throw is refused, and `onPoison` is called */
export function createJudge(needs: Needs): (client: OIDCClient, onPoison: (error: unknown) => void) => Judgement {
  const policiesOf = createPoliciesOf(needs)
  const accept = createAccept(needs, policiesOf)
  const hasPlace = createHasPlace(needs)
  return (client, onPoison) => {
    try {
      return judge(client, needs, { policiesOf, accept, hasPlace })
    } catch (error) {
      onPoison(error)
      return refuseClient(client, describeError(error))
    }
  }
}

function judge(
  client: OIDCClient,
  needs: Needs,
  by: {
    readonly policiesOf: PoliciesOf
    readonly accept: ReturnType<typeof createAccept>
    readonly hasPlace: ReturnType<typeof createHasPlace>
  },
): Judgement {
  const { watch, shards, clock } = needs
  const key = keyOf(client)
  const policies = by.policiesOf(client, watch.policies())
  // it was deleted while it was looked at
  if (!watch.clients.find(key)) throw new Error(`${key} is gone`)
  const acceptance = by.accept(client)
  const entry = shards.stored(key)?.entry
  const own = entry?.uid === client.metadata.uid ? entry : undefined
  const kept = entry !== undefined && shards.isLeaving(key) ? undefined : entry
  const standing = standingOf(needs.follow.config(key))
  const cluster = clusterOfClient(watch, client)
  const fullLimits: FullLimit[] = []
  const note = (group: string, limit: number, isFull: boolean): boolean => {
    if (isFull) fullLimits.push({ group, limit })
    return isFull
  }
  const isNew = !isServed(client, kept)
  const judgement = judgeClient(client, {
    acceptance,
    policies,
    // a client that goes with its namespace frees no place
    isFull: (limit) => {
      const isFull =
        needs.endings.has(client.metadata.namespace) || watch.clients.isTenantFull(client, limit, by.hasPlace)
      return note(tenantText(tenantOf(client.metadata)), limit, isNew && isFull)
    },
    isServed: isServed(client, kept),
    cluster: cluster && {
      object: cluster,
      isFull: (limit) =>
        note(client.metadata.namespace, limit, isNew && watch.clients.isClusterFull(client, limit, by.hasPlace)),
    },
    isHeld: (name) => kept !== undefined && shards.holders(name).includes(key),
    servedAs: kept?.clientId,
    carried: lastAccepted(kept, standing),
    servedOf: (present) => {
      if (kept === undefined) return 'present'
      const isStored = isSameVersion(kept.desired, present)
      if (isStored ? standing === 'rejected' : shards.noRoom(key) !== undefined) return 'earlier'
      return isStored && (standing === 'accepted' || kept.accepted === undefined) ? 'present' : 'either'
    },
    servedBreaks: (present) => servedViolations(client, own, { policies, present, standing }),
    now: clock.now(),
  })
  watch.clients.admit(key, judgement.serve.kind === 'desired' && entry === undefined)
  return { ...judgement, fullLimits }
}

const asWatched = (client: OIDCClient): OIDCClient => client

/** @returns whether a client counts under the limits of clients also beside older ones: servers have it, or get it */
export function createHasPlace({
  watch,
  shards,
  latest = asWatched,
}: Pick<Needs, 'shards' | 'latest'> & { readonly watch: Pick<Watch, 'clients'> }): (key: string) => boolean {
  return (key) => {
    if (watch.clients.isAdmitted(key)) return true
    const client = watch.clients.find(key)
    return isServed(client && latest(client), shards.isLeaving(key) ? undefined : shards.stored(key)?.entry)
  }
}

/** @returns a function that decides whether a client is accepted. It looks at the few that may claim the same names, not at all that do */
function createAccept(needs: Needs, policiesOf: PoliciesOf): (client: OIDCClient) => Acceptance {
  const { watch } = needs
  return (client) => {
    const policies = watch.policies()
    return acceptClient(client, policiesOf(client, policies), {
      selectsNamespaces: watch.readsNamespaces,
      findCluster: watch.findCluster,
      holderOf: (name) => holderAmong(needs, name, (one) => policiesOf(one, policies)),
      oldestOf: (name) => watch.clients.best(name)[0],
      find: watch.clients.find,
    })
  }
}

const clusterOfClient = ({ findCluster }: Pick<Watch, 'findCluster'>, { metadata }: OIDCClient) => {
  const { cluster } = tenantOf(metadata)
  return cluster === undefined ? undefined : findCluster(cluster)
}

/** Finds the holder of a name in the stored shards. When a shard is lost, the statuses of clients that may have the name count, oldest
 *  first. A removed client holds nothing. */
function holderAmong(
  { watch, shards, latest = asWatched }: Pick<Needs, 'watch' | 'shards' | 'latest'>,
  name: string,
  policiesOf: (client: OIDCClient) => Policies,
): string | undefined {
  const holders = shards.holders(name).filter((key) => watch.clients.find(key) !== undefined && !shards.isLeaving(key))
  const [stored] = holders
  const candidates = watch.clients.candidates(name)
  const successor = candidates.find((key) => {
    const { moved } = watch.clients.find(key)?.metadata ?? {}
    return moved !== undefined && holders.every((holder) => holder === key || holder === moved.from)
  })
  if (successor !== undefined) return successor
  if (stored !== undefined || !watch.clients.isContested(name)) return stored
  const isLost = (key: string): boolean => shards.stored(key) === undefined && !shards.isUnheardOf(key)
  const [remembered] = oldestFirst(
    // the watch may not have the status of one that got the name a moment ago: that is one of the best
    [...candidates.flatMap((key) => watch.clients.find(key) ?? []), ...watch.clients.best(name)]
      .map(latest)
      .filter(
        (one) =>
          wasServedAs(one, name) &&
          isLost(keyOf(one)) &&
          rightfulNames(one, policiesOf(one), { findCluster: watch.findCluster }).has(name),
      ),
  )
  return remembered && keyOf(remembered)
}

/** Whether the status shows that it was served under this name: the spec only says what it wants. */
const wasServedAs = ({ spec, status }: OIDCClient, name: string): boolean => {
  const isWaiting = status?.conditions?.some(({ reason }) => reason === 'ClientIDConflict') === true
  const isServedApi = spec.resourceServer?.identifier === name && !isWaiting
  return (status?.replicas?.loaded ?? 0) > 0 && (status?.clientId === name || isServedApi)
}

/** By its name, so that a restored client counts as served. When its shard is lost, the status counts. */
const isServed = (client: OIDCClient | undefined, stored: StoredEntry | undefined): boolean =>
  stored !== undefined || (client?.status?.replicas?.loaded ?? 0) > 0

type StoredEntry = NonNullable<ReturnType<Shards['stored']>>['entry']

// Judges a client with what the watch knows of its rivals and policies. The running operator judges only here.
import { tenantOf, tenantText } from '@nauthera/rules/tenants'
import { describeError } from '@nauthera/runtime/log'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { OIDCPolicy, OIDCPolicySpec } from '../api/oidc-policy.ts'
import { acceptClients, mayHave } from '../decide/client/accept-clients.ts'
import { clientIdOf, keyOf, oldestFirst } from '../decide/client/client-names.ts'
import type { Acceptance } from '../decide/client/acceptance.ts'
import { judgeClient, refuseClient } from '../decide/access/judge.ts'
import { standingOf } from '../decide/status/propagation.ts'
import type { Propagation } from '../decide/status/propagation.ts'
import type { FullLimit, Judgement } from '../decide/access/judgement.ts'
import { labelsForPolicies, policiesFor } from '../decide/client/policies.ts'
import { servedViolations } from '../decide/status/served-policies.ts'
import type { Policies } from '../decide/client/policies.ts'
import type { Clock } from '../time/clock.ts'
import { lastAccepted, isSameVersion } from '../shards/client-entry.ts'
import type { Shards } from '../shards/shards.ts'
import type { EndingNamespaces } from './ending-namespaces.ts'
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
  const acceptance = by.accept(client)
  if (!acceptance) throw new Error(`${key} was not judged`)
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

type PoliciesOf = (client: OIDCClient, policies: readonly OIDCPolicy[]) => Policies

/** The size of the cache of policy lists. */
const mostLists = 1_000

/** @returns a function that gives the policies of a client. Clients with the same policies share one list */
function createPoliciesOf({ watch, baseline }: Needs): PoliciesOf {
  const lists = new Map<string, Policies>()
  return (client, policies) => {
    const namespaceLabels = labelsForPolicies(client, watch)
    const found = policiesFor(client, { baseline, policies, namespaceLabels })
    const names = found.map(({ name, opensNothing }) => (opensNothing ? `${name}?` : name)).join()
    const before = lists.get(names)
    if (before && found.every(({ spec }, index) => spec === before[index]?.spec)) return before
    if (lists.size >= mostLists) lists.clear()
    lists.set(names, found)
    return found
  }
}

/** Decides once for all rivals: hundreds may claim one id, and a change of one leads to a look at each.
 *  @returns a function that gives the acceptance of a client; undefined when it is not among the watched ones */
function createAccept(needs: Needs, policiesOf: PoliciesOf): (client: OIDCClient) => Acceptance | undefined {
  const { watch } = needs
  const decided = new WeakMap<readonly string[], Decided>()
  const claims = new WeakMap<readonly string[], Claims>()
  return (client) => {
    const key = keyOf(client)
    const policies = watch.policies()
    const keys = watch.clients.rivalKeys(key)
    const rivals = watch.clients.rivals(key)
    const labels = rivals.flatMap((one) => [
      labelsForPolicies(one, watch),
      clusterOfClient(watch, one),
      watch.findCluster(clientIdOf(one).split('_', 1)[0]!),
    ])
    const claimed = claims.get(keys) ?? claimsAmong(rivals)
    claims.set(keys, claimed)
    const holderOf = (name: string): string | undefined =>
      holderAmong(needs, name, claimed.get(name) ?? [], (one) => policiesOf(one, policies))
    // A name with one claimant decides only about that one.
    const contested = [...claimed].flatMap(([name, claimants]) => (claimants.length > 1 ? [holderOf(name)] : []))
    const ground = [...policies, ...labels, ...contested]
    const before = decided.get(keys)
    const isOwnSame = () => namesOf(client).every((name) => before?.holders.get(name) === holderOf(name))
    if (before && isSameList(before.ground, ground) && isOwnSame()) return before.verdicts.get(key)
    const holders = new Map(Array.from(claimed.keys(), (name) => [name, holderOf(name)]))
    const verdicts = acceptClients(rivals, (one) => policiesOf(one, policies), {
      selectsNamespaces: watch.readsNamespaces,
      findCluster: watch.findCluster,
      holderOf: (name) => holders.get(name),
    })
    if (keys.length > 1) decided.set(keys, { ground, holders, verdicts })
    return verdicts.get(key)
  }
}

const clusterOfClient = ({ findCluster }: Pick<Watch, 'findCluster'>, { metadata }: OIDCClient) => {
  const { cluster } = tenantOf(metadata)
  return cluster === undefined ? undefined : findCluster(cluster)
}

/** The acceptance of rivals, and the inputs that it was computed from. */
interface Decided {
  readonly ground: readonly unknown[]
  readonly holders: ReadonlyMap<string, string | undefined>
  readonly verdicts: ReadonlyMap<string, Acceptance>
}

/** Keys of those that ask for a name, by the name. */
type Claims = ReadonlyMap<string, readonly string[]>

const namesOf = (client: OIDCClient): readonly string[] => [
  ...new Set([clientIdOf(client), client.spec.resourceServer?.identifier ?? []].flat()),
]

function claimsAmong(rivals: readonly OIDCClient[]): Claims {
  const pairs = rivals.flatMap((one) => namesOf(one).map((name) => ({ name, key: keyOf(one) })))
  return new Map(
    Array.from(
      Map.groupBy(pairs, ({ name }) => name),
      ([name, all]) => [name, all.map(({ key }) => key)],
    ),
  )
}

const isSameList = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  one.length === other.length && one.every((value, index) => value === other[index])

/** Finds the holder of a name in the stored shards. When a shard is lost, the statuses of clients that may have the name count, oldest
 *  first. A removed client holds nothing.
 *  @param claimants those that ask for the name */
function holderAmong(
  { watch, shards, latest = asWatched }: Pick<Needs, 'watch' | 'shards' | 'latest'>,
  name: string,
  claimants: readonly string[],
  policiesOf: (client: OIDCClient) => Policies,
): string | undefined {
  const holders = shards.holders(name).filter((key) => watch.clients.find(key) !== undefined && !shards.isLeaving(key))
  const [stored] = holders
  const successor = claimants.find((key) => {
    const { moved } = watch.clients.find(key)?.metadata ?? {}
    return moved !== undefined && holders.every((holder) => holder === key || holder === moved.from)
  })
  if (successor !== undefined) return successor
  if (stored !== undefined || claimants.length < 2) return stored
  const isLost = (key: string): boolean => shards.stored(key) === undefined && !shards.isUnheardOf(key)
  const [remembered] = oldestFirst(
    claimants
      .flatMap((key) => watch.clients.find(key) ?? [])
      .map(latest)
      .filter(
        (one) =>
          wasServedAs(one, name) &&
          isLost(keyOf(one)) &&
          mayHave(one, name, policiesOf(one), { findCluster: watch.findCluster }),
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

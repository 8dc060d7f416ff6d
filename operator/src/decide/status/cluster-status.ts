// Describes a joined cluster in the status of its OIDCCluster. Pure.
import { asOneLine } from '@nauthera/runtime/hidden-characters'
import { fieldsOf } from '@nauthera/runtime/json'
import type { OIDCCluster, OIDCClusterStatus } from '../../api/oidc-cluster.ts'
import { timeText } from '../../api/time-text.ts'
import { conditionOf } from './finding.ts'
import { present } from '../client/present.ts'

/** What was read in the namespace of the cluster; undefined where there is no such object. */
export interface ReadOfCluster {
  /** The Lease that its operator renews. */
  readonly lease: unknown
  /** The ConfigMap that it writes. */
  readonly configMap: unknown
}

/** How long after its last word a cluster counts as silent. Milliseconds. */
const silentMs = 300_000

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

/** @returns what somebody may read in a terminal: one line, with nothing hidden */
const lineOf = (value: unknown, most: number): string | undefined =>
  textOf(asOneLine(textOf(value)?.slice(0, most) ?? ''))

const renewTimeOf = ({ lease }: ReadOfCluster): string | undefined =>
  textOf(fieldsOf(fieldsOf(lease)['spec'])['renewTime'])

/** @param now epoch milliseconds
 *  @returns when the operator of the cluster was last heard of, epoch milliseconds; undefined when it never was. A time of the future is
 *  no word of it: with one, a cluster would never count as silent */
export function lastSeenOf(read: ReadOfCluster, now: number): number | undefined {
  const at = Date.parse(renewTimeOf(read) ?? '')
  return Number.isNaN(at) || at > now + silentMs ? undefined : at
}

/** @param about.now epoch milliseconds
 *  @returns the status; times of conditions stay while nothing turns */
export function describeCluster(
  cluster: OIDCCluster,
  read: ReadOfCluster,
  about: { readonly clients: number; readonly ready: number; readonly now: number },
): OIDCClusterStatus {
  const at = lastSeenOf(read, about.now)
  const holder = lineOf(fieldsOf(fieldsOf(read.lease)['spec'])['holderIdentity'], 253)
  const operatorVersion = lineOf(fieldsOf(fieldsOf(read.configMap)['data'])['operatorVersion'], 64)
  const { generation } = cluster.metadata
  return {
    ...present({ observedGeneration: generation, holder, operatorVersion }),
    ...(at === undefined ? {} : { lastSeen: timeText(at) }),
    clients: about.clients,
    ready: about.ready,
    conditions: [seen(cluster, { at, isWritten: renewTimeOf(read) !== undefined }, about.now)],
  }
}

type Condition = NonNullable<OIDCClusterStatus['conditions']>[number]

function seen(
  { status, metadata }: OIDCCluster,
  { at, isWritten }: { readonly at: number | undefined; readonly isWritten: boolean },
  now: number,
): Condition {
  const said: Pick<Condition, 'status' | 'reason' | 'message'> = !isWritten
    ? {
        status: 'False',
        reason: 'NeverSeen',
        message: 'No operator has written here yet; install one with mode spoke',
      }
    : at === undefined || now - at > silentMs
      ? { status: 'False', reason: 'Silent', message: 'The operator there is silent; its clients stay as they are' }
      : { status: 'True', reason: 'Seen', message: 'The operator there writes' }
  return conditionOf('Seen', said, { before: status?.conditions, generation: metadata.generation ?? 1, now })
}

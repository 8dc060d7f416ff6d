import { isDeepStrictEqual } from 'node:util'
import { spokeName } from '@nauthera/proto/names'
import { namespaceOfCluster } from '@nauthera/rules/tenants'
import type { Log } from '@nauthera/runtime/log'
import type { OIDCCluster, OIDCClusterStatus } from '../api/oidc-cluster.ts'
import { isTrue } from '../api/conditions.ts'
import { describeCluster, lastSeenOf } from '../decide/status/cluster-status.ts'
import type { Watch } from '../intake/watch.ts'
import { applyStatus } from '../kubernetes/conditional-write.ts'
import type { KubeConnection } from '../kubernetes/connection.ts'
import { findObject } from '../kubernetes/find-object.ts'
import { objectPath, resourceTypes, withKind } from '../kubernetes/objects.ts'
import type { Clock } from '../time/clock.ts'
import { Loop } from '../time/loop.ts'

/** The time between two rounds over all clusters. Milliseconds. */
const everyMs = 30_000
/** Times and counts alone are written this often at most. Milliseconds. */
const calmMs = 300_000

interface Needs {
  readonly watch: Pick<Watch, 'clusters' | 'clients'>
  readonly connection: Pick<KubeConnection, 'call'>
  readonly clock: Clock
  readonly log: Log
  readonly onWrite: () => void
}

/** Reads what each joined cluster says of itself, and writes the status of its OIDCCluster when it changed. */
export class ClusterReports {
  readonly #needs: Needs
  readonly #loop: Loop
  readonly #writtenAt = new Map<string, number>()
  readonly #lastSeen = new Map<string, number>()

  constructor(needs: Needs) {
    this.#needs = needs
    this.#loop = new Loop({ clock: needs.clock, round: () => this.#look() })
  }

  start(): void {
    this.#loop.start()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  /** @returns by name of the cluster: when it was last heard of, epoch milliseconds */
  lastSeen(): ReadonlyMap<string, number> {
    return this.#lastSeen
  }

  async #look(): Promise<number> {
    const clusters = this.#needs.watch.clusters()
    const names = new Set(clusters.map(({ metadata }) => metadata.name))
    for (const known of [this.#writtenAt, this.#lastSeen])
      for (const name of known.keys()) if (!names.has(name)) known.delete(name)
    for (const cluster of clusters) {
      if (this.#loop.stopping.aborted) break
      try {
        await this.#report(cluster)
      } catch (error) {
        if (!this.#loop.stopping.aborted)
          this.#needs.log.warn({ cluster: cluster.metadata.name, error }, 'status of a cluster not written')
      }
    }
    return everyMs
  }

  async #report(cluster: OIDCCluster): Promise<void> {
    const { clock, connection, watch, onWrite } = this.#needs
    const { name } = cluster.metadata
    const namespace = namespaceOfCluster(name)
    const read = {
      lease: await findObject(connection, objectPath(resourceTypes.leases, { namespace, name: spokeName })),
      configMap: await findObject(connection, objectPath(resourceTypes.configMaps, { namespace, name: spokeName })),
    }
    const at = lastSeenOf(read, clock.now())
    if (at !== undefined) this.#lastSeen.set(name, at)
    const mirrors = watch.clients.keysIn(namespace).flatMap((key) => watch.clients.find(key) ?? [])
    const ready = mirrors.filter(({ status }) => isTrue(status, 'Ready')).length
    const status = describeCluster(cluster, read, { clients: mirrors.length, ready, now: clock.now() })
    const isDue = clock.monotonic() - (this.#writtenAt.get(name) ?? -Infinity) >= calmMs
    if (isDeepStrictEqual(cluster.status, status) || (!isDue && saysTheSame(cluster.status, status))) return
    const object = withKind('OIDCCluster', cluster)
    if ((await applyStatus(connection, resourceTypes.clusters, object, status)) === undefined) return
    this.#writtenAt.set(name, clock.monotonic())
    onWrite()
  }
}

/** Whether only times and counts differ. */
const saysTheSame = (one: OIDCClusterStatus | undefined, other: OIDCClusterStatus): boolean =>
  isDeepStrictEqual(lasting(one), lasting(other))

const lasting = ({ lastSeen: _at, clients: _all, ready: _some, ...rest }: OIDCClusterStatus = {}) => rest

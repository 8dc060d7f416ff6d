// Removes mirrors whose client is gone. A mistake here would sign people out of an application, so two full lists must agree.
import type { Log } from '@nauthera/runtime/log'
import type { OIDCClient } from '../api/oidc-client.ts'
import { listAll } from '../kubernetes/collection.ts'
import type { KubeConnection } from '../kubernetes/connection.ts'
import type { KubernetesObject } from '../kubernetes/objects.ts'
import { pause } from '../time/clock.ts'
import type { Clock } from '../time/clock.ts'
import { Loop } from '../time/loop.ts'
import type { HubState } from './hub-state.ts'
import type { Mirror } from './mirror.ts'
import type { Mirrors } from './mirrors.ts'

/** The pause between two sweeps when nothing has called for one, and the hub is usable. Milliseconds. */
const sweepMs = 60_000
/** Between the two lists of a sweep. Milliseconds. */
const apartMs = 2_000
/** Between two sweeps that something called for, and until the hub is usable. Milliseconds. */
const restMs = 3_000

interface SweepNeeds {
  /** Of this cluster. */
  readonly connection: Pick<KubeConnection, 'call'>
  /** The collections that are watched. */
  readonly paths: readonly string[]
  readonly mirrors: Pick<Mirrors, 'isListed' | 'all' | 'find' | 'remove'>
  readonly findOrigin: (key: string) => OIDCClient | undefined
  readonly state: Pick<HubState, 'mayWrite'>
  readonly clock: Clock
  readonly log: Log
}

export class Sweep {
  readonly #needs: SweepNeeds
  readonly #loop: Loop

  constructor(needs: SweepNeeds) {
    this.#needs = needs
    const { clock, log } = needs
    this.#loop = new Loop({
      clock,
      firstMs: sweepMs,
      restMs,
      round: async () => {
        // a list that fails says nothing: neither does one of a definition that is not there
        await this.#sweep().catch((error: unknown) => log.warn({ error }, 'mirrors not swept'))
        return this.#needs.state.mayWrite ? sweepMs : restMs
      },
    })
  }

  start(): void {
    this.#loop.start()
  }

  /** A client is gone, or a mirror came that has none. */
  wake(): void {
    this.#loop.wake()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  async #sweep(): Promise<void> {
    const { mirrors, clock, state } = this.#needs
    if (this.#orphans().length === 0) return
    const first = await this.#listUids()
    await pause(clock, apartMs, this.#loop.stopping)
    const second = await this.#listUids()
    for (const [key, mirror] of this.#orphans()) {
      const uid = mirror.spec.origin?.uid ?? ''
      if (first.has(uid) || second.has(uid) || !state.mayWrite) continue
      await mirrors.remove(key, mirror)
    }
  }

  /** The mirrors whose client is not in our copy. */
  #orphans(): readonly (readonly [string, Mirror])[] {
    const { mirrors, findOrigin, state } = this.#needs
    if (!mirrors.isListed || !state.mayWrite) return []
    return [...mirrors.all()].filter(([key, { spec }]) => findOrigin(key)?.metadata.uid !== spec.origin?.uid)
  }

  /** @returns the uids of all clients that are not being deleted. @throws ApiError */
  async #listUids(): Promise<ReadonlySet<string>> {
    const { connection, paths } = this.#needs
    const lists = await Promise.all(
      paths.map((path) =>
        listAll<OIDCClient & KubernetesObject>(connection, {
          path,
          query: {},
          unpaged: false,
          signal: this.#loop.stopping,
        }),
      ),
    )
    return new Set(
      lists
        .flatMap(({ items }) => items)
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map(({ metadata }) => metadata.uid),
    )
  }
}

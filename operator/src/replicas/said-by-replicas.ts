import { durationMs } from '@bufbuild/protobuf/wkt'
import type { StatusUpdate } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import { onReplicaEnded, onUsesTold, startOfHearing } from './heard-uses.ts'
import { HighestSeqs } from './highest-seqs.ts'
import { CodeUses, IdentityUsage, SectorProofs, Usage } from './usage.ts'

/** Reports of all replicas so far, also of those that are gone. */
export class SaidByReplicas {
  readonly seqs = new HighestSeqs()
  readonly usage = new Usage()
  readonly identities = new IdentityUsage()
  readonly sectors = new SectorProofs()
  readonly codes = new CodeUses()
  /** The count of unknown keys of this cluster at each replica, by uid of the pod. */
  readonly #unknownKeys = new Map<string, bigint>()
  #heard

  /** @param now epoch milliseconds */
  constructor(now: number) {
    this.#heard = startOfHearing(now)
  }

  /** Since when every use is known, epoch milliseconds. */
  get heardSince() {
    return this.#heard.since
  }

  /** @returns the clients with something new, and whether the replica saw one more unknown key */
  record(uid: string, update: StatusUpdate, now: number): { proved: string[]; metUnknownKey: boolean } {
    const proved = [
      ...this.identities.record(update.identityUses),
      ...this.sectors.record(update.sectorProofs),
      ...this.codes.record(update.codeUses),
    ]
    const met = this.#unknownKeys.get(uid) ?? 0n
    this.#unknownKeys.set(uid, update.unknownKeys)
    this.seqs.record([...update.seen, ...update.live])
    this.usage.record(update.uses)
    const { usesCover } = update
    if (usesCover) this.#heard = onUsesTold(this.#heard, uid, { coverMs: durationMs(usesCover), now })
    return { proved, metUnknownKey: update.unknownKeys > met }
  }

  /** A replica ended. */
  end(uid: string, now: number): void {
    this.#unknownKeys.delete(uid)
    this.#heard = onReplicaEnded(this.#heard, uid, now)
  }

  /** Removes the reports about all other clients. */
  removeAllBut(isKnown: (client: string) => boolean): void {
    this.usage.keepOnly(isKnown)
    this.identities.keepOnly(isKnown)
    this.sectors.keepOnly(isKnown)
    this.codes.keepOnly(isKnown)
  }

  /** The client was removed, or another one has its name. */
  remove(client: string): void {
    this.usage.forget(client)
    this.identities.forget(client)
    this.sectors.forget(client)
    this.codes.forget(client)
  }
}

import { durationMs } from '@bufbuild/protobuf/wkt'
import type { StatusUpdate } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import { onReplicaEnded, onUsesTold, startOfHearing } from './heard-uses.ts'
import { HighestSeqs } from './highest-seqs.ts'
import { CodeUses, IdentityUsage, SectorProofs, Usage } from './usage.ts'

/** What the replicas have said so far, whether or not they are still there. */
export class SaidByReplicas {
  readonly seqs = new HighestSeqs()
  readonly usage = new Usage()
  readonly identities = new IdentityUsage()
  readonly sectors = new SectorProofs()
  readonly codes = new CodeUses()
  /** By uid of the pod: how many keys of this cluster its replica had met without having them. */
  readonly #unknownKeys = new Map<string, bigint>()
  #heard

  /** @param now epoch milliseconds */
  constructor(now: number) {
    this.#heard = startOfHearing(now)
  }

  /** Since when every use has been told, epoch milliseconds. */
  get heardSince() {
    return this.#heard.since
  }

  /** @returns the clients of which something new is known, and whether the replica has met one more unknown key */
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

  /** Forgets what was said of other clients. */
  removeAllBut(isKnown: (client: string) => boolean): void {
    this.usage.keepOnly(isKnown)
    this.identities.keepOnly(isKnown)
    this.sectors.keepOnly(isKnown)
    this.codes.keepOnly(isKnown)
  }

  /** The client is gone, or another one has its name. */
  remove(client: string): void {
    this.usage.forget(client)
    this.identities.forget(client)
    this.sectors.forget(client)
    this.codes.forget(client)
  }
}

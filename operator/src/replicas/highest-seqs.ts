import type { ShardRef } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'

/** A larger seq from a replica is wrong. If it counted, no higher seq could be written. */
const largestSeq = 2 ** 48

/** The highest seq of each shard that any replica reported. An operator that lost its Secrets counts on from there. */
export class HighestSeqs {
  readonly #seqs = new Map<number, number>()

  record(refs: readonly Pick<ShardRef, 'shard' | 'seq'>[]): void {
    for (const ref of refs) {
      const seq = Number(ref.seq)
      if (seq <= largestSeq && seq > this.of(ref.shard)) this.#seqs.set(ref.shard, seq)
    }
  }

  /** @returns 0 when none was reported */
  of(shard: number): number {
    return this.#seqs.get(shard) ?? 0
  }
}

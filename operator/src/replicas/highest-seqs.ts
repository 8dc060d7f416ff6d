import type { ShardRef } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'

/** A larger seq from a replica is false or damaged. If it were taken over, no higher one would be left to write. */
const largestSeq = 2 ** 48

/** The highest seq of each shard that any replica has ever had. An operator that lost its Secrets goes on counting from there. */
export class HighestSeqs {
  readonly #seqs = new Map<number, number>()

  record(refs: readonly Pick<ShardRef, 'shard' | 'seq'>[]): void {
    for (const ref of refs) {
      const seq = Number(ref.seq)
      if (seq <= largestSeq && seq > this.of(ref.shard)) this.#seqs.set(ref.shard, seq)
    }
  }

  /** @returns 0 when nobody has told of one */
  of(shard: number): number {
    return this.#seqs.get(shard) ?? 0
  }
}

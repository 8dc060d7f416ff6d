// Which form of a shard to write while replicas of two versions are there.
import { shardSchema } from '@nauthera/proto/names'

/** A range of schemas of shards, both ends included. */
export interface Schemas {
  readonly min: number
  readonly max: number
}

/** @param replicas what each reads; undefined of one that has not said it yet
 *  @returns the schema to write; undefined when each shard is best left in the form that it has: nobody is there, or somebody has
 *  yet to say what it reads. A shard that is of a form which a replica cannot read stays at its last version there until then */
export function schemaFor(replicas: readonly { readonly schemas: Schemas | undefined }[]): number | undefined {
  const known = replicas.flatMap(({ schemas }) => schemas ?? [])
  if (known.some(({ max }) => max < shardSchema.text)) return shardSchema.messages
  return known.length > 0 && known.length === replicas.length ? shardSchema.text : undefined
}

/** @param wanted of schemaFor
 *  @param stored of the stored shard; undefined when there is none
 *  @returns the schema to write. A first shard is of the form that every version reads: nobody may be there yet to say more */
export function schemaOf(wanted: number | undefined, stored: number | undefined): number {
  return wanted ?? stored ?? shardSchema.messages
}

/** @param about.clients how many are in it
 *  @param about.wanted of schemaOf
 *  @returns whether a shard is to be written again for its form alone. An empty one says the same in every form, and the earlier form
 *    can be read by everybody: so a fresh install does not write its sixteen shards twice */
export const isOtherForm = (about: {
  readonly clients: number
  readonly stored: number
  readonly wanted: number
}): boolean => about.stored !== about.wanted && (about.clients > 0 || about.stored > about.wanted)

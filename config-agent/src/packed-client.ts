// A client in the form in which it is kept and sent: encoded once, decoded only to say what changed.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { ClientEntrySchema, ShardSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientEntry, Shard } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ReadShard } from './snapshot.ts'

/** A ClientEntry as bytes, with their length in front. As a string (latin1): a message takes ten times the memory, a
 *  buffer twice. */
export type PackedClient = string & { readonly packed: unique symbol }

export function packClient(entry: ClientEntry): PackedClient {
  const bytes = new BinaryWriter().bytes(toBinary(ClientEntrySchema, entry)).finish()
  return Buffer.from(bytes).toString('latin1') as PackedClient
}

export function unpackClient(packed: PackedClient): ClientEntry {
  return fromBinary(ClientEntrySchema, new BinaryReader(Buffer.from(packed, 'latin1')).bytes())
}

/** @returns the message that brings a shard to the server; what it holds of clients is encoded already, so they are
 *  given as fields that need no encoding */
export function shardMessage(shard: ReadShard, nonce: string): Shard {
  const message = create(ShardSchema, { nonce, ref: shard.ref, change: shard.change })
  message.$unknown = Array.from(shard.clients.values(), ({ packed }) => ({
    no: ShardSchema.field.clients.number,
    wireType: WireType.LengthDelimited,
    data: Buffer.from(packed, 'latin1'),
  }))
  return message
}

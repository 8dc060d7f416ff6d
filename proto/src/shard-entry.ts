// Questions about a client's entry in a shard that every process answers the same way.
import { isDeepStrictEqual } from 'node:util'
import { equals } from '@bufbuild/protobuf'
import { GrantedSchema, RestraintSchema } from './generated/nauthera/config/v1/config_pb.ts'
import type { Granted, Restraint, ShardEntry } from './generated/nauthera/config/v1/config_pb.ts'

/** @returns the uid under which the database knows the client. A client restored from a backup keeps the uid of the earlier object */
export const lastingUid = ({ uid, restoredFrom }: Pick<ShardEntry, 'uid' | 'restoredFrom'>): string =>
  restoredFrom || uid

/** @returns whether two entries give the same at APIs */
export const grantsTheSame = (one: Granted | undefined, other: Granted | undefined): boolean =>
  one && other ? equals(GrantedSchema, one, other) : one === other

/** @returns whether two entries stop and narrow a client in the same way */
export const restrainsTheSame = (one: Restraint | undefined, other: Restraint | undefined): boolean =>
  one && other ? equals(RestraintSchema, one, other) : one === other

/** @returns whether two entries say the same of the age of the client's ServiceAccounts */
export const agesTheSame = (
  one: Pick<ShardEntry, 'accountsSince'>,
  other: Pick<ShardEntry, 'accountsSince'>,
): boolean => isDeepStrictEqual(one.accountsSince, other.accountsSince)

// Decides whether a client can be used now: by its stored entry, not by its spec.
import { parseVersion } from '@nauthera/proto/client-version'
import type { ClientVersion, ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Judgement } from '../access/judgement.ts'
import { restraintOf } from '../client/restraint.ts'
import type { Activity } from './outcome.ts'

/** @param about.entry of the client in its shard; undefined when there is none
 *  @param about.isRejected replicas refuse its desired version
 *  @param about.isLoaded a replica has taken it
 *  @param about.all replicas, and those of them that have an earlier version of its shard */
export function activityOf(about: {
  readonly judgement: Pick<Judgement, 'client' | 'serve'>
  readonly entry: ShardEntry | undefined
  readonly isRejected: boolean
  readonly isLoaded: boolean
  readonly all: readonly string[]
  readonly behind: readonly string[]
}): Activity {
  const { judgement, entry, behind } = about
  const { spec, metadata } = judgement.client
  const isOwn = entry?.uid === metadata.uid
  if (restraintOf(spec)?.suspended) {
    const isStored = entry === undefined || entry.restraint?.suspended === true || (isOwn && !hasVersion(entry))
    return { kind: 'suspended', behind: isStored ? behind : about.all }
  }
  if (judgement.serve.kind === 'nothing') return { kind: 'not-served', behind: entry ? about.all : behind }
  if (!isOwn) return { kind: 'not-served', behind: [] }
  const { desired, accepted } = entry
  if (!hasVersion(entry) || (about.isRejected && !about.isLoaded && !accepted)) return { kind: 'not-served', behind }
  const served = about.isRejected ? (accepted ?? desired) : (desired ?? accepted)
  return { kind: isSuspended(served) ? 'suspended-before' : 'active', behind }
}

const hasVersion = ({ desired, accepted }: ShardEntry): boolean => (desired ?? accepted) !== undefined

function isSuspended(version: ClientVersion | undefined): boolean {
  // most need not be decoded
  if (!version?.config.includes('"suspended":true')) return false
  try {
    return parseVersion(version).suspended
  } catch {
    return false
  }
}

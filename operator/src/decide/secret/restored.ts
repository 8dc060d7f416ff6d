// Decides whether the Secret of an earlier OIDCClient of the same name belongs to the present one: yes after a restore, no after a
// deletion.
import { timestampMs } from '@bufbuild/protobuf/wkt'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { annotations } from '@nauthera/proto/names'
import { findCondition } from '../../api/conditions.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import type { ProvenOwner } from './owner-proof.ts'

/** How long after a loss a Secret may be restored. Milliseconds. */
const restoreMs = 7 * 24 * 3_600_000

/** @param about.former the proven owner of the Secret
 *  @param about.entry what the stored shard says under the client's name
 *  @param about.bornAt when the shard's Secret and the namespace were created, if known. An older object was restored here, and its
 *  deletion could not be seen */
export function isRestored(
  client: OIDCClient,
  about: {
    readonly former: ProvenOwner
    /** What the Secret holds. */
    readonly held: { readonly id: string | undefined; readonly sha256: string | undefined }
    readonly entry: ShardEntry | undefined
    readonly bornAt: readonly number[]
    readonly now: number
  },
): boolean {
  const { former, held, entry, now } = about
  if (hasHadASecret(client, held.id)) return false
  if (client.metadata.annotations?.[annotations.restored] === 'true') return true
  if (entry !== undefined && entry.uid !== client.metadata.uid)
    return entry.uid === former.uid && (held.sha256 === undefined || isLive(entry, held.sha256, now))
  return about.bornAt.some((at) => former.createdAt <= at && now < at + restoreMs)
}

/** A secret that ended after the backup stays ended. */
const isLive = ({ verifiers }: ShardEntry, sha256: string, now: number): boolean =>
  verifiers.some((one) => one.sha256 === sha256 && (one.notAfter === undefined || timestampMs(one.notAfter) > now))

/** Whether this very object already had a Secret: then a later one of its name is not restored. A status may be restored too. */
function hasHadASecret({ status, metadata }: OIDCClient, secretId: string | undefined): boolean {
  const ready = findCondition(status, 'SecretReady')
  const isOwn = Date.parse(ready?.lastTransitionTime ?? '') >= Date.parse(metadata.creationTimestamp)
  const { activeId } = status?.secret ?? {}
  return (ready?.status === 'True' && isOwn) || (activeId !== undefined && activeId !== secretId)
}

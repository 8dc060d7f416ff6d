// Whether a Secret that was written for an earlier OIDCClient of the same name goes on with the present one: after a restore it does, after
// a deletion it does not.
import { timestampMs } from '@bufbuild/protobuf/wkt'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { annotations } from '@nauthera/proto/names'
import type { OIDCClient } from '../../api/oidc-client.ts'
import type { ProvenOwner } from './owner-proof.ts'

/** How long after a loss it counts as one that is being restored. Milliseconds. */
const restoreMs = 7 * 24 * 3_600_000

/** @param about.former for whom the Secret was written; its proof has been checked
 *  @param about.entry what the stored shard says under the client's name
 *  @param about.bornAt when the shard's Secret and the namespace were made, as far as that is known: what is older than these was brought
 *    here, and whether its owner had been deleted before, nobody here has seen */
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

/** One that has ended since the Secret was copied does not come back. */
const isLive = ({ verifiers }: ShardEntry, sha256: string, now: number): boolean =>
  verifiers.some((one) => one.sha256 === sha256 && (one.notAfter === undefined || timestampMs(one.notAfter) > now))

/** This very object has had a Secret: what comes to lie under its name later is no restored one. A status may be restored too. */
function hasHadASecret({ status, metadata }: OIDCClient, secretId: string | undefined): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'SecretReady')
  const isOwn = Date.parse(ready?.lastTransitionTime ?? '') >= Date.parse(metadata.creationTimestamp)
  const { activeId } = status?.secret ?? {}
  return (ready?.status === 'True' && isOwn) || (activeId !== undefined && activeId !== secretId)
}

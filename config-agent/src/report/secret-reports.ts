import { timestampMs } from '@bufbuild/protobuf/wkt'
import type { SecretUse } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Log } from '@nauthera/runtime/log'
import { usedSecretKey } from '../live/live-state.ts'
import type { LiveState } from '../live/live-state.ts'
import { clientKey } from '../snapshot.ts'
import type { ReadShard } from '../snapshot.ts'
import type { ClientChange } from './diff-shards.ts'
import { spellDuration } from './spell-duration.ts'

/** A secret in continual use is logged once in this time. Milliseconds. */
const useLineMs = 15 * 60_000

interface Retiring {
  readonly client: string
  /** Undefined: the client was removed or replaced. */
  readonly secret: string | undefined
  readonly change: string
  readonly seq: bigint
}

/** Logs which client secrets are used, and which have ended. */
export class SecretReports {
  readonly #needs: { log: Log; live: LiveState; wallNow: () => number }
  readonly #toldUses = new Map<string, number>()
  /** Secrets that are gone from the mount, until the server has applied the shard. */
  readonly #retiring = new Map<number, readonly Retiring[]>()

  constructor(needs: { log: Log; live: LiveState; wallNow: () => number }) {
    this.#needs = needs
  }

  used(uses: readonly SecretUse[]): void {
    const { log, wallNow } = this.#needs
    for (const use of uses) {
      const client = clientKey(use)
      const lastUsed = use.lastUsed ? timestampMs(use.lastUsed) : wallNow()
      const told = this.#toldUses.get(usedSecretKey(use))
      if (told !== undefined && wallNow() - told < useLineMs) continue
      this.#toldUses.set(usedSecretKey(use), wallNow())
      log.info({ client, secret: use.secretId, last_used: spellDuration(wallNow() - lastUsed) }, 'usage')
    }
  }

  /** These secrets are gone from the mounted shard. */
  retire({ ref, change }: ReadShard, changes: readonly ClientChange[]): void {
    const fresh = changes.flatMap(({ client, kind, fields, retired }) =>
      [...retired, ...(kind === 'removed' || fields.includes('uid') ? [undefined] : [])].map((secret) => ({
        client,
        secret,
        change,
        seq: ref.seq,
      })),
    )
    if (fresh.length === 0) return
    this.#retiring.set(ref.shard, [...(this.#retiring.get(ref.shard) ?? []), ...fresh])
    this.applied(ref.shard)
  }

  /** The server applied a version of the shard: secrets that are not in it have ended. */
  applied(shard: number): void {
    const liveSeq = this.#needs.live.live.get(shard)?.seq ?? 0n
    const due = this.#retiring.get(shard) ?? []
    const open = due.filter(({ seq }) => seq > liveSeq)
    if (open.length > 0) this.#retiring.set(shard, open)
    else this.#retiring.delete(shard)
    for (const retiring of due) if (retiring.seq <= liveSeq) this.#end(retiring)
  }

  #end({ client, secret, change }: Retiring): void {
    const { log, live } = this.#needs
    if (secret === undefined) return live.left(client)
    live.retired(client, secret)
    this.#toldUses.delete(`${client} ${secret}`)
    log.info({ change, client, secret }, 'retired')
  }
}

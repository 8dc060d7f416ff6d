import { tenantOf } from '@nauthera/rules/tenants'
import { splitKey } from '../kubernetes/objects.ts'

/** Why a key waits. A `change` may have to be told to servers: the object, or what decides about it, changed. A `follow-up` goes on with
 *  what was told: it is stored, a replica answered, or a wait is over. */
export type LookCause = 'change' | 'follow-up'

/** So many changes of a tenant go before one of its follow-ups, so that these come to their turn whatever changes. */
const mostChanges = 16

/** A queue of keys, each once. Namespaces take turns, and a joined cluster is one of them; within it, its own namespaces do. Within a
 *  tenant changes go first, since what they tell leaves with the next write of a shard; else it is first in, first out. Each step takes
 *  constant time. */
export class FairKeys {
  /** By namespace of the object, then of the tenant. Whose turn is next comes first. None is empty. */
  readonly #waiting = new Map<string, Map<string, TenantKeys>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** A follow-up that waits already becomes a change, and waits no longer than before. */
  add(key: string, cause: LookCause = 'change'): void {
    const at = splitKey(key)
    const ofTenants = mapIn(this.#waiting, at.namespace, () => new Map<string, TenantKeys>())
    const own = mapIn(ofTenants, tenantOf(at).namespace, () => new TenantKeys())
    const before = own.size
    own.add(key, cause)
    this.#size += own.size - before
  }

  /** @returns the next key, which waits no longer; undefined when none waits */
  next(): string | undefined {
    for (const [namespace, ofTenants] of this.#waiting) {
      for (const [tenant, own] of ofTenants) {
        const key = own.take()
        this.#size--
        putLast(ofTenants, tenant, own)
        putLast(this.#waiting, namespace, ofTenants)
        return key
      }
    }
    return undefined
  }
}

/** The keys of one tenant. */
class TenantKeys {
  readonly #changes = new Set<string>()
  /** Also those that have become changes since: they keep this place, so that no change makes a key wait longer. */
  readonly #followUps = new Set<string>()
  /** Changes that were taken since the last follow-up. */
  #taken = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  add(key: string, cause: LookCause): void {
    const isChange = this.#changes.has(key)
    if (!isChange && !this.#followUps.has(key)) this.#size++
    if (cause === 'change') this.#changes.add(key)
    else if (!isChange) this.#followUps.add(key)
  }

  take(): string | undefined {
    const isFollowUp = this.#changes.size === 0 || (this.#followUps.size > 0 && this.#taken >= mostChanges)
    this.#taken = isFollowUp ? 0 : this.#taken + 1
    const [key] = isFollowUp ? this.#followUps : this.#changes
    if (key === undefined) return undefined
    this.#changes.delete(key)
    this.#followUps.delete(key)
    this.#size--
    return key
  }
}

function mapIn<V>(values: Map<string, V>, name: string, create: () => V): V {
  const known = values.get(name) ?? create()
  if (!values.has(name)) values.set(name, known)
  return known
}

/** Its next turn comes after those of all others. */
function putLast<V extends { readonly size: number }>(values: Map<string, V>, name: string, value: V): void {
  values.delete(name)
  if (value.size > 0) values.set(name, value)
}

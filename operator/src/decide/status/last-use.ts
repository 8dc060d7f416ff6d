// When the secrets of a client were last used: what replicas report of each, what the status has kept of it, and how often that is written.
// A server records a use (clients/usage.ts), and the operator keeps the latest of all replicas (replicas/usage.ts).
import type { OIDCClientStatus } from '../../api/client-status.ts'
import { present } from '../client/present.ts'
import { timeOf, timeText } from '../../api/time-text.ts'

/** By id of the secret, epoch milliseconds. */
export type LastUses = Readonly<Record<string, number>>

/** @param reported the last use at any replica since this process started
 *  @returns of each secret the later of that and what the status has kept from before */
export function lastUses(
  status: OIDCClientStatus | undefined,
  ids: readonly string[],
  reported: (id: string) => number | undefined,
): LastUses {
  const kept = [...(status?.verifiers ?? []), ...(status?.secret?.previous ?? [])]
  const lastUse = (id: string) => {
    const known = kept.find((one) => one.id === id)?.lastUsed
    const times = [reported(id), timeOf(known)].filter((at) => at !== undefined)
    return times.length === 0 ? undefined : Math.max(...times)
  }
  return Object.fromEntries(
    ids.flatMap((id) => {
      const at = lastUse(id)
      return at === undefined ? [] : [[id, at]]
    }),
  )
}

/** @param kept as the status has it: a replica that left may have reported it
 *  @returns the later one */
export const laterUse = (kept: string | undefined, at: number | undefined): string | undefined =>
  at === undefined || (kept !== undefined && Date.parse(kept) >= at) ? kept : timeText(at)

/** The last use of any secret of the client, also of one that has ended. */
export const anyLastUse = (kept: string | undefined, uses: LastUses = {}): string | undefined =>
  Object.values(uses).reduce(laterUse, kept)

/** How often the last use of any secret is written, and of a previous one, by whether it stays valid only because it is used. Milliseconds. */
const anyUseMs = 86_400_000
const previousUseMs = { valid: 3_600_000, awaited: 60_000 } as const
/** How often the last uses of listed secrets are written while more than one is valid. */
const listedUsesMs = 600_000

/** Keeps the last uses of before until they are old, so that a status is not written all the time.
 *  @param awaitsDisuse a previous secret stays valid only because it is used */
export function withKeptUses(
  before: OIDCClientStatus,
  status: OIDCClientStatus,
  awaitsDisuse: boolean,
): OIDCClientStatus {
  const { secret, ...rest } = withListedUses(before, status)
  if (!secret) return rest
  const previousMs = previousUseMs[awaitsDisuse ? 'awaited' : 'valid']
  const { lastUsed, ...others } = secret
  const previous = secret.previous?.map(({ lastUsed: used, ...one }) => {
    const kept = before.secret?.previous?.find(({ id }) => id === one.id)?.lastUsed
    return { ...one, ...present({ lastUsed: isOlder(kept, used, previousMs) ? used : kept }) }
  })
  const kept = before.secret?.lastUsed
  return {
    ...rest,
    secret: {
      ...others,
      ...present({ lastUsed: isOlder(kept, lastUsed, anyUseMs) ? lastUsed : kept, previous }),
    },
  }
}

/** Last uses of listed secrets, and the time of which they are told, stay or change together: those of before stay until they are old, or
 *  until other secrets are listed. */
function withListedUses(before: OIDCClientStatus, status: OIDCClientStatus): OIDCClientStatus {
  const { usesKnownSince: _since, usesKnownUntil: until, verifiers = [], ...rest } = status
  const known = new Map((before.verifiers ?? []).map((one) => [one.id, one]))
  const isSame = known.size === verifiers.length && verifiers.every(({ id }) => known.has(id))
  if (!isSame || verifiers.length === 0 || (until === undefined) !== (before.usesKnownUntil === undefined))
    return status
  const isOld =
    until === undefined
      ? verifiers.some(({ id, lastUsed }) => isOlder(known.get(id)?.lastUsed, lastUsed, anyUseMs))
      : isOlder(before.usesKnownUntil, until, listedUsesMs)
  if (isOld) return status
  return {
    ...rest,
    verifiers: verifiers.map(({ lastUsed: _now, ...one }) => ({
      ...one,
      ...present({ lastUsed: known.get(one.id)?.lastUsed }),
    })),
    ...present({ usesKnownSince: before.usesKnownSince, usesKnownUntil: before.usesKnownUntil }),
  }
}

const isOlder = (kept: string | undefined, now: string | undefined, byMs: number): boolean =>
  now !== undefined && (kept === undefined || Date.parse(now) - Date.parse(kept) >= byMs)

// The refusals of a client in its status: requests in its name that servers refused.
import { refusalKinds, refusalLimits, isRefusalCode } from '@nauthera/rules/refusals'
import type { KnownRefusal, PublishedRefusals } from './observations.ts'
import type { OIDCClientStatus } from '../../api/client-status.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { present } from '../client/present.ts'
import { pkceHint } from './code-protection.ts'
import { timeText } from '../../api/time-text.ts'

type Told = NonNullable<OIDCClientStatus['refusals']>[number]

/** @returns the newest first. What the status said before stays for its hour: the server that counted it may be gone. */
export function describeRefusals(
  client: OIDCClient,
  { known }: PublishedRefusals,
  now: number,
): readonly Told[] | undefined {
  const all = new Map<string, KnownRefusal>()
  for (const one of [...toldBefore(client), ...known]) {
    const key = `${one.code} ${one.by}`
    const other = all.get(key)
    const newer = other === undefined || one.lastSeen >= other.lastSeen ? one : other
    all.set(key, { ...newer, count: Math.max(one.count, other?.count ?? 0) })
  }
  const lasting = [...all.values()].filter(({ lastSeen }) => now < lastSeen + refusalLimits.keptMs)
  return lasting.length === 0 ? undefined : fit(lasting).map((one) => toldOf(one, client))
}

/** @returns in how many milliseconds the next entry of the status is over; undefined for none */
export function refusalsEndIn(told: OIDCClientStatus['refusals'], now: number): number | undefined {
  const ends = (told ?? []).map(({ lastSeen }) => Date.parse(lastSeen) + refusalLimits.keptMs - now)
  return ends.length === 0 ? undefined : Math.max(0, Math.min(...ends))
}

/** @returns whether the status that people see has the code */
export const tellsRefusal = (
  told: OIDCClientStatus['refusals'],
  { code, by }: Pick<KnownRefusal, 'code' | 'by'>,
): boolean => told?.some((one) => one.code === code && one.by === by) === true

const toldBefore = ({ status }: OIDCClient): readonly KnownRefusal[] =>
  (status?.refusals ?? []).flatMap(({ code, by, detail = '', count, lastSeen }) =>
    isRefusalCode(code) ? [{ code, by, detail, count, lastSeen: Date.parse(lastSeen) }] : [],
  )

/** Half of the room is for what a proven client met, whatever strangers send. */
function fit(all: readonly KnownRefusal[]): readonly KnownRefusal[] {
  const newest = all.toSorted((one, other) => other.lastSeen - one.lastSeen || (one.code < other.code ? -1 : 1))
  const { codes } = refusalLimits
  const ofAnyone = newest.filter(({ by }) => by === 'Anyone')
  const ofClient = newest.filter(({ by }) => by === 'Client').slice(0, Math.max(codes / 2, codes - ofAnyone.length))
  const kept = new Set([...ofClient, ...ofAnyone.slice(0, codes - ofClient.length)])
  return newest.filter((one) => kept.has(one))
}

const toldOf = ({ code, by, detail, count, lastSeen }: KnownRefusal, client: OIDCClient): Told => ({
  code,
  by,
  ...present({ detail: detail || undefined }),
  count,
  lastSeen: timeText(lastSeen),
  hint: code === 'PKCE_MISSING' ? pkceHint(client.spec) : refusalKinds[code].hint,
})

// The refusals of a client in its status: requests in its name that servers refused.
import { hostBits, textsOf } from '@nauthera/rules/refusal-details'
import type { RefusalDetail } from '@nauthera/rules/refusal-details'
import { refusalKinds, refusalLimits, isRefusalCode } from '@nauthera/rules/refusals'
import type { RefusalCode } from '@nauthera/rules/refusals'
import type { KnownRefusal, PublishedRefusals } from './observations.ts'
import type { OIDCClientStatus } from '../../api/client-status.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { present } from '../client/present.ts'
import { pkceHint } from './code-protection.ts'
import { timeText } from '../../api/time-text.ts'

type Told = NonNullable<OIDCClientStatus['refusals']>[number]

/** Codes of one client where statuses are cramped. */
export const crampedCodes = 8

/** @returns the most useful first. What the status said before stays for its hour: the server that counted it may be gone. */
export function describeRefusals(
  client: OIDCClient,
  { known, isCramped = false }: PublishedRefusals,
  now: number,
): readonly Told[] | undefined {
  const all = new Map<string, KnownRefusal>()
  for (const one of [...toldBefore(client.status?.refusals), ...known]) {
    const key = `${one.code} ${one.by}`
    const other = all.get(key)
    const newer = other === undefined || one.lastSeen >= other.lastSeen ? one : other
    all.set(key, { ...newer, count: Math.max(one.count, other?.count ?? 0) })
  }
  const lasting = [...all.values()].filter(({ lastSeen }) => now < lastSeen + refusalLimits.keptMs).toSorted(byUse)
  const told = isCramped ? cramped(lasting) : lasting
  return told.length === 0 ? undefined : told.map((one) => toldOf(one, client))
}

/** @returns in how many milliseconds the next entry of the status is over; undefined for none */
export function refusalsEndIn(told: OIDCClientStatus['refusals'], now: number): number | undefined {
  const ends = (told ?? []).map(({ lastSeen }) => Date.parse(lastSeen) + refusalLimits.keptMs - now)
  return ends.length === 0 ? undefined : Math.max(0, Math.min(...ends))
}

/** @returns whether the status that people see has the code, with these details */
export const tellsRefusal = (
  told: OIDCClientStatus['refusals'],
  { code, by, details = [] }: Pick<KnownRefusal, 'code' | 'by'> & { readonly details?: readonly RefusalDetail[] },
): boolean =>
  told?.some(
    (one) => one.code === code && one.by === by && textsOf(details).every((text) => one.details?.includes(text)),
  ) === true

/** @param told what a status says; who sent the details is not in it */
export const toldBefore = (told: OIDCClientStatus['refusals']): readonly KnownRefusal[] =>
  (told ?? []).flatMap(({ code, by, details = [], count, lastSeen }) => {
    if (!isRefusalCode(code)) return []
    const seenAt = Date.parse(lastSeen)
    return [
      {
        code,
        by,
        details: details.map((text, index) => detailOf({ code, text, index, seenAt })),
        count,
        lastSeen: seenAt,
      },
    ]
  })

const detailOf = (of: { code: RefusalCode; text: string; index: number; seenAt: number }): RefusalDetail => ({
  text: of.text,
  // a server marks the hosts of others
  isOwn: refusalKinds[of.code].detail === 'uri' && !of.text.includes('[.]'),
  // each of a network of its own
  sender: -(of.index + 1) * 2 ** hostBits,
  lastSeen: of.seenAt,
})

/** Who had the secret, then who asks for a place of the client, then anybody; of these the newest first. */
const byUse = (one: KnownRefusal, other: KnownRefusal): number =>
  strangeness(one) - strangeness(other) || other.lastSeen - one.lastSeen || (one.code < other.code ? -1 : 1)

function strangeness({ code, by, details }: KnownRefusal): number {
  if (by === 'Client' || code === 'SECRET_ENDED') return 0
  return details.some(({ isOwn }) => isOwn) ? 1 : 2
}

/** Half of the room is for what a proven client met, whatever strangers send. */
function cramped(all: readonly KnownRefusal[]): readonly KnownRefusal[] {
  const ofAnyone = all.filter(({ by }) => by === 'Anyone')
  const ofClient = all
    .filter(({ by }) => by === 'Client')
    .slice(0, Math.max(crampedCodes / 2, crampedCodes - ofAnyone.length))
  const kept = new Set([...ofClient, ...ofAnyone.slice(0, crampedCodes - ofClient.length)])
  return all.filter((one) => kept.has(one)).map((one) => ({ ...one, details: one.details.slice(0, 1) }))
}

const toldOf = ({ code, by, details, count, lastSeen }: KnownRefusal, client: OIDCClient): Told => ({
  code,
  by,
  ...present({ details: details.length === 0 ? undefined : textsOf(details) }),
  count,
  lastSeen: timeText(lastSeen),
  hint: code === 'PKCE_MISSING' ? pkceHint(client.spec) : refusalKinds[code].hint,
})

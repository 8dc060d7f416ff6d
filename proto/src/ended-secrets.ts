// The ids of a client's ended secrets, so that a log line can say "ended" and not "wrong".

const dayMs = 86_400_000
/** Days. */
const known = 30
/** Of one client. */
const most = 8

/** By id the day since 1970. */
type EndedSecrets = Readonly<Record<string, number>>

/** @returns the ids that are still known, the newest last
 *  @param now epoch milliseconds */
export const knownEnded = (ended: EndedSecrets, now: number): readonly string[] =>
  Object.entries(ended)
    .filter(([, day]) => day + known >= Math.floor(now / dayMs))
    .toSorted(([, one], [, other]) => one - other)
    .map(([id]) => id)

/** @param gone secrets that were just removed, with their `notAfter`; undefined for one without
 *  @param live ids of those that are valid now
 *  @returns the new record; the same object when nothing changes */
export function withEnded(
  before: EndedSecrets,
  gone: readonly { readonly id: string; readonly notAfter?: number | undefined }[],
  live: ReadonlySet<string>,
  now: number,
): EndedSecrets {
  if (gone.length === 0 && !Object.keys(before).some((id) => live.has(id))) return before
  const left = gone.map(({ id, notAfter = now }) => [id, Math.floor(Math.min(notAfter, now) / dayMs)] as const)
  const all = Object.fromEntries([...Object.entries(before), ...left].filter(([id]) => !live.has(id)))
  return Object.fromEntries(
    knownEnded(all, now)
      .slice(-most)
      .map((id) => [id, all[id]!]),
  )
}

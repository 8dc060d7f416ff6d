// Replaces leaked keys in one of two ways. Publish: the new key signs once caches have it. Cut: the old key ends at once, and its
// signatures are refused.
import { isCut } from '../../store/tokens/keys.ts'
import type { KeySummary, KeyWriter } from '../../store/tokens/keys.ts'
import { cachesHold } from '../../jwks-age.ts'
import { lineOf } from './key-set.ts'
import type { RingKey } from './key-set.ts'
import { carryOut, removeKeys } from './stored-keys.ts'
import type { MintKey } from './stored-keys.ts'
import { planKeys } from './states.ts'
import type { KeyPolicy } from './states.ts'

/** What `cut` ends. */
export const cuts = ['signing', 'cookies', 'all'] as const
export type Cut = (typeof cuts)[number]

/** The next key of each line becomes active as soon as caches have it. */
export async function publishNow(
  keys: readonly RingKey[],
  lines: readonly string[],
  writer: KeyWriter,
  about: { now: number; policy: KeyPolicy; mint: MintKey },
): Promise<void> {
  const { now, policy, mint } = about
  const publishBefore = Math.min(policy.publishBefore, cachesHold)
  const waits = ({ line, activeAt, file, unreadable }: RingKey) =>
    !file && !unreadable && lines.includes(line) && activeAt > now
  const moved = keys.map((key) =>
    waits(key) ? { ...key, activeAt: Math.min(key.activeAt, Math.max(now, key.createdAt + publishBefore)) } : key,
  )
  await carryOut(planKeys(moved, lines, now, { ...policy, publishBefore }, new Set(lines)), writer, mint)
  for (const [index, { id, activeAt }] of moved.entries())
    if (activeAt < keys[index]!.activeAt)
      await writer.setTimes(id, { activeAt: new Date(activeAt), retireAt: undefined, removeAt: undefined })
}

/** Every stored key of these lines ends now, those that wait to become active included. It needs none of them to open.
 *  @param about.made the lines that get a new key, which is active at once
 *  @returns how many ended */
export async function cutOff(
  keys: readonly KeySummary[],
  lines: readonly string[],
  writer: KeyWriter,
  about: { now: number; policy: KeyPolicy; made: readonly string[]; mint: MintKey },
): Promise<number> {
  const old = keys.filter((key) => key.use !== 'file' && lines.includes(lineOf(key))).map(({ id }) => id)
  await carryOut(planKeys([], about.made, about.now, about.policy), writer, about.mint)
  await removeKeys(old, writer)
  return old.length
}

/** Keys of a file that this process does not find there any more end now. Their rows stay, so that a replica that still has the old
 *  file does not bring them back.
 *  @param listed ids of the keys in the file
 *  @returns how many ended */
export async function cutOffFile(
  stored: readonly KeySummary[],
  listed: ReadonlySet<string>,
  writer: KeyWriter,
  now: number,
): Promise<number> {
  const old = stored.filter((key) => key.use === 'file' && !isCut(key) && !listed.has(key.id))
  for (const { id, activeAt } of old) {
    const ended = { event: 'key.removed', outcome: 'success', detail: { key: id } } as const
    await writer.setTimes(id, { activeAt, retireAt: new Date(now), removeAt: new Date(now) }, [ended])
  }
  for (const { id } of stored.filter((key) => key.use === 'file' && listed.has(key.id) && key.activeAt.getTime() > now))
    await writer.setTimes(id, { activeAt: new Date(now), retireAt: undefined, removeAt: undefined })
  return old.length
}

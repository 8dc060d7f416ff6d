// What can go wrong with the answer of a provider.
import { timingSafeEqual } from 'node:crypto'
import { hasCode } from '@nauthera/runtime/coded-error'
import type { Log } from '@nauthera/runtime/log'
import type { Upstream } from './upstream.ts'

/** Asks a provider. What it does wrong is an outcome, and stands in the log. */
export async function requestUpstream<Answer>(
  log: Log,
  { id }: Pick<Upstream, 'id'>,
  ask: () => Promise<Answer>,
): Promise<Answer | { readonly kind: 'away' } | { readonly kind: 'invalid' }> {
  try {
    return await ask()
  } catch (error) {
    if (!hasCode(error, 'UPSTREAM_UNAVAILABLE', 'UPSTREAM_ANSWER_INVALID', 'SETTINGS_INVALID')) throw error
    log.warn({ error, upstream: id }, 'a sign-in at a provider did not work')
    return { kind: error.code === 'UPSTREAM_ANSWER_INVALID' ? 'invalid' : 'away' }
  }
}

/** Compares in constant time. */
export function isSame(given: string | null, wanted: string): boolean {
  const [a, b] = [Buffer.from(given ?? ''), Buffer.from(wanted)]
  return a.length === b.length && timingSafeEqual(a, b)
}

import { createHmac } from 'node:crypto'
import { longestAssertion } from '../../lifetimes.ts'
import { fromStore } from '../current-request.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import type { Internals } from '../shapes.ts'

/** ReplayDetection.unique (jti of assertions and DPoP proofs): the library reads and then writes, so two requests could
 *  both use one jti. Here one SQL statement decides. */
export function replayOnce({ ReplayDetection }: Internals, { store, now }: Pick<OverrideNeeds, 'store' | 'now'>): void {
  replace(ReplayDetection, 'unique', () => async (issuer, jti, exp) => {
    // a jti must be remembered until it expires, so one that expires too late is refused (RFC 7523 section 3, point 4)
    if (!(exp <= now() / 1000 + longestAssertion)) return false
    const id = createHmac('sha256', 'jti').update(`${issuer}\0${jti}`).digest('base64url')
    return fromStore(() => store.oneTime.mark('jti', id, new Date(exp * 1000)))
  })
}

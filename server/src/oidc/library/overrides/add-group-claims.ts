import { replace } from '../override.ts'
import type { Claims, Internals } from '../shapes.ts'

/** Claims.prototype.result: adds the claims that a client derives from groups. Their names are not in the Provider's
 *  list of claims, so the library itself would leave them out. */
export function addGroupClaims({ Claims }: Internals): void {
  replace(
    Claims.prototype,
    'result',
    (original) =>
      async function result(this: Claims) {
        const claims = await original.call(this)
        return { ...this.available[groupClaims], ...claims }
      },
  )
}

/** The key under which `account.claims()` returns these claims. */
export const groupClaims = Symbol('claims from groups')

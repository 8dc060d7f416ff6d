import { replace } from '../override.ts'
import type { Claims, Internals } from '../shapes.ts'

/** Claims.prototype.result: claims that a client derives from groups have names that the Provider cannot list. */
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

/** Under this key `account.claims()` hands over what is added. */
export const groupClaims = Symbol('claims from groups')

import { Provider } from 'oidc-provider'
import { internalsOf } from '../../../../src/oidc/library/shapes.ts'
import type { Internals } from '../../../../src/oidc/library/shapes.ts'

/** The classes of the library as it comes: a Provider of their own each time, since each has its own. */
export function stockInternals(): Internals {
  return internalsOf(
    new Provider('http://localhost:1', {
      adapter: class {} as never,
      jwks: { keys: [] },
      cookies: { keys: ['x'] },
      features: { devInteractions: { enabled: false } },
    }),
  )
}

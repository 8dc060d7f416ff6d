import { Provider } from 'oidc-provider'
import { internalsOf } from '../../../../src/oidc/library/shapes.ts'
import type { Internals } from '../../../../src/oidc/library/shapes.ts'

/** The library's classes without any override. Each Provider has its own classes, so each call makes a new Provider. */
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

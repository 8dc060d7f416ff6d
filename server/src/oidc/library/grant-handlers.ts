import { Provider } from 'oidc-provider'
import type { Configuration, TokenEndpointGrantContext } from 'oidc-provider'

/** Answers a token request of one grant. */
export type GrantHandler = (context: TokenEndpointGrantContext) => Promise<void> | void

/** Creates a Provider, and captures the library's private handlers of its own grants. Each also reads `authorization_details` (RFC 9396
 *  section 6). */
export function createProvider(
  issuer: string,
  configuration: Configuration,
): { readonly provider: Provider; handlerOf(grant: string): GrantHandler } {
  const handlers = new Map<string, GrantHandler>()
  class WatchedProvider extends Provider {
    override registerGrantType<Params extends object>(
      ...[name, handler, params, ...more]: Parameters<typeof Provider.prototype.registerGrantType<Params>>
    ): void {
      // which parameters it reads is for its caller to know
      handlers.set(name, handler as GrantHandler)
      const read = typeof params === 'string' ? [params] : (params ?? [])
      super.registerGrantType<Params>(name, handler, [...read, 'authorization_details'], ...more)
    }
  }
  return {
    provider: new WatchedProvider(issuer, configuration),
    handlerOf(grant) {
      const handler = handlers.get(grant)
      if (handler === undefined) throw new TypeError(`oidc-provider no longer registers a handler for ${grant}`)
      return handler
    },
  }
}

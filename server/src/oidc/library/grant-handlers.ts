import { Provider } from 'oidc-provider'
import type { Configuration, TokenEndpointGrantContext } from 'oidc-provider'

/** Answers a token request of one grant. */
export type GrantHandler = (context: TokenEndpointGrantContext) => Promise<void> | void

type Names = Parameters<Provider['registerGrantType']>[2]

/** Creates a Provider, and captures the library's private handlers of its own grants. Each also reads `authorization_details` (RFC 9396
 *  section 6). */
export function createProvider(
  issuer: string,
  configuration: Configuration,
): { readonly provider: Provider; handlerOf(grant: string): GrantHandler } {
  const handlers = new Map<string, GrantHandler>()
  class WatchedProvider extends Provider {
    // which parameters a handler reads is for its caller to know
    override registerGrantType<Params extends object>(
      ...asked: Parameters<typeof Provider.prototype.registerGrantType<Params>>
    ): void
    override registerGrantType(name: string, handler: GrantHandler, params: Names = [], duplicates?: Names): void {
      handlers.set(name, handler)
      const read = typeof params === 'string' ? [params] : params
      super.registerGrantType(name, handler, [...read, 'authorization_details'], duplicates)
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

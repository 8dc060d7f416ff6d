import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Log } from '@nauthera/runtime/log'
import type { ClientClass } from '../clients/oidc-client.ts'
import { currentRequest } from './current-request.ts'
import type { MintLogoutToken } from './logout-tokens.ts'

/** One Provider, made of the settings and one set of keys (provider.ts). When it is replaced, requests in flight still
 *  finish on it. */
export interface Generation {
  readonly handle: RequestListener
  readonly clientClass: ClientClass
  readonly mintLogoutToken: MintLogoutToken
  readonly documents: {
    /** For OpenID Connect Discovery and for RFC 8414: the same document. */
    readonly metadata: Buffer
    readonly jwks: Buffer
  }
}

/** Swaps the Provider when keys change. Building one takes about a millisecond. */
export interface Generations {
  /** @throws TypeError before the first one */
  current(): Generation
  isReady(): boolean
  /** Builds the next one while the current one serves, then swaps. When the build fails, the current one stays.
   *  @throws what `build` throws while there is no current one */
  renew(build: () => Promise<Generation>): Promise<void>
  /** Passes a request to the current one, which handles it to its end.
   *  @param next for paths that the library does not have */
  readonly handle: (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void
}

export function createGenerations(needs: { log: Log }): Generations {
  let current: Generation | undefined
  let latest = 0
  const take = (): Generation => {
    if (current === undefined) throw new TypeError('no keys are loaded yet')
    return current
  }
  return {
    current: take,
    isReady: () => current !== undefined,
    async renew(build) {
      const turn = ++latest
      try {
        const next = await build()
        // a later call may have finished first
        if (turn === latest) current = next
      } catch (error) {
        needs.log.error({ error }, 'the new keys could not be used; the current keys stay in use')
        if (current === undefined) throw error
      }
    },
    handle: (request, response, next) => {
      currentRequest().passOn = next
      take().handle(request, response)
    },
  }
}

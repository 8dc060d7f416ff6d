import { keepKnownPrompts } from '../params/keep-known-prompts.ts'
import { keepOfflineAccess } from '../params/keep-offline-access.ts'
import { knowApis } from '../params/know-apis.ts'
import { knowRedirectUri } from '../params/know-redirect-uri.ts'
import { nameTokens } from '../params/name-tokens.ts'
import { refuseDeepJson } from '../params/refuse-deep-json.ts'
import { refuseLineEnds } from '../params/refuse-line-ends.ts'
import { refuseNul } from '../params/refuse-nul.ts'
import { refuseOddAssertions } from '../params/refuse-odd-assertions.ts'
import { refusePushedUris } from '../params/refuse-pushed-uris.ts'
import { acceptEmptyBasic } from '../params/take-empty-basic.ts'
import { acceptPlatformTokens } from '../params/take-platform-tokens.ts'
import { takeSecretTwice } from '../params/take-secret-twice.ts'
import type { ParamsNeeds, ParamsWatcher } from '../params/params-watcher.ts'
import type { Context, Internals, Params } from '../shapes.ts'

const watchers: readonly ParamsWatcher[] = [
  refuseDeepJson,
  refuseNul,
  // those of platforms are taken out by then
  acceptPlatformTokens,
  refuseOddAssertions,
  acceptEmptyBasic,
  takeSecretTwice,
  refuseLineEnds,
  refusePushedUris,
  keepKnownPrompts,
  keepOfflineAccess,
  knowApis,
  knowRedirectUri,
  nameTokens,
]

const assembled = Symbol('assembled')

interface WithParams {
  [assembled]?: Params
}

/** OIDCContext.prototype.params: becomes an accessor that calls the watchers in params/. */
export function watchParams({ OIDCContext }: Internals, needs: ParamsNeeds): void {
  if ('params' in OIDCContext.prototype)
    throw new TypeError('oidc-provider now has its own accessor for params: an override must change')
  Object.defineProperty(OIDCContext.prototype, 'params', {
    configurable: true,
    get(this: WithParams) {
      return this[assembled]
    },
    set(this: WithParams & { ctx: Context }, params: Params) {
      this[assembled] = params
      for (const watch of watchers) watch(this.ctx, params, needs)
    },
  })
}

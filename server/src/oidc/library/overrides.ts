import type { Override, OverrideNeeds } from './override.ts'
import { addGroupClaims } from './overrides/add-group-claims.ts'
import { aliasAddresses } from './overrides/alias-addresses.ts'
import { authorizationDetails } from './overrides/authorization-details.ts'
import { compareSecrets } from './overrides/compare-secrets.ts'
import { consumeCodes } from './overrides/consume-codes.ts'
import { consumePushedRequests } from './overrides/consume-pushed-requests.ts'
import { deviceCodes } from './overrides/device-codes.ts'
import { encryptUserinfo } from './overrides/encrypt-userinfo.ts'
import { endSessions } from './overrides/end-sessions.ts'
import { exchangeTokens } from './overrides/exchange-tokens.ts'
import { findClients } from './overrides/find-clients.ts'
import { finishCodes } from './overrides/finish-codes.ts'
import { idTokens } from './overrides/id-tokens.ts'
import { loadGrants } from './overrides/load-grants.ts'
import { meantApi } from './overrides/meant-api.ts'
import { missingResponseType } from './overrides/missing-response-type.ts'
import { readKeysFirst } from './overrides/read-keys-first.ts'
import { refuseGrants } from './overrides/refuse-grants.ts'
import { replayOnce } from './overrides/replay-once.ts'
import { rotateRefreshTokens } from './overrides/rotate-refresh-tokens.ts'
import { sealValues } from './overrides/seal-values.ts'
import { sidForAll } from './overrides/sid-for-all.ts'
import { statelessSessions } from './overrides/stateless-sessions.ts'
import { stayAfterLogout } from './overrides/stay-after-logout.ts'
import { watchParams } from './overrides/watch-params.ts'
import type { Internals } from './shapes.ts'

/** Every internal of oidc-provider that we replace: a file each, applied in this order. Each has a contract of the same
 *  name in test/oidc/library/overrides/. When an update of the library breaks one, the test of that contract fails.
 *
 *  Two could go if the library had a place for them. `missingResponseType`: it judges the mode before it looks whether there is a type, and
 *  has no hook behind the redirect URI and before that; a hook before it would show the fault on a page of ours. `exchangeTokens`: of its
 *  grants it exports nothing, so the exchange runs that of machines and changes what that saves. */
export const overrides = {
  findClients,
  readKeysFirst,
  compareSecrets,
  sidForAll,
  sealValues,
  consumeCodes,
  finishCodes,
  deviceCodes,
  exchangeTokens,
  meantApi,
  authorizationDetails,
  rotateRefreshTokens,
  consumePushedRequests,
  replayOnce,
  refuseGrants,
  loadGrants,
  statelessSessions,
  endSessions,
  addGroupClaims,
  idTokens,
  encryptUserinfo,
  watchParams,
  aliasAddresses,
  stayAfterLogout,
  missingResponseType,
} as const satisfies Readonly<Record<string, Override>>

export function applyOverrides(library: Internals, needs: OverrideNeeds): void {
  for (const override of Object.values<Override>(overrides)) override(library, needs)
}

import { errors } from 'oidc-provider'
import { refreshTokenId, refreshTokenTimes, staysTheSame } from '../../artefacts/refresh-families.ts'
import { idleLifetime } from '../../clients/refresh-terms.ts'
import type { RotatedFamily } from '../../request-context.ts'
import { audited } from '../audited.ts'
import { currentRequest, fromStore } from '../current-request.ts'
import { keepInPayload, replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { refuseEarly } from '../refuse-early.ts'
import { clientOf, currentContext, entitiesOf } from '../shapes.ts'
import type { Artefact, Internals } from '../shapes.ts'

/** RefreshToken.prototype.consume, generateTokenId, getValueAndPayload: compute a token from the row of its family. */
export function rotateRefreshTokens(
  { RefreshToken }: Internals,
  needs: Pick<OverrideNeeds, 'store' | 'sealer' | 'keys' | 'settings' | 'clients'>,
): void {
  const { store, sealer, keys, settings, clients } = needs
  // the ID token of a refresh should have no nonce (OpenID Connect Core 12.2), and Angular's library refuses one that has
  keepInPayload(RefreshToken, [...RefreshToken.IN_PAYLOAD.filter((name) => name !== 'nonce'), 'seq'])
  replace(
    RefreshToken.prototype,
    'consume',
    () =>
      async function consume(this: Artefact) {
        const client = clients.registered(clientOf(currentContext()))
        const { config } = client
        const grant = entitiesOf(currentContext()).Grant!
        refuseEarly(this, { client, grant, apis: clients })
        const outcome = await fromStore(() =>
          store.renewals.rotate({
            userId: this.accountId!,
            grantId: this.grantId!,
            seq: this.seq!,
            graceMs: settings.refreshGraceMs,
            idleTtlMs: idleLifetime(config, this.scope) * 1000,
            keeps: staysTheSame(config),
            auditOnReuse: [audited({ event: 'refresh.reuse', outcome: 'failure' }, this)],
          }),
        )
        if (outcome.kind === 'reused')
          throw new errors.InvalidGrant('the refresh token was already used; sign in again')
        if (outcome.kind === 'gone')
          throw new errors.InvalidGrant('the refresh token was revoked or has expired; sign in again')
        currentRequest().family = outcome
        this.emit('consumed')
      },
  )
  replace(
    RefreshToken.prototype,
    'generateTokenId',
    () =>
      function generateTokenId(this: Artefact) {
        return refreshTokenId(this.grantId!, familyOfRequest(), keys.cookies)
      },
  )
  replace(
    RefreshToken.prototype,
    'getValueAndPayload',
    (original) =>
      async function getValueAndPayload(this: Artefact) {
        const family = familyOfRequest()
        const times = refreshTokenTimes(family, clients.registered(this.client!).config, this.scope)
        Object.assign(this, { seq: family.seq, ...times })
        const { payload } = await original.call(this)
        return { value: sealer.seal('RefreshToken', payload!, { madeAt: family.rotatedAt }) }
      },
  )
}

function familyOfRequest(): RotatedFamily {
  const { family } = currentRequest()
  if (family === undefined) throw new TypeError('this request has neither begun nor rotated a refresh family')
  return family
}

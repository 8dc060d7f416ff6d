import { errors } from 'oidc-provider'
import { newFamily } from '../../artefacts/refresh-families.ts'
import { audited } from '../audited.ts'
import { currentRequest, fromStore } from '../current-request.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { refuseEarly } from '../refuse-early.ts'
import { clientOf, currentContext, parameterOf } from '../shapes.ts'
import type { Artefact, Internals } from '../shapes.ts'

/** AuthorizationCode.prototype.consume and DeviceCode.prototype.consume: one SQL statement consumes a code, so that two requests cannot
 *  both use it. A second use ends the grant of the code (RFC 6749 section 4.1.2). */
export function consumeCodes(library: Internals, { store, clients }: Pick<OverrideNeeds, 'store' | 'clients'>): void {
  for (const [kind, name] of names) {
    replace(
      library[kind].prototype,
      'consume',
      () =>
        async function consume(this: Artefact) {
          // the library tells the device why there are no tokens, each time that it asks
          if (this.error !== undefined) return
          const client = clients.registered(clientOf(currentContext()))
          const { config } = client
          // of a device the library looks at the grant only afterwards, when a second use may have ended it; loaded once a request
          const needsGrant =
            kind === 'DeviceCode' || parameterOf(currentContext(), 'authorization_details') !== undefined
          const grant = needsGrant ? await library.Grant.find(this.grantId!) : undefined
          refuseEarly(this, { client, grant, apis: clients })
          const outcome = await fromStore(async () =>
            store.grants.consumeCode({
              jti: this.jti,
              expiresAt: new Date(this.exp! * 1000),
              grantId: this.grantId!,
              family: newFamily(config, this.scope),
              auditOnReplay: [audited({ event: 'code.replay', outcome: 'failure' }, this)],
            }),
          )
          if (outcome.kind === 'replayed')
            throw new errors.InvalidGrant(`the ${name} was already used; start a new sign-in`)
          if (outcome.family) currentRequest().family = { ...outcome.family, expiresAt: Number.POSITIVE_INFINITY }
          this.emit('consumed')
        },
    )
  }
}

const names = [
  ['AuthorizationCode', 'authorization code'],
  ['DeviceCode', 'device code'],
] as const

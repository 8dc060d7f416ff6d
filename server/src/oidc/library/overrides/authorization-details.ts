import { detailsOfMachine, detailsOfToken } from '../../artefacts/granted-details.ts'
import type { Detail } from '../../apis/detail-type.ts'
import { keepInPayload, replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { clientOf, currentContext, entitiesOf, parameterOf } from '../shapes.ts'
import type { AccessToken, Context, Internals } from '../shapes.ts'

type Needs = Pick<OverrideNeeds, 'clients'>

/** Grant stores authorization details (RFC 9396); AccessToken.prototype.save and ClientCredentials.prototype.save give a token those of
 *  its API. The library writes `rar` into JWTs and answers; in an opaque token it has another name. */
export function authorizationDetails({ Grant, AccessToken, ClientCredentials }: Internals, needs: Needs): void {
  for (const model of [Grant, AccessToken, ClientCredentials])
    keepInPayload(model, [...model.IN_PAYLOAD, 'authorizationDetails'])
  for (const [model, detailsOf] of [
    [AccessToken, ofPerson],
    [ClientCredentials, ofMachine],
  ] as const) {
    replace(
      model.prototype,
      'save',
      (original) =>
        async function save(this: AccessToken, ttl) {
          // in an exchange there is neither a grant of the person in this request, nor the parameter (checkDetails refuses it)
          const details = detailsOf(currentContext(), this, needs)
          if (details.length === 0) return original.call(this, ttl)
          const isOpaque = this.resourceServer?.accessTokenFormat === 'opaque'
          this[isOpaque ? 'authorizationDetails' : 'rar'] = details
          const value = await original.call(this, ttl)
          this.rar = details
          return value
        },
    )
  }
}

function ofPerson(context: Context, token: AccessToken): readonly Detail[] {
  const { Grant: grant } = entitiesOf(context)
  return detailsOfToken(parameterOf(context, 'authorization_details'), grant, token.resourceServer?.identifier())
}

function ofMachine(context: Context, token: AccessToken, { clients }: Needs): readonly Detail[] {
  const text = parameterOf(context, 'authorization_details')
  const client = clients.registered(clientOf(context))
  return detailsOfMachine(text, token.resourceServer?.identifier(), client, clients)
}

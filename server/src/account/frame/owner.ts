// Guards every page below /account/security, which change how a person signs in, and says which sessions such a change ends.
import { acrLevels } from '@nauthera/rules/acr'
import { hasTwoFactors } from '../../oidc/acr.ts'
import type { BrowserSessions } from '../../oidc/browser-session.ts'
import type { PageRequest } from '../../reply.ts'
import type { AsAdmitted, OtherSessions } from '../../store/people/standing.ts'
import type { SecondFactorPolicy } from '../../users/factors/policy.ts'
import { personalRoutes } from './gate.ts'
import type { Admission, AccountGate, SignedInPerson } from './gate.ts'

export interface OwnerNeeds {
  readonly gate: AccountGate
  readonly browserSessions: Pick<BrowserSessions, 'renew'>
  readonly secondFactor: SecondFactorPolicy
}

const [, byTwoFactors] = acrLevels

/** The routes of pages about how the person signs in. They require a sign-in in the last minutes, with the second factor if the person
 *  has one. */
export const ownersRoutes = <Needs extends OwnerNeeds>(needs: Needs) =>
  personalRoutes(needs, (request) => requireOwner(needs, request))

/** @throws CodedError STORE_UNAVAILABLE */
async function requireOwner({ gate, secondFactor }: OwnerNeeds, request: PageRequest): Promise<Admission> {
  const admission = await gate.requireFresh(request)
  if (admission.kind !== 'admitted' || hasTwoFactors(admission.person.session.amr)) return admission
  // when second factors are off, nobody can prove one
  if (secondFactor.policy === 'off' || admission.person.factors.length === 0) return admission
  return gate.requireFresh(request, { acr: [byTwoFactors] })
}

/** The person as admitted, for the statement of a change, which checks it again. */
export const admittedAs = ({ user, standing }: SignedInPerson): AsAdmitted => ({ userId: user.id, standing })

/** The sessions that stay after the change: this one, and all others with the field `keep-sessions`. */
export const othersOf = ({ session }: SignedInPerson, { form }: PageRequest): OtherSessions => ({
  keepSession: { uid: session.uid, version: session.version + 1 },
  keepsOthers: form.get('keep-sessions') === 'yes',
})

/** Continues the session with a new cookie; a copy of the old cookie is signed out.
 *  @param amr of the session from now on (RFC 8176); default: unchanged */
export function goOn(
  { browserSessions }: Pick<OwnerNeeds, 'browserSessions'>,
  { session }: SignedInPerson,
  { raw }: PageRequest,
  amr: readonly string[] = session.amr,
): void {
  browserSessions.renew(raw, { version: session.version + 1, amr })
}

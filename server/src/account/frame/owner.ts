import { acrLevels } from '@nauthera/rules/acr'
import { hasTwoFactors } from '../../oidc/acr.ts'
import type { BrowserSessions } from '../../oidc/browser-session.ts'
import type { PageRequest, Route } from '../../reply.ts'
import type { AsAdmitted, OtherSessions } from '../../store/people/standing.ts'
import type { SecondFactorPolicy } from '../../users/factors/policy.ts'
import { personalForm, personalPage } from './gate.ts'
import type { Admission, AccountGate, SignedInPerson } from './gate.ts'

// Whoever changes how a person signs in comes through here: every page below /account/security. What such a change ends is said here too.

export interface OwnerNeeds {
  readonly gate: AccountGate
  readonly browserSessions: Pick<BrowserSessions, 'renew'>
  readonly secondFactor: SecondFactorPolicy
}

const [, byTwoFactors] = acrLevels

/** A page about how the person signs in: it wants a sign-in of the last minutes; of whoever has a second factor, one that proved it. */
export const ownersPage = (path: string, needs: OwnerNeeds, handle: Handle): Route =>
  personalPage(path, (request) => requireOwner(needs, request), handle)

/** Its form. */
export const ownersForm = (path: string, needs: OwnerNeeds, handle: Handle): Route =>
  personalForm(path, (request) => requireOwner(needs, request), handle)

type Handle = Parameters<typeof personalPage>[2]

/** @throws CodedError STORE_UNAVAILABLE */
async function requireOwner({ gate, secondFactor }: OwnerNeeds, request: PageRequest): Promise<Admission> {
  const admission = await gate.requireFresh(request)
  if (admission.kind !== 'admitted' || hasTwoFactors(admission.person.session.amr)) return admission
  // where nobody is asked for a second factor, nobody can prove one
  if (secondFactor.policy === 'off' || admission.person.factors.length === 0) return admission
  return gate.requireFresh(request, { acr: [byTwoFactors] })
}

/** For the statement of a change: it asks again whether the person is as they were let in. */
export const admittedAs = ({ user, standing }: SignedInPerson): AsAdmitted => ({ userId: user.id, standing })

/** Which sessions go on after the change of this form: this one, and the others where its field `keep-sessions` says so. */
export const othersOf = ({ session }: SignedInPerson, { form }: PageRequest): OtherSessions => ({
  keepSession: { uid: session.uid, version: session.version + 1 },
  keepsOthers: form.get('keep-sessions') === 'yes',
})

/** The session goes on with another cookie; whoever has a copy of the one before is signed out.
 *  @param amr what the session proves from now on (RFC 8176); default: as before */
export function goOn(
  { browserSessions }: Pick<OwnerNeeds, 'browserSessions'>,
  { session }: SignedInPerson,
  { raw }: PageRequest,
  amr: readonly string[] = session.amr,
): void {
  browserSessions.renew(raw, { version: session.version + 1, amr })
}

import { acrLevels } from '@nauthera/rules/acr'
import { hasTwoFactors } from '../oidc/acr.ts'
import type { PageRequest } from '../reply.ts'
import type { Factors } from '../store/factors.ts'
import type { SecondFactorPolicy } from '../users/factors/policy.ts'
import type { Admission, Gate } from './gate.ts'

const [, byTwoFactors] = acrLevels

/** Who may change how the person signs in: a sign-in of the last minutes; of whoever has a second factor, one that proved it.
 *  @throws CodedError STORE_UNAVAILABLE */
export async function requireOwner(
  needs: { gate: Gate; factors: Pick<Factors, 'of'>; secondFactor: SecondFactorPolicy },
  request: PageRequest,
): Promise<Admission> {
  const admission = await needs.gate.requireFresh(request)
  if (admission.kind !== 'admitted' || hasTwoFactors(admission.person.session.amr)) return admission
  // where nobody is asked for a second factor, nobody can prove one
  if (needs.secondFactor.policy === 'off') return admission
  const has = await needs.factors.of(admission.person.user.id)
  return has.length === 0 ? admission : needs.gate.requireFresh(request, { acr: [byTwoFactors] })
}

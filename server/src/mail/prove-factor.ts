// A link in a mail proves a mailbox only. A person with a second factor has to prove it too before the link changes how they sign in. A hidden
// field of the next page holds this proof, encrypted and bound to the link.
import { paths } from '@nauthera/rules/endpoints'
import { ageOf } from '../clock-age.ts'
import { auditedRequest } from '../oidc/request-context.ts'
import type { Page, PageRequest } from '../reply.ts'
import type { Mistake } from '../reply/on-page.ts'
import type { LoadedAccount } from '../store/sessions/accounts.ts'
import type { Factors } from '../store/factors/factors.ts'
import type { SecondFactorPolicy } from '../users/factors/policy.ts'
import { checkProof, proofsOnPage } from '../users/factors/factor-kinds.ts'
import type { CheckProof, FactorProofNeeds } from '../users/factors/factor-kinds.ts'
import { personOnPage } from '../users/person-on-page.ts'

export interface ProveFactorNeeds extends FactorProofNeeds {
  /** The issuer's path, '' when it has none. */
  readonly basePath: string
  readonly secondFactor: SecondFactorPolicy
  readonly factors: Pick<Factors, 'seal' | 'open'>
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** Milliseconds. */
const proofFor = 15 * 60_000

const bindingOf = ({ params }: PageRequest, userId: string): string => `reset:${params['token'] ?? ''}:${userId}`

/** Whether the person has to prove a second factor, and the form of this request does not show that they have. */
export function lacksProof(needs: ProveFactorNeeds, request: PageRequest, { user, factors }: LoadedAccount): boolean {
  // where nobody is asked for a second factor, nobody can prove one
  if (needs.secondFactor.policy === 'off' || factors.length === 0) return false
  const at = needs.factors.open(request.form.get('proof') ?? '', bindingOf(request, user.id))
  return at === undefined || !(ageOf(Number(at), needs.now()) <= proofFor)
}

export async function proofPage(
  needs: ProveFactorNeeds,
  request: PageRequest,
  { user, factors }: LoadedAccount,
  mistakes: readonly Mistake[] = [],
): Promise<Page> {
  const person = personOnPage(user)
  const actionOf = (form: string) =>
    `${needs.basePath}${paths.reset}/${encodeURIComponent(request.params['token'] ?? '')}/${form}`
  return {
    kind: 'page',
    view: 'second-factor',
    reader: person,
    model: {
      person,
      isForPassword: true,
      ...(await proofsOnPage(needs, factors, bindingOf(request, user.id), actionOf)),
      mistakes,
    },
  }
}

/** @returns the value of the field `proof`, or what is wrong
 *  @throws CodedError STORE_UNAVAILABLE */
export async function proveFactor(
  needs: ProveFactorNeeds,
  request: PageRequest,
  { user }: LoadedAccount,
  check: CheckProof,
): Promise<
  { readonly kind: 'proved'; readonly proof: string } | { readonly kind: 'wrong'; readonly mistake: Mistake }
> {
  const boundTo = bindingOf(request, user.id)
  const outcome = await checkProof(needs, check, {
    fields: request.form,
    userId: user.id,
    boundTo,
    about: auditedRequest(request),
    languages: request.languages,
  })
  switch (outcome.kind) {
    case 'passed':
      return { kind: 'proved', proof: needs.factors.seal(String(needs.now()), boundTo) }
    case 'refused':
      return { kind: 'wrong', mistake: outcome.mistake }
    case 'wrong':
      return { kind: 'wrong', mistake: { key: `${outcome.reason}-for-password`, control: outcome.control } }
  }
}

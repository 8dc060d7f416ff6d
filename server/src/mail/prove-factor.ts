// A link in a mail proves a mailbox only. A person with a second factor has to prove it too before the link changes how they sign in. A hidden
// field of the next page holds this proof, encrypted and bound to the link.
import { paths } from '@nauthera/rules/endpoints'
import { passkeyAnswer } from '../login/proof/passkey.ts'
import { auditedRequest } from '../oidc/request-context.ts'
import type { Page, PageRequest } from '../reply.ts'
import type { Mistake } from '../reply/on-page.ts'
import type { LoadedAccount } from '../store/sessions/accounts.ts'
import type { Audit } from '../store/audit/audit.ts'
import type { Factors } from '../store/factors/factors.ts'
import type { PasskeyFactors } from '../users/factors/passkey-factors.ts'
import type { SecondFactorPolicy } from '../users/factors/policy.ts'
import type { CodeOutcome, SecondFactors } from '../users/factors/second-factors.ts'
import { personOnPage } from '../users/person-on-page.ts'

export interface ProveFactorNeeds {
  /** The issuer's path, '' when it has none. */
  readonly basePath: string
  readonly secondFactor: SecondFactorPolicy
  readonly secondFactors: Pick<SecondFactors, 'checkCode' | 'consumeRecoveryCode'>
  readonly passkeys: Pick<PasskeyFactors, 'offer' | 'check'>
  readonly factors: Pick<Factors, 'seal' | 'open'>
  readonly audit: Pick<Audit, 'record'>
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** The forms of the page, by the last part of their address. */
export const proofForms = ['second-factor', 'recovery-code', 'second-passkey'] as const
type ProofForm = (typeof proofForms)[number]

/** Milliseconds. */
const proofFor = 15 * 60_000

const bindingOf = ({ params }: PageRequest, userId: string): string => `reset:${params['token'] ?? ''}:${userId}`

/** Whether the person has to prove a second factor, and the form of this request does not show that they have. */
export function lacksProof(needs: ProveFactorNeeds, request: PageRequest, { user, factors }: LoadedAccount): boolean {
  // where nobody is asked for a second factor, nobody can prove one
  if (needs.secondFactor.policy === 'off' || factors.length === 0) return false
  const at = needs.factors.open(request.form.get('proof') ?? '', bindingOf(request, user.id))
  const age = at === undefined ? undefined : needs.now() - Number(at)
  return age === undefined || !(age >= 0 && age <= proofFor)
}

export async function proofPage(
  needs: ProveFactorNeeds,
  request: PageRequest,
  { user, factors }: LoadedAccount,
  mistakes: readonly Mistake[] = [],
): Promise<Page> {
  const person = personOnPage(user)
  const actionOf = (form: ProofForm) =>
    `${needs.basePath}${paths.reset}/${encodeURIComponent(request.params['token'] ?? '')}/${form}`
  const passkey = factors.includes('passkey') ? await needs.passkeys.offer(bindingOf(request, user.id)) : undefined
  return {
    kind: 'page',
    view: 'second-factor',
    reader: person,
    model: {
      person,
      isForPassword: true,
      action: actionOf('second-factor'),
      recoveryAction: actionOf('recovery-code'),
      hasApp: factors.includes('totp'),
      passkey: passkey && { ...passkey, mode: 'get', action: actionOf('second-passkey') },
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
  form: ProofForm,
): Promise<
  { readonly kind: 'proved'; readonly proof: string } | { readonly kind: 'wrong'; readonly mistake: Mistake }
> {
  const binding = bindingOf(request, user.id)
  const event = { ...auditedRequest(request), userId: user.id }
  const fail = (reason: string, mistake: Mistake) => {
    needs.audit.record({ ...event, event: 'factor.failure', outcome: 'failure', reason })
    return { kind: 'wrong', mistake } as const
  }
  const proved = () => ({ kind: 'proved', proof: needs.factors.seal(String(needs.now()), binding) }) as const
  if (form === 'second-passkey') {
    const outcome = await needs.passkeys.check(passkeyAnswer(request), binding, user.id)
    return outcome.kind === 'passed' ? proved() : fail(`passkey-${outcome.reason}`, { key: 'passkey-refused' })
  }
  const control = form === 'second-factor' ? 'code' : 'recovery-code'
  const typed = request.form.get(control) ?? ''
  if (typed.trim() === '') return { kind: 'wrong', mistake: { key: `${control}-missing`, control } }
  const { checkCode, consumeRecoveryCode: useRecoveryCode } = needs.secondFactors
  const used = { ...event, event: 'factor.recovery_used', outcome: 'success' } as const
  const outcome =
    control === 'code'
      ? await checkCode(user.id, typed)
      : await useRecoveryCode(user.id, typed, { event: used, languages: request.languages })
  if (outcome.kind === 'passed') return proved()
  return fail(outcome.kind === 'locked' ? 'locked' : outcome.reason, mistakeOf(outcome, control))
}

function mistakeOf(outcome: Exclude<CodeOutcome, { kind: 'passed' }>, control: string): Mistake {
  if (outcome.kind === 'wrong') return { key: `${outcome.reason}-for-password`, control }
  return { key: 'codes-locked', control, values: { minutes: Math.ceil(outcome.seconds / 60) } }
}

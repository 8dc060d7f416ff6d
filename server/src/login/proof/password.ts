// A way through the first factor: the password.
import type { Interactions } from '../../oidc/interaction/interaction.ts'
import type { Mistake } from '../../reply/on-page.ts'
import type { Audit } from '../../store/audit/audit.ts'
import type { SecondFactorPolicy } from '../../users/factors/policy.ts'
import { defaultLimits } from '../../users/passwords/lockout.ts'
import type { SignInOutcome } from '../../users/sources/try-password.ts'
import type { UserSources } from '../../users/sources/user-sources.ts'
import type { Attempt, Form, FormOutcome } from '../attempt/attempt.ts'
import { auditFields } from '../attempt/audit-fields.ts'
import { linkingOf } from '../attempt/linking.ts'
import { signedInAs } from '../attempt/signed-in.ts'
import { signInPage } from './sign-in-page.ts'
import type { Federation } from '../upstream/federation.ts'

interface Needs {
  readonly users: Pick<UserSources, 'tryPassword'>
  readonly interactions: Pick<Interactions, 'record'>
  readonly secondFactor: SecondFactorPolicy
  readonly federation: Pick<Federation, 'upstreams'>
  readonly audit: Pick<Audit, 'record'>
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** The longest user name that is looked up: the longest e-mail address (RFC 5321 section 4.5.3.1). */
const longestUsername = 320

/** The same for an unknown user, a wrong password, a locked and a disabled account: the page must not tell which it was. */
const wrong: readonly Mistake[] = [
  {
    key: 'wrong-credentials',
    control: 'username',
    values: { attempts: defaultLimits.perAccount, minutes: defaultLimits.lockMs / 60_000 },
  },
]

const changeThere: readonly Mistake[] = [{ key: 'password-must-change-there', control: 'password' }]

/** Takes the fields `username`, `password` and `remember` of the sign-in form.
 *  @throws CodedError STORE_UNAVAILABLE: 503, never "wrong password" */
export function createPasswordForm(needs: Needs): Form {
  return async (attempt) => {
    const { request } = attempt
    const username = (request.form.get('username') ?? '').trim()
    const password = request.form.get('password') ?? ''
    const mistakes = missingOf(username, password)
    if (mistakes.length > 0) return { kind: 'mistaken', mistakes, username: username.slice(0, longestUsername) }
    if (username.length > longestUsername) return { kind: 'mistaken', mistakes: wrong, username: '' }
    const { clientUid } = attempt.interaction
    const outcome = await needs.users.tryPassword(username, password, { address: request.peer.address, clientUid })
    if (outcome.kind === 'passed' && outcome.account) needs.interactions.record(attempt.interaction, outcome.account)
    return answer(needs, attempt, outcome, username)
  }
}

function missingOf(username: string, password: string): readonly Mistake[] {
  return [
    ...(username === '' ? [{ key: 'username-missing', control: 'username' }] : []),
    ...(password === '' ? [{ key: 'password-missing', control: 'password' }] : []),
  ]
}

function answer(needs: Needs, attempt: Attempt, outcome: SignInOutcome, username: string): FormOutcome {
  const failure = { ...auditFields(attempt.request, attempt.interaction), outcome: 'failure' } as const
  switch (outcome.kind) {
    case 'busy': {
      needs.audit.record({ ...failure, event: 'signin.refused', reason: 'busy' })
      const { retryAfterSeconds: retryAfter } = outcome
      const mistakes = [waitMistake(retryAfter)]
      const said = { mistakes, username, retryAfter, status: 429 }
      return { kind: 'page', page: signInPage(attempt, said, needs.federation.upstreams) }
    }
    case 'refused': {
      const { reason, userId } = outcome
      needs.audit.record({ ...failure, event: refusals[reason], reason, userId })
      return { kind: 'mistaken', mistakes: reason === 'must-change' ? changeThere : wrong, username }
    }
    case 'passed': {
      const remember = attempt.request.form.get('remember') !== null
      const signedIn = signedInAs(needs, attempt.interaction, outcome, {
        amr: outcome.amr,
        attempt: outcome.attempt,
        remember,
      })
      return { kind: 'go-on', progress: { ...linkingOf(attempt.interaction.progress), signedIn } }
    }
  }
}

/** More than a minute: the address has too many failures. Less: too many sign-ins at this moment. */
const waitMistake = (seconds: number): Mistake =>
  seconds > 60
    ? { key: 'locked-out', values: { minutes: Math.ceil(seconds / 60) } }
    : { key: 'busy', values: { seconds: Math.max(2, seconds) } }

const refusals = {
  'wrong-password': 'signin.failure',
  'unknown-user': 'signin.failure',
  locked: 'signin.locked',
  disabled: 'signin.refused',
  'name-taken': 'signin.refused',
  'must-change': 'signin.refused',
} as const

import type { Interaction, Progress } from '../oidc/interaction/interaction.ts'
import type { Mistake, PageRequest } from '../reply.ts'
import type { Audit } from '../store/audit.ts'
import type { UserSources } from '../users/user-sources.ts'
import { auditFields } from './audit-fields.ts'

/** What a password form leads to. */
export type PasswordOutcome =
  | { readonly kind: 'proved'; readonly signedIn: NonNullable<Progress['signedIn']> }
  | { readonly kind: 'mistaken'; readonly mistakes: readonly Mistake[]; readonly username: string }
  /** The server is at its limit, or the address over its own: 429. */
  | { readonly kind: 'busy'; readonly retryAfter: number; readonly username: string }

/** Longest user name that is looked up at all: an e-mail address (RFC 5321 section 4.5.3.1). */
const longestUsername = 320

/** One and the same for an unknown user, a wrong password, a locked and a disabled account: the page must not tell which. */
const wrong: readonly Mistake[] = [{ key: 'wrong-credentials', control: 'username' }]

/** Checks the fields `username`, `password` and `remember` of the sign-in form.
 *  @param needs.now epoch milliseconds
 *  @throws CodedError STORE_UNAVAILABLE: 503, never "wrong password" */
export function createPasswordStep(needs: {
  users: Pick<UserSources, 'tryPassword'>
  audit: Pick<Audit, 'record'>
  now: () => number
}) {
  return async (request: PageRequest, interaction: Interaction): Promise<PasswordOutcome> => {
    const username = (request.form.get('username') ?? '').trim()
    const password = request.form.get('password') ?? ''
    const missing: Mistake[] = []
    if (username === '') missing.push({ key: 'username-missing', control: 'username' })
    if (password === '') missing.push({ key: 'password-missing', control: 'password' })
    if (missing.length > 0) return { kind: 'mistaken', mistakes: missing, username: username.slice(0, longestUsername) }
    if (username.length > longestUsername) return { kind: 'mistaken', mistakes: wrong, username: '' }

    const outcome = await needs.users.tryPassword(username, password, { address: request.peer.address })
    switch (outcome.kind) {
      case 'busy':
        needs.audit.record({
          ...auditFields(request, interaction),
          event: 'signin.refused',
          outcome: 'failure',
          reason: 'busy',
        })
        return { kind: 'busy', retryAfter: outcome.retryAfterSeconds, username }
      case 'refused':
        needs.audit.record({
          ...auditFields(request, interaction),
          event: refusals[outcome.reason],
          outcome: 'failure',
          reason: outcome.reason,
          userId: outcome.userId,
        })
        return { kind: 'mistaken', mistakes: wrong, username }
      case 'passed': {
        const { user, amr, attempt, standing } = outcome
        return {
          kind: 'proved',
          signedIn: {
            accountId: user.id,
            authTime: Math.floor(needs.now() / 1000),
            amr,
            attempt,
            standing,
            passwordChangeRequired: user.passwordChangeRequired,
            person: { username: user.username, name: user.name, locale: user.locale },
            remember: request.form.get('remember') !== null,
          },
        }
      }
    }
  }
}

const refusals = {
  'wrong-password': 'signin.failure',
  'unknown-user': 'signin.failure',
  locked: 'signin.locked',
  disabled: 'signin.refused',
  'name-taken': 'signin.refused',
} as const

import type { Attempt, FormOutcome, Step, StepOutcome } from '../attempt/attempt.ts'
import type { PasskeyFactors } from '../../users/factors/passkey-factors.ts'
import { createLoginLinkForm, loginLinkOf, loginLinkPage } from './login-link.ts'
import { createPasskeyForm } from './passkey.ts'
import { createPasswordForm } from './password.ts'
import { signInPage } from './sign-in-page.ts'
import { comeBack } from '../upstream/come-back.ts'
import { upstreamOf } from '../upstream/federation.ts'
import type { Federation } from '../upstream/federation.ts'
import { leave } from '../upstream/leave.ts'

type Needs = Parameters<typeof createPasswordForm>[0] &
  Parameters<typeof createLoginLinkForm>[0] &
  Parameters<typeof createPasskeyForm>[0] &
  Parameters<typeof comeBack>[0] & { readonly federation: Federation; readonly passkeys: PasskeyFactors }

/** Asks until the account is known: by a password, a passkey, another provider, or the link of an administrator. Another way to sign in is another form of the same page. */
export function createFirstFactor(needs: Needs): Step {
  const { upstreams } = needs.federation
  const byPassword = createPasswordForm(needs)
  return {
    run: (attempt) => take(needs, attempt),
    forms: {
      'login-link': createLoginLinkForm(needs),
      'sign-in': (attempt) => leadByAddress(needs, attempt) ?? byPassword(attempt),
      passkey: createPasskeyForm(needs),
      ...Object.fromEntries(
        upstreams.map((upstream) => [
          `upstream/${upstream.id}`,
          (attempt: Attempt) => leave(needs, attempt, upstream, { newName: wantsNewName(attempt, upstream.id) }),
        ]),
      ),
    },
    returns: Object.fromEntries(
      upstreams.map((upstream) => [
        `upstream/${upstream.id}/back`,
        (attempt: Attempt) => comeBack(needs, attempt, upstream),
      ]),
    ),
  }
}

async function take(needs: Needs, attempt: Attempt): Promise<StepOutcome> {
  if (attempt.account) return { kind: 'passed', attempt }
  const { progress, loginHint } = attempt.interaction
  const link = loginLinkOf(attempt.interaction)
  const linkPage = link === undefined ? undefined : await loginLinkPage(needs, attempt, link)
  if (linkPage !== undefined) return { kind: 'ask', page: linkPage }
  // only the first time: a person who comes back from there, or wants another account, sees all ways to sign in
  const hinted = isUntouched(attempt) ? upstreamOf(needs.federation.upstreams, loginHint) : undefined
  const left = hinted && (await leave(needs, attempt, hinted))
  if (left?.kind === 'leave') return left
  const mistakes = left?.kind === 'mistaken' ? left.mistakes : (progress.said?.mistakes ?? goneOf(attempt, link))
  // a form is answered with a redirect to this page: only there is it shown
  const passkey = attempt.request.method === 'GET' ? await needs.passkeys.offer(attempt.interaction.uid) : undefined
  const said = { mistakes, username: progress.said?.username, passkey }
  const page = signInPage(attempt, said, needs.federation.upstreams)
  return { kind: 'ask', page }
}

/** Says once that the link does not work; the page has the other ways to sign in. */
const goneOf = (attempt: Attempt, link: string | undefined) =>
  link !== undefined && isUntouched(attempt) ? [{ key: 'login-link-gone' }] : []

const isUntouched = ({ interaction }: Attempt): boolean => Object.keys(interaction.progress).length === 0

/** An address of a provider's domain leads to the provider: this server has no password to check. */
function leadByAddress(needs: Needs, attempt: Attempt): Promise<FormOutcome> | undefined {
  const typed = attempt.request.form.get('username') ?? undefined
  const upstream = upstreamOf(needs.federation.upstreams, typed)
  return upstream && leave(needs, attempt, upstream)
}

/** "This is not my account": offered only to somebody whose user name is taken here. */
function wantsNewName({ request, interaction }: Attempt, id: string): boolean {
  const { linking } = interaction.progress
  return request.form.get('new') === 'yes' && linking?.reason === 'username' && linking.upstream === id
}

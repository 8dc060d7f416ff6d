// A link of `nauthera login-link` takes the place of the password in a sign-in for the pages of the account. Every other step follows: the
// second factor, a password that must be changed. A GET uses nothing up; the button does.
import { paths } from '@nauthera/rules/endpoints'
import { ownSignInPath } from '../../oidc/clients/own-client.ts'
import type { Interaction } from '../../oidc/interaction/interaction.ts'
import type { Page, Route } from '../../reply.ts'
import type { LoginLinks } from '../../store/people/login-links.ts'
import { linkMethod } from '../../users/factors/policy.ts'
import type { SecondFactorPolicy } from '../../users/factors/policy.ts'
import { personOnPage } from '../../users/person-on-page.ts'
import type { UserSources } from '../../users/sources/user-sources.ts'
import { linkHintPrefix, pageOf } from '../attempt/attempt.ts'
import type { Attempt, Form, FormOutcome } from '../attempt/attempt.ts'
import { auditFields } from '../attempt/audit-fields.ts'
import { signedInAs } from '../attempt/signed-in.ts'

interface Needs {
  readonly loginLinks: Pick<LoginLinks, 'find' | 'consume'>
  readonly users: Pick<UserSources, 'load'>
  readonly secondFactor: SecondFactorPolicy
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** Leads into a sign-in that knows the link. */
export const createLoginLinkRoute = (site: { readonly basePath: string; readonly issuer: string }): Route => ({
  method: 'GET',
  path: `${paths.loginLink}/:token`,
  async handle({ params }) {
    const hint = `${linkHintPrefix}${(params['token'] ?? '').slice(0, longestToken)}`
    // prompt: somebody else may be signed in in this browser
    return { kind: 'redirect', location: ownSignInPath(site, { prompt: 'login', login_hint: hint }) }
  },
})

const longestToken = 100

/** @returns undefined when this sign-in has no link, or the person wants another way */
export function loginLinkOf({ client, loginHint, progress }: Interaction): string | undefined {
  const isHere = client.own === true && progress.switching !== true && loginHint?.startsWith(linkHintPrefix) === true
  return isHere ? loginHint.slice(linkHintPrefix.length) : undefined
}

/** The page that says whose sign-in it would be; undefined when the link does not work. */
export async function loginLinkPage(needs: Needs, attempt: Attempt, token: string): Promise<Page | undefined> {
  const userId = await needs.loginLinks.find(token)
  const user = userId && (await needs.users.load({ userId }))?.user
  if (!user || user.disabled) return undefined
  const { interaction, paths: addresses } = attempt
  const person = personOnPage(user)
  return {
    ...pageOf(interaction, person),
    view: 'login-link',
    model: {
      action: addresses.form('login-link'),
      switchAction: addresses.form('switch'),
      person,
    },
  }
}

const linkGone: FormOutcome = { kind: 'mistaken', mistakes: [{ key: 'login-link-gone' }] }

/** @throws CodedError STORE_UNAVAILABLE */
export function createLoginLinkForm(needs: Needs): Form {
  const { loginLinks, users } = needs
  return async ({ request, interaction }) => {
    const token = loginLinkOf(interaction)
    if (token === undefined) return { kind: 'unchanged' }
    const about = auditFields(request, interaction)
    const proved = await loginLinks.consume(token, (id) => [
      { ...about, event: 'account.login_link_used', outcome: 'success', userId: id },
    ])
    const account = proved && (await users.load({ userId: proved.userId }))
    if (account === undefined || account.user.disabled) return linkGone
    // no password, so `acr` says nothing of this sign-in until a second factor follows
    const signedIn = signedInAs(needs, interaction, { ...account, ...proved }, { amr: [linkMethod], remember: false })
    return { kind: 'go-on', progress: { signedIn } }
  }
}

// The page to change one's own password. The current password counts as a sign-in attempt, so guesses lock the account.
import type { Page, PageRequest, Reply, Route } from '../../reply.ts'
import type { SecuritySection } from '../../reply/account-pages.ts'
import type { Mistake } from '../../reply/on-page.ts'
import type { Audit } from '../../store/audit/audit.ts'
import { defaultLimits } from '../../users/passwords/lockout.ts'
import { readNewPassword, ruleMistakes } from '../../users/passwords/new-password.ts'
import { passwordLength } from '../../users/passwords/passwords.ts'
import type { UserSources } from '../../users/sources/user-sources.ts'
import { accountPaths, belowSecurity, eventOf, redirectSaying, redirectTo } from '../frame/frame.ts'
import type { AreaNeeds } from '../frame/frame.ts'
import type { SignedInPerson } from '../frame/gate.ts'
import { goOn, othersOf, ownersRoutes } from '../frame/owner.ts'
import type { OwnerNeeds } from '../frame/owner.ts'
import type { Said } from '../frame/said.ts'

export interface PasswordNeeds extends AreaNeeds, OwnerNeeds {
  readonly users: Pick<UserSources, 'tryPassword' | 'changePassword' | 'canChangePassword'>
  readonly audit: Pick<Audit, 'record'>
  readonly said: Said
}

const passwordPath = `${accountPaths.security}/password`

export function passwordSection(needs: PasswordNeeds, { user }: SignedInPerson): SecuritySection {
  const mayChange = needs.users.canChangePassword(user)
  const change = { id: 'change-password', href: `${needs.basePath}${passwordPath}`, key: 'security.password.change' }
  return {
    id: 'password',
    text: mayChange ? { key: 'security.password.text' } : elsewhere(user.source),
    items: [],
    actions: mayChange ? [change] : [],
  }
}

const elsewhere = (source: string) => ({ key: 'security.password.elsewhere', values: { source } })

export function createPasswordRoutes(needs: PasswordNeeds): readonly Route[] {
  const { page, form } = ownersRoutes(needs)
  return [page(passwordPath, show), form(passwordPath, change)]
}

interface Shown {
  readonly mistakes?: readonly Mistake[]
  readonly status?: number
  readonly retryAfter?: number
}

function show(
  needs: PasswordNeeds,
  person: SignedInPerson,
  request: PageRequest,
  { mistakes = [], ...more }: Shown = {},
): Page {
  const { user } = person
  return {
    kind: 'page',
    view: 'account-password',
    ...more,
    model: {
      ...belowSecurity(needs, person, request, passwordPath),
      person: { username: user.username },
      elsewhere: needs.users.canChangePassword(user) ? undefined : elsewhere(user.source),
      minLength: passwordLength.min,
      maxLength: passwordLength.max,
      mistakes,
    },
  }
}

/** Takes the fields `current-password`, `new-password` and `repeat-password`.
 *  @throws CodedError STORE_UNAVAILABLE, PASSWORD_QUEUE_FULL */
async function change(needs: PasswordNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const { user } = person
  const { form, peer } = request
  const again = (...mistakes: Mistake[]) => show(needs, person, request, { mistakes })
  if (!needs.users.canChangePassword(user)) return again()
  const current = form.get('current-password') ?? ''
  if (current === '') return again({ key: 'current-password-missing', control: 'current-password' })
  const { next, mistakes } = readNewPassword(form)
  if (mistakes.length > 0) return again(...mistakes)
  const tried = await needs.users.tryPassword(user.username, current, { address: peer.address })
  if (tried.kind === 'busy') {
    const { retryAfterSeconds: retryAfter } = tried
    const mistakes = [{ key: 'busy', values: { seconds: Math.max(2, retryAfter) } }]
    return show(needs, person, request, { mistakes, status: 429, retryAfter })
  }
  if (tried.kind === 'refused' || tried.user.id !== user.id) {
    const event = eventOf(person, request, { event: 'password.change_refused', reason: 'wrong-password' })
    needs.audit.record({ ...event, outcome: 'failure' })
    return again(wrongCurrent)
  }
  const outcome = await needs.users.changePassword({
    userId: user.id,
    next,
    // the account changed: a second factor may have been set up meanwhile
    proved: person.standing,
    others: othersOf(person, request),
    event: eventOf(person, request, { event: 'password.changed' }),
    languages: request.languages,
  })
  switch (outcome.kind) {
    case 'changed':
      goOn(needs, person, request)
      return redirectSaying(needs, request, accountPaths.security, 'password-changed')
    case 'refused':
      return again(...ruleMistakes(outcome.faults))
    case 'ended':
      // when the session is over, the page asks for a sign-in
      return redirectTo(needs, passwordPath)
  }
}

const wrongCurrent: Mistake = {
  key: 'current-password-wrong',
  control: 'current-password',
  values: { attempts: defaultLimits.perAccount, minutes: defaultLimits.lockMs / 60_000 },
}

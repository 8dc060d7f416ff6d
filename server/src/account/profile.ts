// The profile page. People of our own database can change their name, nickname and time zone, but not user name, e-mail address or groups.
import { hasHiddenInName } from '@nauthera/runtime/hidden-characters'
import type { Page, PageRequest, Reply, Route } from '../reply.ts'
import type { ProfileFact } from '../reply/account-pages.ts'
import type { Mistake } from '../reply/on-page.ts'
import type { Store } from '../store/store.ts'
import { ownSource } from '../store/people/user.ts'
import type { User } from '../store/people/user.ts'
import { takesClaim, withProfileClaims } from '../users/profile-claims.ts'
import { accountArea, accountPaths, eventOf, redirectSaying, redirectTo } from './frame/frame.ts'
import type { AreaNeeds } from './frame/frame.ts'
import { personalRoutes } from './frame/gate.ts'
import type { AccountGate, SignedInPerson } from './frame/gate.ts'
import type { Said } from './frame/said.ts'

export interface ProfileNeeds extends AreaNeeds {
  readonly gate: AccountGate
  readonly store: { readonly users: Pick<Store['users'], 'edit'> }
  readonly said: Said
}

/** The claims in the form. Each control has the claim's name, with `-` for `_`. */
const ownClaims = ['nickname', 'zoneinfo'] as const
const longestName = 200

export function createProfileRoutes(needs: ProfileNeeds): readonly Route[] {
  const { page, form } = personalRoutes(needs, needs.gate.requirePerson)
  return [page(accountPaths.profile, show), form(accountPaths.profile, change)]
}

interface Typed {
  readonly name: string
  readonly nickname: string
  readonly zoneinfo: string
}

const typedBefore = ({ name, profile }: User): Typed => ({
  name: name ?? '',
  nickname: textOf(profile['nickname']),
  zoneinfo: textOf(profile['zoneinfo']),
})

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

function show(
  needs: ProfileNeeds,
  person: SignedInPerson,
  request: PageRequest,
  typed = typedBefore(person.user),
  mistakes: readonly Mistake[] = [],
): Page {
  const { user } = person
  const isOwn = user.source === ownSource
  return {
    kind: 'page',
    view: 'account-profile',
    model: {
      area: accountArea(needs, person, request, 'profile'),
      facts: factsOf(user),
      email: user.email === undefined ? undefined : { address: user.email, verified: user.emailVerified },
      groups: user.groups,
      source: isOwn ? undefined : user.source,
      form: isOwn ? { action: `${needs.basePath}${accountPaths.profile}`, ...typed } : undefined,
      mistakes,
    },
  }
}

/** In the order of the claims; `address` is one text. */
function factsOf({ username, name, locale, profile }: User): readonly ProfileFact[] {
  const { address, ...rest } = profile
  const known: Readonly<Record<string, unknown>> = {
    preferred_username: username,
    name,
    ...rest,
    locale,
    address: typeof address === 'object' && address !== null ? Object.values(address).join(', ') : address,
  }
  return Object.entries(known).flatMap(([claim, value]) =>
    typeof value === 'string' && value !== '' ? [{ claim, value }] : [],
  )
}

/** Takes the fields `name`, `nickname` and `zoneinfo`. An empty field removes the value, except the name. */
async function change(needs: ProfileNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const { user } = person
  if (user.source !== ownSource) return redirectTo(needs, accountPaths.profile)
  const field = (name: keyof Typed) => (request.form.get(name) ?? '').trim()
  const typed: Typed = { name: field('name'), nickname: field('nickname'), zoneinfo: field('zoneinfo') }
  const mistakes = mistakesOf(typed, user)
  if (mistakes.length > 0) return show(needs, person, request, typed, mistakes)
  const before = typedBefore(user)
  const changed = (['name', ...ownClaims] as const).filter((one) => typed[one] !== before[one])
  if (changed.length === 0) return redirectTo(needs, accountPaths.profile)
  const claims = ownClaims.map((claim) => `${claim}=${typed[claim]}`)
  const event = eventOf(person, request, { event: 'account.changed', detail: { changed: changed.join(' ') } })
  const name = typed.name === '' ? undefined : typed.name
  await needs.store.users.edit(user.id, { name, profile: (profile) => withProfileClaims(profile, claims) }, [event])
  return redirectSaying(needs, request, accountPaths.profile, 'profile-saved')
}

function mistakesOf(typed: Typed, user: User): readonly Mistake[] {
  const isName = typed.name.length <= longestName && !hasHiddenInName(typed.name)
  return [
    ...(typed.name === '' && user.name !== undefined ? [{ key: 'name-missing', control: 'name' }] : []),
    ...(isName ? [] : [{ key: 'text-not-taken', control: 'name' }]),
    ...(takesClaim('nickname', typed.nickname) ? [] : [{ key: 'text-not-taken', control: 'nickname' }]),
    ...(takesClaim('zoneinfo', typed.zoneinfo) ? [] : [{ key: 'zone-unknown', control: 'zoneinfo' }]),
  ]
}

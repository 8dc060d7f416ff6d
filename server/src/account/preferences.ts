// The page for a person's language and colours. They apply on every page that knows the person; the language also in mails.
import type { Page, PageRequest, Reply, Route } from '../reply.ts'
import type { Mistake } from '../reply/on-page.ts'
import { colourSchemes } from '../store/people/user.ts'
import type { PersonalPreferences } from '../store/people/user.ts'
import type { Store } from '../store/store.ts'
import { accountArea, accountPaths, eventOf, languagesOnPage, redirectSaying } from './frame/frame.ts'
import type { AreaNeeds } from './frame/frame.ts'
import { personalRoutes } from './frame/gate.ts'
import type { AccountGate, SignedInPerson } from './frame/gate.ts'
import type { Said } from './frame/said.ts'

export interface PreferencesNeeds extends AreaNeeds {
  readonly gate: AccountGate
  readonly store: { readonly preferences: Store['preferences'] }
  /** Tags of the languages that pages have. */
  readonly languages: readonly string[]
  readonly said: Said
}

export function createPreferencesRoutes(needs: PreferencesNeeds): readonly Route[] {
  const { page, form } = personalRoutes(needs, needs.gate.requirePerson)
  return [page(accountPaths.preferences, show), form(accountPaths.preferences, change)]
}

function show(
  needs: PreferencesNeeds,
  person: SignedInPerson,
  request: PageRequest,
  mistakes: readonly Mistake[] = [],
): Page {
  const { language, colourScheme } = person.user.preferences ?? {}
  return {
    kind: 'page',
    view: 'account-preferences',
    model: {
      area: accountArea(needs, person, request, 'preferences'),
      action: `${needs.basePath}${accountPaths.preferences}`,
      languages: languagesOnPage(needs.languages),
      // a language that was removed counts as none
      language: needs.languages.find((tag) => tag === language),
      colourScheme,
      mistakes,
    },
  }
}

/** Takes the fields `language` (a tag, or `browser`) and `colours` (`light`, `dark` or `system`).
 *  @throws CodedError STORE_UNAVAILABLE */
async function change(needs: PreferencesNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const [language, colours] = ['language', 'colours'].map((field) => request.form.get(field))
  const chosen: PersonalPreferences = {
    language: needs.languages.find((tag) => tag === language),
    colourScheme: colourSchemes.find((one) => one === colours),
  }
  const isKnown = (chosen.language ?? 'browser') === language && (chosen.colourScheme ?? 'system') === colours
  if (!isKnown) return show(needs, person, request, [{ key: 'choice-unknown' }])
  const { id: userId, preferences: before = {} } = person.user
  const changed = (['language', 'colourScheme'] as const).filter((one) => chosen[one] !== before[one])
  if (changed.length === 0) return redirectSaying(needs, request, accountPaths.preferences)
  const detail = { changed: changed.map((one) => `preferences.${one}`).join(' ') }
  await needs.store.preferences.set(userId, chosen, [eventOf(person, request, { event: 'account.changed', detail })])
  return redirectSaying(needs, request, accountPaths.preferences, 'preferences-saved')
}

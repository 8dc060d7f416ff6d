import { paths } from '@nauthera/rules/endpoints'
import { auditedRequest } from '../oidc/request-context.ts'
import type { Page, PageRequest, Reply, Route } from '../reply.ts'
import type { Mistake } from '../reply/on-page.ts'
import { colourSchemes } from '../store/people/preferences.ts'
import type { PersonalPreferences } from '../store/people/preferences.ts'
import type { Store } from '../store/store.ts'
import { accountArea } from './frame/frame.ts'
import type { AreaNeeds } from './frame/frame.ts'
import { personalForm, personalPage } from './frame/gate.ts'
import type { AccountGate, SignedInPerson } from './frame/gate.ts'
import type { Said } from './frame/said.ts'

// The page for a person's language and colours. They apply on every page that knows the person; the language also in mails.

export interface PreferencesNeeds extends AreaNeeds {
  readonly gate: AccountGate
  readonly store: { readonly preferences: Store['preferences'] }
  /** Tags of the languages that pages have. */
  readonly languages: readonly string[]
  readonly said: Said
}

const preferencesPath = `${paths.account}/preferences`

export function createPreferencesRoutes(needs: PreferencesNeeds): readonly Route[] {
  const { requirePerson } = needs.gate
  return [
    personalPage(preferencesPath, requirePerson, (person, request) => show(needs, person, request, [])),
    personalForm(preferencesPath, requirePerson, (person, request) => change(needs, person, request)),
  ]
}

function show(
  needs: PreferencesNeeds,
  person: SignedInPerson,
  request: PageRequest,
  mistakes: readonly Mistake[],
): Page {
  const { language, colourScheme } = person.user.preferences ?? {}
  return {
    kind: 'page',
    view: 'account-preferences',
    model: {
      area: accountArea(needs, person, request, 'preferences'),
      action: `${needs.basePath}${preferencesPath}`,
      languages: needs.languages.map((tag) => ({ tag, name: nameOf(tag) })),
      // a language that was removed counts as none
      language: needs.languages.find((tag) => tag === language),
      colourScheme,
      mistakes,
    },
  }
}

/** The name of a language in that language, such as Deutsch. */
const nameOf = (tag: string): string => new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag

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
  if (changed.length > 0) {
    const event = {
      ...auditedRequest(request),
      event: 'account.changed',
      outcome: 'success',
      reason: 'by-the-person',
      userId,
      detail: { changed: changed.map((one) => `preferences.${one}`).join(' ') },
    } as const
    await needs.store.preferences.set(userId, chosen, [event])
    needs.said.set(request, 'preferences-saved')
  }
  return { kind: 'redirect', location: `${needs.basePath}${preferencesPath}` }
}

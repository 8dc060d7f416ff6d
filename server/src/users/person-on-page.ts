// How a page shows a person, and their language.
import type { PersonOnPage } from '../reply/on-page.ts'
import type { User } from '../store/people/user.ts'

type Described = Pick<User, 'username' | 'name' | 'locale' | 'preferences'>

/** The language of a person: the one that they chose, else the one that their source says. */
export const languageOf = ({ preferences, locale }: Pick<User, 'preferences' | 'locale'>): string | undefined =>
  preferences?.language ?? locale

export function personOnPage(user: Described): PersonOnPage {
  const { username, name, preferences } = user
  const colourScheme = preferences?.colourScheme
  return { username, name, locale: languageOf(user), ...(colourScheme === undefined ? {} : { colourScheme }) }
}

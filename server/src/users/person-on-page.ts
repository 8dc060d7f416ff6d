import type { PersonOnPage } from '../reply.ts'
import type { User } from '../store/users.ts'

type Described = Pick<User, 'username' | 'name' | 'locale' | 'preferences'>

/** The language of a person: the one that they chose, else the one that their source says. */
export const languageOf = ({ preferences, locale }: Pick<User, 'preferences' | 'locale'>): string | undefined =>
  preferences?.language ?? locale

export const personOnPage = (user: Described): PersonOnPage => ({
  username: user.username,
  name: user.name,
  locale: languageOf(user),
  colourScheme: user.preferences?.colourScheme,
})

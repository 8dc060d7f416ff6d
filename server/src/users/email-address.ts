// Checks e-mail addresses.
import { hasHiddenCharacters } from '@nauthera/runtime/hidden-characters'
import { longestName } from '../store/people/user-names.ts'
import { canonicalName } from '../store/people/canonical-name.ts'

const address = /^[^\s<>()[\]\\,;:"@]+@[^\s<>()[\]\\,;:"@]+$/u

/** Whether a mail can be sent to it: one address, without a name, a comment or a second address. */
export const isEmailAddress = (text: string): boolean =>
  Math.max(text.length, canonicalName(text).length) <= longestName && address.test(text) && !hasHiddenCharacters(text)

import { hasHiddenCharacters } from '@nauthera/runtime/hidden-characters'

/** Characters (RFC 5321 section 4.5.3.1). */
const longestAddress = 320
const address = /^[^\s<>()[\]\\,;:"@]+@[^\s<>()[\]\\,;:"@]+$/u

/** One address, without a name, a comment or a second address: what a mail can be sent to. */
export const isEmailAddress = (text: string): boolean =>
  text.length <= longestAddress && address.test(text) && !hasHiddenCharacters(text)

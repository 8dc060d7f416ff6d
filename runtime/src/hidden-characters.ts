// Characters that show nothing, take no room or turn the direction of text around: control characters, tags, fillers, variants of a
// character. Somebody could write two names with them that look the same, or give orders to a terminal.

/** For a character class that means the same in RE2 and in JavaScript with the flag `u`. */
export const hiddenRanges =
  '\\x00-\\x1f\\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}'

/** They show nothing either, but some scripts and emoji need them: text for people may have them, names and logs may not. */
const joiners = '\u200c\u200d\ufe0f'

/** They choose between the forms of a character: some Japanese and Mongolian names are written with them. */
const variants = '\\u180b-\\u180d\\u180f\\ufe00-\\ufe0e\\u{e0100}-\\u{e01ef}'

const anyHidden = `[${hiddenRanges}${joiners}]`
const one = new RegExp(anyHidden, 'u')
const all = new RegExp(anyHidden, 'gu')
const inName = new RegExp(`(?![${variants}])[${hiddenRanges}]|^[${hiddenRanges}${joiners}\\s]+$`, 'u')
const inLine = new RegExp(`((?![${variants}])[${hiddenRanges}\\s])+`, 'gu')

/** Half of a character (a lone surrogate) shows nothing either, and no database takes it. */
export const hasHiddenCharacters = (text: string): boolean => !text.isWellFormed() || one.test(text)

/** For what people and their things are called: joiners and variants may be there, between characters that are seen. */
export const hasHiddenInName = (name: string): boolean => !name.isWellFormed() || inName.test(name)

/** @returns one line that a person can read: a space for all that breaks it, turns it around or shows nothing */
export const asOneLine = (text: string): string => text.toWellFormed().replace(inLine, ' ').trim()

/** @param by gives what is to be seen in the place of one */
export const showHiddenCharacters = (text: string, by: (character: string) => string): string => text.replace(all, by)

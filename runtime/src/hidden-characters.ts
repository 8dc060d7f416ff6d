// Finds and replaces invisible characters: control characters, tags, fillers, direction marks, variants. They make two names look the
// same, or control a terminal.

/** For a character class that means the same in RE2 and in JavaScript with the flag `u`. */
export const hiddenRanges =
  '\\x00-\\x1f\\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}'

/** Invisible too, but some scripts and emoji need them. Texts for people may have them, names and logs may not. */
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

/** For names of people and their things: joiners and variants are allowed between visible characters. */
export const hasHiddenInName = (name: string): boolean => !name.isWellFormed() || inName.test(name)

/** @returns the text in one line, with a space for each line break and invisible character */
export const asOneLine = (text: string): string => text.toWellFormed().replace(inLine, ' ').trim()

/** @param by returns the replacement of a character */
export const showHiddenCharacters = (text: string, by: (character: string) => string): string => text.replace(all, by)

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseJsonRecord } from '@nauthera/runtime/json'
import type { Log } from '@nauthera/runtime/log'
import { chooseLanguage, firstLanguage, languagesIn, orderLanguages } from './languages.ts'
import type { Language } from './languages.ts'
import { readOwnTexts } from './own-texts.ts'
import type { Entries } from './own-texts.ts'

export type Values = Readonly<Record<string, string | number>>

/** The texts of one language. */
export interface Texts {
  readonly language: Language
  has(key: string): boolean
  /** @returns plain text, which the template escapes; the key itself when it is unknown */
  text(key: string, values?: Values): string
  /** @returns HTML: text and values are escaped; each value is bold and isolated in its text direction */
  rich(key: string, values?: Values): string
}

/** The texts of every language. */
export interface AllTexts {
  readonly languages: readonly Language[]
  /** @returns the texts of the first available language (`chooseLanguage`) */
  choose(wished: readonly string[], acceptLanguage?: string): Texts
}

/** Reads the texts of every language from `<directory>/<language>.json`.
 *  @param own.directory custom files of the same form, which replace our texts. A missing text is in English
 *  @param own.log logs unknown keys
 *  @throws CodedError SETTINGS_INVALID with each fault of their files */
export function readTexts(directory: string, own?: OwnDirectory): AllTexts {
  const entriesOf = (language: Language): Entries => {
    const read = Object.entries(parseJsonRecord(readFileSync(join(directory, `${language}.json`), 'utf8')) ?? {})
    return Object.fromEntries(read.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
  }
  const ours = languagesIn(directory)
  const english = entriesOf(firstLanguage)
  const ownTexts = own === undefined ? new Map<Language, Entries>() : readAndTell(own, english)
  const languages = orderLanguages([...ours, ...ownTexts.keys()])
  const all = new Map(
    languages.map((language) => {
      const entries = ours.includes(language) ? entriesOf(language) : english
      return [language, createTexts(language, { ...entries, ...ownTexts.get(language) })]
    }),
  )
  return {
    languages,
    choose: (wished, acceptLanguage) => all.get(chooseLanguage(languages, wished, acceptLanguage))!,
  }
}

interface OwnDirectory {
  readonly directory: string
  readonly log: Pick<Log, 'warn'>
}

function readAndTell({ directory, log }: OwnDirectory, english: Entries): ReadonlyMap<Language, Entries> {
  const { texts, unknown } = readOwnTexts(directory, english)
  const text = 'branding.textsDirectory has keys that no text of this version has; they are passed over'
  if (unknown.length > 0) log.warn({ keys: unknown }, text)
  return texts
}

/** `{name}`, or `{name|minute|minutes}` for plural forms in the order one, few, other. Adjacent punctuation belongs to the match. */
const inText =
  /([([{«„“‘（「]?[\u00a0\u202f]?)\{([a-zA-Z]+)(?:\|([^{}]*))?\}((?:[\u00a0\u202f]?[)\]}.,:;!?»”’…）」。、：])*)/g

/** @param entries key -> text, in which `{name}` stands for a value */
export function createTexts(language: Language, entries: Entries): Texts {
  const known = new Map(Object.entries(entries))
  let plural: Intl.PluralRules | undefined
  const wordOf = (forms: string, count: string | number): string => {
    const words = forms.split('|')
    plural ??= new Intl.PluralRules(language)
    const category = plural.select(Number(count))
    const place = category === 'one' ? 0 : category === 'few' ? 1 : 2
    return words[Math.min(place, words.length - 1)] ?? ''
  }
  const fill = (text: string, values: Values, show: (value: string, before: string, after: string) => string) =>
    text.replace(inText, (whole, before: string, name: string, forms: string | undefined, after: string) => {
      if (!Object.hasOwn(values, name)) return whole
      const value = values[name]!
      return forms === undefined ? show(String(value), before, after) : `${before}${wordOf(forms, value)}${after}`
    })
  return {
    language,
    has: (key) => known.has(key),
    text: (key, values = {}) =>
      fill(known.get(key) ?? key, values, (value, before, after) => `${before}${value}${after}`),
    rich: (key, values = {}) => fill(escapeHtml(known.get(key) ?? key), values, showValue),
  }
}

/** Whether a text looks like an address, an id or a path. Of two expressions, since one with both tries each place of a long text with each other one. */
const isLikeAddress = (text: string): boolean => /[@/.:_]/.test(text) && !/\s/.test(text)

/** Keeps punctuation on one line with its address. */
function showValue(value: string, before: string, after: string): string {
  if (before + after === '' || !isLikeAddress(value)) return `${before}${showForeign(value, 'value')}${after}`
  return `<span translate="no">${before}<bdi class="value">${breakable(value)}</bdi>${after}</span>`
}

/** Renders a foreign value as HTML, isolated in its text direction. An address stays in one piece if it fits into a line, and otherwise
 *  breaks after punctuation. */
export function showForeign(value: string | number, className?: string): string {
  const text = String(value)
  const ofClass = className === undefined ? '' : ` class="${className}"`
  return isLikeAddress(text)
    ? `<bdi${ofClass} translate="no">${breakable(text)}</bdi>`
    : `<bdi${ofClass}>${showWords(text)}</bdi>`
}

/** Keeps brackets in one piece with the address in them. */
const showWords = (text: string): string =>
  text
    .split(/(?<=\s)(\([^\s()]*\))/)
    .map((piece, index) =>
      index % 2 === 1 && /[@/.]/.test(piece) ? `<span translate="no">${breakable(piece)}</span>` : escapeHtml(piece),
    )
    .join('')

const breakable = (address: string): string =>
  (address.match(/[^@/.?&=:_]+[@/.?&=:_]*|[@/.?&=:_]+/g) ?? []).map(escapeHtml).join('<wbr>')

/** Renders lines for the owner of an application as HTML. Addresses break as in `showForeign`. */
export const showLines = (text: string): string =>
  text.replace(/\S+|\s+/g, (piece) => (isLikeAddress(piece) ? showForeign(piece) : escapeHtml(piece)))

/** Text -> HTML, for element content and quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character)
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
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
  /** @returns plain text, which the template escapes; for an unknown key the key itself */
  text(key: string, values?: Values): string
  /** @returns HTML: text and values are escaped; each value is in bold, and its text direction does not affect the rest */
  rich(key: string, values?: Values): string
}

/** The texts of every language. */
export interface AllTexts {
  readonly languages: readonly Language[]
  /** @returns the texts of the first language that is wished and that there is (`chooseLanguage`) */
  choose(wished: readonly string[], acceptLanguage?: string): Texts
}

/** Reads the texts of every language from `<directory>/<language>.json`: a further language is a further file.
 *  @param own.directory such files of the people who run this service. Their texts take the place of ours; what a language lacks is in English
 *  @param own.log told of keys that there are not
 *  @throws CodedError SETTINGS_INVALID with each fault of their files */
export function readTexts(directory: string, own?: OwnDirectory): AllTexts {
  const entriesOf = (language: Language) =>
    JSON.parse(readFileSync(join(directory, `${language}.json`), 'utf8')) as Entries
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

/** @param entries key -> text, in which `{name}` stands for a value */
export function createTexts(language: Language, entries: Entries): Texts {
  const known = new Map(Object.entries(entries))
  const fill = (text: string, values: Values, show: (value: string) => string) =>
    text.replace(/\{([a-zA-Z]+)\}/g, (whole, name: string) =>
      Object.hasOwn(values, name) ? show(String(values[name])) : whole,
    )
  return {
    language,
    has: (key) => known.has(key),
    text: (key, values = {}) => fill(known.get(key) ?? key, values, (value) => value),
    rich: (key, values = {}) => fill(escapeHtml(known.get(key) ?? key), values, (value) => showForeign(value, 'value')),
  }
}

/** Nothing in it is a word, and it is long enough to be an address, an id or a path. */
const likeAddress = /^\S*[@/.:_]\S*$/

/** A value of others -> HTML: its text direction does not affect the rest. One that is like an address stays in one piece where it fits into a
 *  line, and breaks behind a sign where it does not. */
export function showForeign(value: string | number, className?: string): string {
  const text = String(value)
  const ofClass = className === undefined ? '' : ` class="${className}"`
  if (!likeAddress.test(text)) return `<bdi${ofClass}>${escapeHtml(text)}</bdi>`
  const pieces = text.match(/[^@/.?&=:_]+[@/.?&=:_]*|[@/.?&=:_]+/g) ?? []
  return `<bdi${ofClass} translate="no">${pieces.map(escapeHtml).join('<wbr>')}</bdi>`
}

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

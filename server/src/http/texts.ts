import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { chooseLanguage, languagesIn } from './languages.ts'
import type { Language } from './languages.ts'

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

/** Reads the texts of every language from `<directory>/<language>.json`: a further language is a further file. */
export function readTexts(directory: string): AllTexts {
  const languages = languagesIn(directory)
  const read = (language: Language): Texts =>
    createTexts(
      language,
      JSON.parse(readFileSync(join(directory, `${language}.json`), 'utf8')) as Record<string, string>,
    )
  const all = new Map(languages.map((language) => [language, read(language)]))
  return {
    languages,
    choose: (wished, acceptLanguage) => {
      const language = chooseLanguage(languages, wished, acceptLanguage)
      return all.get(language) ?? read(language)
    },
  }
}

/** @param entries key -> text, in which `{name}` stands for a value */
export function createTexts(language: Language, entries: Readonly<Record<string, string>>): Texts {
  const known = new Map(Object.entries(entries))
  const fill = (text: string, values: Values, show: (value: string) => string) =>
    text.replace(/\{([a-zA-Z]+)\}/g, (whole, name: string) =>
      Object.hasOwn(values, name) ? show(String(values[name])) : whole,
    )
  return {
    language,
    has: (key) => known.has(key),
    text: (key, values = {}) => fill(known.get(key) ?? key, values, (value) => value),
    rich: (key, values = {}) =>
      fill(escapeHtml(known.get(key) ?? key), values, (value) => `<bdi class="value">${escapeHtml(value)}</bdi>`),
  }
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

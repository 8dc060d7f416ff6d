// Finds the available languages, and chooses the one of a page.
import { readdirSync } from 'node:fs'

/** The tag of a language, such as `de`: the name of its file of texts. */
export type Language = string

/** The language of the original texts, and the fallback. */
export const firstLanguage: Language = 'en'

/** @param directory one file `<language>.json` for each language
 *  @returns the languages, English first */
export function languagesIn(directory: string): readonly Language[] {
  return orderLanguages(readdirSync(directory).flatMap((file) => languageOf(file) ?? []))
}

/** @returns the language of a file of texts; undefined for any other file */
export const languageOf = (file: string): Language | undefined => /^([a-z]{2,3})\.json$/.exec(file)?.[1]

/** @returns each of them once, English first */
export const orderLanguages = (languages: readonly Language[]): readonly Language[] => [
  firstLanguage,
  ...[...new Set(languages)].filter((one) => one !== firstLanguage).toSorted((a, b) => a.localeCompare(b)),
]

/** Chooses the language of a page.
 *  @param known the available languages; the fallback is English
 *  @param wished tags by preference: `ui_locales` of the request, then the person's language
 *  @param acceptLanguage the header, as sent (RFC 9110 section 12.5.4)
 *  @returns the first available language; only the first part of a tag counts (`de-AT` -> `de`) */
export function chooseLanguage(
  known: readonly Language[],
  wished: readonly string[],
  acceptLanguage: string | undefined,
): Language {
  for (const tag of [...wished, ...parseAcceptLanguage(acceptLanguage)]) {
    const primary = tag.split('-')[0]?.toLowerCase()
    const language = known.find((one) => one === primary)
    if (language !== undefined) return language
  }
  return firstLanguage
}

/** @returns the tags of an Accept-Language header, best first, without those refused by `q=0`; at most 20 */
export function parseAcceptLanguage(header: string | undefined): string[] {
  return (header ?? '')
    .slice(0, 500)
    .split(',')
    .slice(0, 20)
    .map((part) => {
      const [tag = '', ...parameters] = part.split(';').map((text) => text.trim())
      const quality = parameters.find((parameter) => parameter.startsWith('q='))
      return { tag, quality: quality === undefined ? 1 : Number(quality.slice(2)) }
    })
    .filter(({ tag, quality }) => /^[a-z]{1,8}(-[a-z0-9]{1,8}){0,4}$/i.test(tag) && quality > 0)
    .sort((a, b) => b.quality - a.quality)
    .map(({ tag }) => tag)
}

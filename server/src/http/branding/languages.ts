// The languages that there are, and which one a person gets.
import { readdirSync } from 'node:fs'

/** The tag of a language, such as `de`: the name of its file of texts. */
export type Language = string

/** The language in which every text is written first, and of everybody who wants none that there is. */
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
 *  @param known the languages that there are; everybody who wants none of them gets English
 *  @param wished tags, the most wanted first: `ui_locales` of the request, then the language of the person
 *  @param acceptLanguage the header, as sent (RFC 9110 section 12.5.4)
 *  @returns the first language that there is; a tag counts by its first part (`de-AT` -> `de`) */
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

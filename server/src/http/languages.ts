/** The languages of the pages. Everybody who wants none of them gets the first. */
export const languages = ['en', 'de'] as const
export type Language = (typeof languages)[number]

/** Chooses the language of a page.
 *  @param wished tags, the most wanted first: `ui_locales` of the request, then the language of the person
 *  @param acceptLanguage the header, as sent (RFC 9110 section 12.5.4)
 *  @returns the first language that there is; a tag counts by its first part (`de-AT` -> `de`) */
export function chooseLanguage(wished: readonly string[], acceptLanguage: string | undefined): Language {
  for (const tag of [...wished, ...parseAcceptLanguage(acceptLanguage)]) {
    const primary = tag.split('-')[0]?.toLowerCase()
    const language = languages.find((known) => known === primary)
    if (language !== undefined) return language
  }
  return languages[0]
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

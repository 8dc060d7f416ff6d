/** The languages that pages are complete in; the first is for everybody else. */
export const languages = ['en', 'de'] as const
export type Language = (typeof languages)[number]

/** Chooses the language of a page.
 *  @param wished tags in order of wish: `ui_locales` of the request, then the person's own preference
 *  @param acceptLanguage the header, as sent (RFC 9110 section 12.5.4)
 *  @returns the first that pages exist in; a tag matches by its primary subtag (`de-AT` -> `de`) */
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

import { paths } from '@nauthera/rules/endpoints'

// Where a person goes back to after a sign-in for a page of ours. The path comes back through the browser, so it is judged as any
// text from outside: only our own areas, and only plain characters.

const areas = [paths.account, paths.admin]
const plain = /^(?:\/[A-Za-z0-9_-][A-Za-z0-9._~-]*)+(?:\?[A-Za-z0-9._~%=&+-]*)?$/
/** It travels in the cookie of the interaction. */
const longest = 300

/** @param text below the issuer, with its query
 *  @returns the path when it is one of our areas; undefined for everything else, such as another origin */
export function ownPath(text: string | null | undefined): string | undefined {
  if (text === null || text === undefined || text.length > longest || !plain.test(text)) return undefined
  const [path = ''] = text.split('?')
  return areas.some((area) => path === area || path.startsWith(`${area}/`)) ? text : undefined
}

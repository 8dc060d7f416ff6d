// Checks the path to return to after a sign-in for our own pages. It comes through the browser, so only our areas and plain characters are
// allowed.
import { paths } from '@nauthera/rules/endpoints'

const areas = [paths.account, paths.admin]
const plain = /^(?:\/[A-Za-z0-9_-][A-Za-z0-9._~-]*)+(?:\?[A-Za-z0-9._~%=&+-]*)?$/
/** Characters; it is part of the interaction's cookie. */
const longest = 300

/** @param text below the issuer, with its query
 *  @returns the path if it is in one of our areas; otherwise undefined */
export function ownPath(text: string | null | undefined): string | undefined {
  if (text === null || text === undefined || text.length > longest || !plain.test(text)) return undefined
  const [path = ''] = text.split('?')
  return areas.some((area) => path === area || path.startsWith(`${area}/`)) ? text : undefined
}

import { paths } from '@nauthera/rules/endpoints'
import { readCookies } from '../../oidc/cookies.ts'
import { isTimeZone } from '../../users/profile-claims.ts'
import type { PageRequest } from '../../reply.ts'
import type { AreaOnPage } from '../../reply/on-page.ts'
import { personOnPage } from '../../users/person-on-page.ts'
import type { SignedInPerson } from './gate.ts'
import type { Said } from './said.ts'

// The frame of an area's pages: heading and navigation.

/** What the pages of an area share. */
export interface AreaNeeds {
  /** The issuer's path, '' when it has none. */
  readonly basePath: string
  readonly said: Pick<Said, 'consume'>
}

/** The browser's time zone, from a cookie that the pages' script sets. It only affects how times are shown. */
function zoneOfBrowser({ raw }: PageRequest): string | undefined {
  const zone = readCookies(raw.request).get('nauthera_zone')
  return zone !== undefined && isTimeZone(zone) ? zone : undefined
}

/** @param label the text that names the links; @param links of the area, in their order
 *  @returns the frame of its pages; `current` is the link of the page */
export const areaOf =
  <Id extends string>(label: string, links: readonly { readonly id: Id; readonly path: string }[]) =>
  ({ basePath, said }: AreaNeeds, { user }: SignedInPerson, request: PageRequest, current: Id): AreaOnPage => ({
    person: personOnPage(user),
    label,
    links: links.map(({ id, path }) => ({ id, href: `${basePath}${path}`, current: id === current })),
    signOutHref: `${basePath}${paths.endSession}`,
    timeZone: typeof user.profile['zoneinfo'] === 'string' ? user.profile['zoneinfo'] : zoneOfBrowser(request),
    said: request.method === 'GET' ? said.consume(request) : undefined,
  })

export const accountArea = areaOf('nav.label', [
  { id: 'overview', path: paths.account },
  { id: 'profile', path: `${paths.account}/profile` },
  { id: 'security', path: `${paths.account}/security` },
  { id: 'sessions', path: `${paths.account}/sessions` },
  { id: 'applications', path: `${paths.account}/applications` },
  { id: 'preferences', path: `${paths.account}/preferences` },
])

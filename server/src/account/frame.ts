import { paths } from '@nauthera/rules/endpoints'
import type { AreaOnPage, PageRequest } from '../reply.ts'
import { personOnPage } from '../users/person-on-page.ts'
import type { SignedInPerson } from './gate.ts'
import type { Said } from './said.ts'

// What surrounds every page of the account area.

const links = [
  { id: 'overview', path: paths.account },
  { id: 'profile', path: `${paths.account}/profile` },
  { id: 'security', path: `${paths.account}/security` },
  { id: 'sessions', path: `${paths.account}/sessions` },
  { id: 'applications', path: `${paths.account}/applications` },
  { id: 'preferences', path: `${paths.account}/preferences` },
] as const

/** What the pages of the area share. */
export interface AreaNeeds {
  /** The issuer's path, '' when it has none. */
  readonly basePath: string
  readonly said: Pick<Said, 'take'>
}

/** @param current the link that the page belongs to */
export function accountArea(
  { basePath, said }: AreaNeeds,
  { user }: SignedInPerson,
  request: PageRequest,
  current: (typeof links)[number]['id'],
): AreaOnPage {
  return {
    person: personOnPage(user),
    links: links.map(({ id, path }) => ({ id, href: `${basePath}${path}`, current: id === current })),
    signOutHref: `${basePath}${paths.endSession}`,
    timeZone: typeof user.profile['zoneinfo'] === 'string' ? user.profile['zoneinfo'] : undefined,
    said: request.method === 'GET' ? said.take(request) : undefined,
  }
}

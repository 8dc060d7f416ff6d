import { paths } from '@nauthera/rules/endpoints'
import type { SignedInPerson } from '../account/gate.ts'
import type { Said } from '../account/said.ts'
import type { AreaOnPage, MomentOnPage, PageRequest } from '../reply.ts'
import { personOnPage } from '../users/person-on-page.ts'

// What surrounds every page of the help desk.

const links = [
  { id: 'people', path: paths.admin },
  { id: 'clients', path: `${paths.admin}/clients` },
  { id: 'keys', path: `${paths.admin}/keys` },
  { id: 'account', path: paths.account },
] as const

export interface FrameNeeds {
  /** The issuer's path, '' when it has none. */
  readonly basePath: string
  readonly said: Said
}

/** @param current the link that the page belongs to */
export function deskArea(
  { basePath, said }: FrameNeeds,
  { user }: SignedInPerson,
  request: PageRequest,
  current: (typeof links)[number]['id'],
): AreaOnPage {
  return {
    person: personOnPage(user),
    links: links.map(({ id, path }) => ({ id, href: `${basePath}${path}`, current: id === current })),
    signOutHref: `${basePath}${paths.endSession}`,
    said: request.method === 'GET' ? said.take(request) : undefined,
  }
}

/** The same in every language, and to the minute. */
export const moment = (date: Date): MomentOnPage => ({
  iso: date.toISOString(),
  text: `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
})

/** The first value of a parameter of the query, '' when there is none. */
export function queryOf({ raw }: PageRequest, name: string): string {
  const [, query = ''] = (raw.request.url ?? '').split('?', 2)
  return new URLSearchParams(query).get(name)?.slice(0, longest) ?? ''
}

/** Characters. */
const longest = 2000

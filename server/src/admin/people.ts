import { paths } from '@nauthera/rules/endpoints'
import type { Route } from '../reply.ts'
import { ownSource } from '../store/users.ts'
import type { User } from '../store/users.ts'
import type { People } from '../store/people.ts'
import { deskArea, queryOf } from './frame.ts'
import type { FrameNeeds } from './frame.ts'
import { deskPage } from './gate.ts'
import type { DeskGate } from './gate.ts'

// The first page of the help desk: it finds people.

const pageSize = 25

export interface PeopleNeeds extends FrameNeeds {
  readonly desk: DeskGate
  readonly people: People
}

export const personPath = (id: string): string => `${paths.admin}/people/${id}`

export function createPeopleRoute(needs: PeopleNeeds): Route {
  const { basePath, desk, people } = needs
  const here = `${basePath}${paths.admin}`
  return deskPage(paths.admin, desk.toLook, async (admin, request) => {
    const text = queryOf(request, 'q').trim()
    const page = await people.search({ text, after: queryOf(request, 'after'), limit: pageSize })
    const next = page.next && new URLSearchParams({ ...(text === '' ? {} : { q: text }), after: page.next })
    return {
      kind: 'page',
      view: 'admin-people',
      model: {
        area: deskArea(needs, admin, request, 'people'),
        action: here,
        text,
        people: page.people.map((user) => rowOf(user, basePath)),
        firstHref:
          queryOf(request, 'after') === ''
            ? undefined
            : `${here}${text === '' ? '' : `?${new URLSearchParams({ q: text })}`}`,
        nextHref: next && `${here}?${next}`,
      },
    }
  })
}

const rowOf = ({ id, username, name, email, source, disabled }: User, basePath: string) => ({
  href: `${basePath}${personPath(id)}`,
  username,
  name,
  email,
  source: source === ownSource ? undefined : source,
  disabled,
})

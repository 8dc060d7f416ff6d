// The first page of the help desk: a search for people.
import { paths } from '@nauthera/rules/endpoints'
import { personalRoutes } from '../account/frame/gate.ts'
import type { Route } from '../reply.ts'
import { isLookAlike } from '../store/people/look-alikes.ts'
import { ownSource } from '../store/people/user.ts'
import type { User } from '../store/people/user.ts'
import type { Desk } from '../store/desk.ts'
import type { People } from '../store/people/people.ts'
import { requestOnPage } from './acts.ts'
import { deskArea, searched } from './frame.ts'
import type { FrameNeeds } from './frame.ts'
import type { DeskGate } from './gate.ts'
import { mayOf } from './rank.ts'
import type { DeskRules } from './rank.ts'

const pageSize = 25

export interface PeopleNeeds extends FrameNeeds {
  readonly desk: DeskGate
  readonly people: People
  readonly rules: DeskRules
  readonly store: { readonly desk: Pick<Desk, 'requests'> }
  /** Undefined when mail is off. */
  readonly inviteHref: string | undefined
}

export const personPath = (id: string): string => `${paths.admin}/people/${id}`

export function createPeopleRoute(needs: PeopleNeeds): Route {
  const { basePath, desk, people } = needs
  const here = `${basePath}${paths.admin}`
  return personalRoutes(needs, desk.toLook).page(paths.admin, async (_, admin, request) => {
    const text = searched(request, 'q').trim()
    const page = await people.search({ text, after: searched(request, 'after'), limit: pageSize })
    const next = page.next && new URLSearchParams({ ...(text === '' ? {} : { q: text }), after: page.next })
    return {
      kind: 'page',
      view: 'admin-people',
      model: {
        area: deskArea(needs, admin, request, 'people'),
        action: here,
        inviteHref: mayOf(needs.rules, admin.user.groupOrigins).has('invite') ? needs.inviteHref : undefined,
        requests: (await needs.store.desk.requests()).map((asked) => ({
          ...requestOnPage(asked),
          person: asked.person.username,
          href: `${basePath}${personPath(asked.person.id)}`,
        })),
        text,
        people: page.people.map((user) => rowOf(user, basePath)),
        firstHref:
          searched(request, 'after') === ''
            ? undefined
            : `${here}${text === '' ? '' : `?${new URLSearchParams({ q: text })}`}`,
        nextHref: next && `${here}?${next}`,
      },
    }
  })
}

const rowOf = ({ id, username, name, email, source, disabled }: User, basePath: string) => ({
  isLookAlike: isLookAlike({ username, email }),
  href: `${basePath}${personPath(id)}`,
  username,
  name,
  email,
  source: source === ownSource ? undefined : source,
  disabled,
})

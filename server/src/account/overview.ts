// The first page of the account: applications to open.
import { paths } from '@nauthera/rules/endpoints'
import type { PageRequest, Reply, Route } from '../reply.ts'
import { accountArea } from './frame/frame.ts'
import type { AreaNeeds } from './frame/frame.ts'
import { personalRoutes } from './frame/gate.ts'
import type { AccountGate, SignedInPerson } from './frame/gate.ts'
import type { Launcher } from './launcher.ts'

export interface OverviewNeeds extends AreaNeeds {
  readonly gate: AccountGate
  readonly launcher: Launcher
}

/** With more applications than this there is a search field, and only the first are shown. */
const few = 12
const mostShown = 60
const longestSearch = 100

export const createOverviewRoute = (needs: OverviewNeeds): Route =>
  personalRoutes(needs, needs.gate.requirePerson).page(paths.account, show)

async function show(needs: OverviewNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const search = searchOf(request)
  const tiles = await needs.launcher.tilesFor(person.user.groups, search)
  return {
    kind: 'page',
    view: 'account-overview',
    model: {
      area: accountArea(needs, person, request, 'overview'),
      tiles: tiles.slice(0, mostShown),
      found: tiles.length,
      search:
        tiles.length > few || search !== '' ? { action: `${needs.basePath}${paths.account}`, text: search } : undefined,
    },
  }
}

/** Field `q` of the query. */
const searchOf = ({ query }: PageRequest): string => (query.get('q') ?? '').slice(0, longestSearch)

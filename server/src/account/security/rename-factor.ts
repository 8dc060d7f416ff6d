// The page to rename the authenticator app or a passkey.
import type { PageRequest, Reply, Route } from '../../reply.ts'
import type { Mistake } from '../../reply/on-page.ts'
import type { Factor, Factors } from '../../store/factors/factors.ts'
import { factorName } from '../../users/factors/factor-name.ts'
import { factorPaths } from './factor-sections.ts'
import { accountPaths, belowSecurity, eventOf, redirectSaying, redirectTo } from '../frame/frame.ts'
import type { AreaNeeds } from '../frame/frame.ts'
import type { SignedInPerson } from '../frame/gate.ts'
import { admittedAs, ownersRoutes } from '../frame/owner.ts'
import type { OwnerNeeds } from '../frame/owner.ts'
import type { Said } from '../frame/said.ts'

interface Needs extends AreaNeeds, OwnerNeeds {
  readonly factors: Pick<Factors, 'of' | 'rename'>
  readonly said: Said
}

export function createRenameRoutes(needs: Needs): readonly Route[] {
  const { page, form } = ownersRoutes(needs)
  return [
    page(factorPaths.rename, async (_, person, request) =>
      show(needs, person, request, { factor: await factorOf(needs, person, request.query.get('id')) }),
    ),
    form(factorPaths.rename, rename),
  ]
}

const factorOf = async ({ factors }: Needs, { user }: SignedInPerson, id: string | null) =>
  (await factors.of(user.id)).find((factor) => factor.id === id)

function show(
  needs: Needs,
  person: SignedInPerson,
  request: PageRequest,
  { factor, mistakes = [] }: { factor: Factor | undefined; mistakes?: readonly Mistake[] },
): Reply {
  // it was removed, or belongs to somebody else
  if (factor === undefined) return redirectTo(needs, accountPaths.security)
  return {
    kind: 'page',
    view: 'account-rename',
    model: {
      ...belowSecurity(needs, person, request, factorPaths.rename),
      id: factor.id,
      what: factor.kind,
      name: factor.name,
      mistakes,
    },
  }
}

/** Takes the fields `id` and `name`.
 *  @throws CodedError STORE_UNAVAILABLE */
async function rename(needs: Needs, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const factor = await factorOf(needs, person, request.form.get('id'))
  const name = factorName(request.form.get('name'))
  if (factor !== undefined && name === '') {
    const mistakes = [{ key: 'factor-name-missing', control: 'factor-name' }]
    return show(needs, person, request, { factor, mistakes })
  }
  if (factor === undefined || name === factor.name) return redirectTo(needs, accountPaths.security)
  const event = eventOf(person, request, { event: 'factor.renamed', reason: factor.kind })
  const isRenamed = await needs.factors.rename(admittedAs(person), factor.id, name, [event])
  return redirectSaying(needs, request, accountPaths.security, isRenamed ? 'factor-renamed' : undefined)
}

import { auditedRequest } from '../../oidc/request-context.ts'
import type { PageRequest, Reply, Route } from '../../reply.ts'
import type { Mistake } from '../../reply/on-page.ts'
import type { Factor, Factors } from '../../store/factors/factors.ts'
import { factorName } from '../../users/factors/factor-name.ts'
import { factorPaths } from './factor-sections.ts'
import { accountArea } from '../frame/frame.ts'
import type { AreaNeeds } from '../frame/frame.ts'
import type { SignedInPerson } from '../frame/gate.ts'
import { admittedAs, ownersForm, ownersPage } from '../frame/owner.ts'
import type { OwnerNeeds } from '../frame/owner.ts'
import type { Said } from '../frame/said.ts'

// The page to rename the authenticator app or a passkey.

interface Needs extends AreaNeeds, OwnerNeeds {
  readonly factors: Pick<Factors, 'of' | 'rename'>
  readonly said: Said
}

export const createRenameRoutes = (needs: Needs): readonly Route[] => [
  ownersPage(factorPaths.rename, needs, async (person, request) => {
    const id = new URLSearchParams((request.raw.request.url ?? '').split('?')[1]).get('id')
    return show(needs, person, request, { factor: await factorOf(needs, person, id) })
  }),
  ownersForm(factorPaths.rename, needs, (person, request) => rename(needs, person, request)),
]

const factorOf = async ({ factors }: Needs, { user }: SignedInPerson, id: string | null) =>
  (await factors.of(user.id)).find((factor) => factor.id === id)

const toList = ({ basePath }: Needs): Reply => ({
  kind: 'redirect',
  location: `${basePath}${factorPaths.security}`,
})

function show(
  needs: Needs,
  person: SignedInPerson,
  request: PageRequest,
  { factor, mistakes = [] }: { factor: Factor | undefined; mistakes?: readonly Mistake[] },
): Reply {
  // it was removed, or belongs to somebody else
  if (factor === undefined) return toList(needs)
  return {
    kind: 'page',
    view: 'account-rename',
    model: {
      area: accountArea(needs, person, request, 'security'),
      action: `${needs.basePath}${factorPaths.rename}`,
      backHref: `${needs.basePath}${factorPaths.security}`,
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
  if (factor === undefined || name === factor.name) return toList(needs)
  const event = {
    ...auditedRequest(request),
    event: 'factor.renamed',
    outcome: 'success',
    reason: factor.kind,
    userId: person.user.id,
  } as const
  if (await needs.factors.rename(admittedAs(person), factor.id, name, [event]))
    needs.said.set(request, 'factor-renamed')
  return toList(needs)
}

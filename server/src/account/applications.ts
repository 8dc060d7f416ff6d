// The page with the applications that a person has allowed, and the form that withdraws access.
import type { ClientInstances } from '../oidc/clients/instances.ts'
import { apiScopeOnPage, detailOnPage } from '../oidc/apis/details-on-page.ts'
import { clientOnPage } from '../oidc/clients/on-page.ts'
import type { PageRequest, Reply, Route } from '../reply.ts'
import type { ApplicationOnPage } from '../reply/account-pages.ts'
import type { ScopeOnPage } from '../reply/on-page.ts'
import type { Authorization, AuthorizedClient } from '../store/tokens/authorizations.ts'
import type { Store } from '../store/store.ts'
import { endingOf, handleOf } from './endings.ts'
import { accountArea, accountPaths, eventOf, redirectSaying, redirectTo } from './frame/frame.ts'
import type { AreaNeeds } from './frame/frame.ts'
import { personalRoutes } from './frame/gate.ts'
import type { AccountGate, SignedInPerson } from './frame/gate.ts'
import type { Said } from './frame/said.ts'

export interface ApplicationsNeeds extends AreaNeeds {
  readonly gate: AccountGate
  readonly store: {
    readonly authorizations: Store['authorizations']
    readonly consents: Pick<Store['consents'], 'revoke'>
  }
  readonly clients: ClientInstances
  readonly said: Said
}

const listPath = accountPaths.applications
const onePath = `${listPath}/:application`

export function createApplicationsRoutes(needs: ApplicationsNeeds): readonly Route[] {
  const { page, form } = personalRoutes(needs, needs.gate.requirePerson)
  return [page(listPath, list), page(onePath, showOne), form(onePath, revoke)]
}

const pageSize = 10

async function list(needs: ApplicationsNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const page = Number(/^[1-9]\d{0,4}$/.exec(request.query.get('page') ?? '')?.[0] ?? 1)
  // one more, to find out whether there is a next page
  const part = { skip: (page - 1) * pageSize, limit: pageSize + 1 }
  const authorizations = await needs.store.authorizations.listOfUser(person.user.id, part)
  const here = `${needs.basePath}${listPath}`
  return {
    kind: 'page',
    view: 'account-applications',
    model: {
      area: accountArea(needs, person, request, 'applications'),
      applications: authorizations.slice(0, pageSize).map((one) => onPage(needs, one)),
      firstHref: page === 1 ? undefined : here,
      nextHref: authorizations.length > pageSize ? `${here}?page=${page + 1}` : undefined,
    },
  }
}

const hrefOf = ({ basePath }: AreaNeeds, { clientUid }: AuthorizedClient): string =>
  `${basePath}${listPath}/${handleOf(clientUid)}`

function onPage(needs: ApplicationsNeeds, authorization: Authorization): ApplicationOnPage {
  const { clientId, clientUid, since, offline, scopes, resources, details } = authorization
  const registered = needs.clients.registeredById(clientId)
  const client = registered?.uid === clientUid ? clientOnPage(registered) : { clientId, name: clientId }
  const ofApis = Object.entries(resources).flatMap(([identifier, ofApi]) => {
    return ofApi.map((scope) => apiScopeOnPage(scope, identifier, needs.clients))
  })
  return {
    client,
    since,
    offline,
    scopes: [...scopes.map((scope): ScopeOnPage => ({ scope })), ...ofApis],
    details: Object.entries(details).flatMap(([api, ofApi]) =>
      ofApi.map((detail) => detailOnPage({ api, detail }, needs.clients)),
    ),
    href: hrefOf(needs, authorization),
  }
}

/** The client in the address, if it has access to this person. */
async function clientIn({ store }: ApplicationsNeeds, { user }: SignedInPerson, { params }: PageRequest) {
  const clients = await store.authorizations.clientsOfUser(user.id)
  return clients.find(({ clientUid }) => handleOf(clientUid) === params['application'])
}

async function showOne(needs: ApplicationsNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const client = await clientIn(needs, person, request)
  const found = client && (await needs.store.authorizations.find(person.user.id, client.clientUid))
  if (found === undefined) return redirectTo(needs, listPath)
  return {
    kind: 'page',
    view: 'account-application',
    model: {
      area: accountArea(needs, person, request, 'applications'),
      application: onPage(needs, found),
      ending: endingOf(found, needs.clients),
      action: hrefOf(needs, found),
      backHref: `${needs.basePath}${listPath}`,
    },
  }
}

async function revoke(needs: ApplicationsNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const found = await clientIn(needs, person, request)
  if (found === undefined) return redirectTo(needs, listPath)
  const { clientId, clientUid } = found
  const event = eventOf(person, request, { event: 'consent.revoked', clientId, clientUid })
  await needs.store.consents.revoke(person.user.id, clientUid, [event])
  return redirectSaying(needs, request, listPath, 'access-removed')
}

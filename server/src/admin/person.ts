// The page with one person's state and the acts that the member may do.
import { handleOf } from '../account/endings.ts'
import { personalRoutes } from '../account/frame/gate.ts'
import { describeAgent } from '../describe-agent.ts'
import type { SignedInPerson } from '../account/frame/gate.ts'
import type { PageRequest, Reply, Route, Views } from '../reply.ts'
import { isLookAlike } from '../store/people/look-alikes.ts'
import { ownSource } from '../store/people/user.ts'
import { createActRoutes } from './act-pages.ts'
import type { ActPageNeeds } from './act-pages.ts'
import { actNamed, acts, requestOnPage } from './acts.ts'
import { deskEvent, foresee, rankOf } from './carry-out.ts'
import { deskArea, signedInAt } from './frame.ts'
import { notFound } from './gate.ts'
import { personPath } from './people.ts'
import { createPersonAuditRoute } from './person-audit.ts'
import { isProtected } from './rank.ts'
import { loadPersonState } from './person-state.ts'
import type { CountedFailures, PersonState } from './person-state.ts'

export const createPersonRoutes = (needs: ActPageNeeds): readonly Route[] => [
  personalRoutes(needs, needs.desk.toLook).page(personPath(':id'), show),
  createPersonAuditRoute(needs),
  ...createActRoutes(needs),
]

/** The inputs that decide which acts the page offers. */
interface Offer {
  readonly needs: ActPageNeeds
  readonly admin: SignedInPerson
  readonly state: PersonState
  readonly here: string
}

async function show(needs: ActPageNeeds, admin: SignedInPerson, request: PageRequest): Promise<Reply> {
  const state = await loadPersonState(needs, request.params['id'] ?? '')
  if (state === undefined) return notFound
  needs.store.audit.record(deskEvent('show', { member: admin.user, state, request }))
  const here = `${needs.basePath}${personPath(state.user.id)}`
  const offer = { needs, admin, state, here }
  return {
    kind: 'page',
    view: 'admin-person',
    model: {
      area: deskArea(needs, admin, request, 'people'),
      isOwn: state.user.id === admin.user.id,
      isProtected: isProtected(needs.rules, rankOf(state)),
      auditHref: `${here}/audit`,
      ...describe(state),
      ...offersOf(offer),
    },
  }
}

function offersOf(offer: Offer): Pick<Views['admin-person'], 'acts' | 'addGroup' | 'groups' | 'sessions' | 'requests'> {
  const { state, needs, here, admin } = offer
  const addable = [...needs.rules.assignableGroups].filter((group) => mayDo(offer, 'add-group', group))
  return {
    acts: acts
      .filter((act) => act.about === undefined && mayDo(offer, act.id))
      .map(({ id, isSevere }) => ({ id, isSevere, href: `${here}/${id}` })),
    addGroup: addable.length === 0 ? undefined : { action: `${here}/add-group`, groups: addable.toSorted() },
    groups: groupsOf(offer),
    sessions: state.sessions.map(({ device, clients }) => ({
      ...describeAgent(device.agent),
      address: device.ip,
      lastSeen: device.lastSeen,
      clients,
      endHref: hrefOf(offer, 'end-session', handleOf(device.sessionUid)),
    })),
    requests: state.requests.map((asked) => ({
      ...requestOnPage(asked),
      href: asked.askedBy.id === admin.user.id ? undefined : `${here}/requests/${asked.id}`,
    })),
  }
}

function mayDo({ needs, admin, state }: Offer, id: string, about = ''): boolean {
  const act = actNamed(id)
  if (act === undefined || !act.isOffered(state, about)) return false
  return foresee(needs.rules, admin.user, state, act, about).kind !== 'refused'
}

const hrefOf = (offer: Offer, act: string, about: string): string | undefined =>
  mayDo(offer, act, about) ? `${offer.here}/${act}?${new URLSearchParams({ about })}` : undefined

function groupsOf(offer: Offer): Views['admin-person']['groups'] {
  const { groups, groupOrigins } = offer.state.user
  return groups.map((name) => ({
    name,
    sources: Object.keys(groupOrigins).filter((source) => source !== ownSource && groupOrigins[source]?.includes(name)),
    isOwn: groupOrigins[ownSource]?.includes(name) ?? false,
    removeHref: hrefOf(offer, 'remove-group', name),
  }))
}

type Described = Omit<
  Views['admin-person'],
  'area' | 'isOwn' | 'isProtected' | 'auditHref' | 'acts' | 'addGroup' | 'groups' | 'sessions' | 'requests'
>

function describe({ user, sourceSays, failures, factors, links, authorizations, signIns }: PersonState): Described {
  const { id, username, name, email, emailVerified, disabled, createdAt, passwordChangeRequired } = user
  return {
    person: { username, name },
    id,
    email,
    emailVerified,
    isLookAlike: isLookAlike(user),
    source: user.source === ownSource ? undefined : user.source,
    sourceSays,
    disabled,
    mustChangePassword: passwordChangeRequired,
    created: createdAt,
    failures: failures.signIns && failuresOnPage(failures.signIns),
    wrongCodes: failures.codes && failuresOnPage(failures.codes),
    factors: factors.map(({ kind, name, createdAt, lastUsedAt }) => ({
      kind,
      name,
      created: createdAt,
      lastUsed: lastUsedAt,
    })),
    links: links.map(({ upstream, subject, isOrigin, linkedAt, signedInAt }) => ({
      upstream,
      subject,
      isOrigin,
      linked: linkedAt,
      lastUsed: signedInAt,
    })),
    consents: authorizations.map(({ clientId, scopes, resources, since }) => ({
      clientId,
      scopes: [...scopes, ...Object.entries(resources).flatMap(([api, of]) => of.map((scope) => `${scope} (${api})`))],
      granted: since,
    })),
    signIns: signIns.map(({ at, event, reason, address, clientId }) => ({
      at,
      outcome: event === 'signin.success' ? ('success' as const) : ('failure' as const),
      reason,
      address,
      ...signedInAt(clientId),
    })),
  }
}

const failuresOnPage = ({ count, isLocked, until }: CountedFailures) => ({ count, isLocked, until })

import { auditedRequest } from '../oidc/request-context.ts'
import { describeAgent } from '../describe-agent.ts'
import { personalForm, personalPage } from '../account/gate.ts'
import type { SignedInPerson } from '../account/gate.ts'
import type { PageRequest, Reply, Route, Views } from '../reply.ts'
import type { AuditEvent } from '../store/audit.ts'
import { ownSource } from '../store/user.ts'
import { acts } from './acts.ts'
import type { Act, ActNeeds } from './acts.ts'
import { deskArea } from './frame.ts'
import type { FrameNeeds } from './frame.ts'
import { notFound } from './gate.ts'
import type { DeskGate } from './gate.ts'
import { personPath } from './people.ts'
import { loadPersonState } from './person-state.ts'
import type { CountedFailures, PersonState, StateNeeds } from './person-state.ts'

// One person: what the help desk sees of them, and what it can do. Each act has a page that asks first.

export interface PersonNeeds extends FrameNeeds, StateNeeds, Pick<ActNeeds, 'linkMails' | 'now'> {
  readonly desk: DeskGate
  readonly store: StateNeeds['store'] & ActNeeds['store']
}

export function createPersonRoutes(needs: PersonNeeds): readonly Route[] {
  const { desk } = needs
  const path = personPath(':id')
  return [
    personalPage(path, desk.toLook, (admin, request) => show(needs, admin, request)),
    ...acts.flatMap((act) => [
      personalPage(`${path}/${act.id}`, desk.toAct, (admin, request) => ask(needs, act, admin, request)),
      personalForm(`${path}/${act.id}`, desk.toAct, (admin, request) => carryOut(needs, act, admin, request)),
    ]),
  ]
}

async function show(needs: PersonNeeds, admin: SignedInPerson, request: PageRequest): Promise<Reply> {
  const state = await loadPersonState(needs, request.params['id'] ?? '')
  if (state === undefined) return notFound
  needs.store.audit.record(deskEvent('show', admin, state, request))
  const here = `${needs.basePath}${personPath(state.user.id)}`
  const isOwn = state.user.id === admin.user.id
  const offered = isOwn ? [] : acts.filter((act) => act.isOffered(state))
  return {
    kind: 'page',
    view: 'admin-person',
    model: {
      area: deskArea(needs, admin, request, 'people'),
      isOwn,
      ...describe(state),
      acts: offered.map(({ id, isSevere }) => ({ id, isSevere, href: `${here}/${id}` })),
    },
  }
}

function describe({
  user,
  sourceSays,
  failures,
  factors,
  links,
  sessions,
  authorizations,
  signIns,
}: PersonState): Omit<Views['admin-person'], 'area' | 'isOwn' | 'acts'> {
  const { id, username, name, email, emailVerified, disabled, createdAt, passwordChangeRequired } = user
  return {
    person: { username, name },
    id,
    email,
    emailVerified,
    source: user.source === ownSource ? undefined : user.source,
    sourceSays,
    groups: groupsOnPage(user),
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
    sessions: sessions.map(({ device, clients }) => ({
      ...describeAgent(device.agent),
      address: device.ip,
      lastSeen: device.lastSeen,
      clients,
    })),
    consents: authorizations.map(({ clientId, scopes, since }) => ({ clientId, scopes, granted: since })),
    signIns: signIns.map(({ at, event, reason, address, clientId }) => ({
      at,
      outcome: event === 'signin.success' ? ('success' as const) : ('failure' as const),
      reason,
      address,
      clientId,
    })),
  }
}

const groupsOnPage = ({ groups, groupOrigins }: Pick<PersonState['user'], 'groups' | 'groupOrigins'>) =>
  groups.map((name) => ({
    name,
    sources: Object.keys(groupOrigins).filter((source) => source !== ownSource && groupOrigins[source]?.includes(name)),
    isOwn: groupOrigins[ownSource]?.includes(name) ?? false,
  }))

const failuresOnPage = ({ count, isLocked, until }: CountedFailures) => ({ count, isLocked, until })

async function ask(needs: PersonNeeds, act: Act, admin: SignedInPerson, request: PageRequest): Promise<Reply> {
  const state = await loadPersonState(needs, request.params['id'] ?? '')
  if (state === undefined) return notFound
  const back = `${needs.basePath}${personPath(state.user.id)}`
  if (!isAllowed(act, admin, state)) return { kind: 'redirect', location: back }
  const { username, name } = state.user
  return {
    kind: 'page',
    view: 'admin-act',
    model: {
      area: deskArea(needs, admin, request, 'people'),
      act: act.id,
      values: act.values,
      isSevere: act.isSevere,
      person: { username, name },
      action: `${back}/${act.id}`,
      backHref: back,
    },
  }
}

async function carryOut(needs: PersonNeeds, act: Act, admin: SignedInPerson, request: PageRequest): Promise<Reply> {
  const state = await loadPersonState(needs, request.params['id'] ?? '')
  if (state === undefined) return notFound
  const back: Reply = { kind: 'redirect', location: `${needs.basePath}${personPath(state.user.id)}` }
  // somebody else may have done it in the meantime
  if (!isAllowed(act, admin, state)) return back
  const { id: userId } = state.user
  const fields = { outcome: 'success', userId, ...auditedRequest(request), detail: { by: admin.user.id } } as const
  const done = act.events.map((event): AuditEvent => ({ event, ...fields }))
  const isDone = await act.carryOut(needs, state.user, [deskEvent(act.id, admin, state, request), ...done])
  if (isDone) needs.said.say(request, `desk-${act.id}`)
  return back
}

/** Nobody does here to themselves what could lock them out; their own account page does the rest. */
const isAllowed = (act: Act, admin: SignedInPerson, state: PersonState): boolean =>
  state.user.id !== admin.user.id && act.isOffered(state)

/** It belongs to the administrator; the person stands in the detail. */
const deskEvent = (act: string, { user }: SignedInPerson, state: PersonState, request: PageRequest): AuditEvent => ({
  event: `admin.desk.${act}`,
  outcome: 'success',
  userId: user.id,
  ...auditedRequest(request),
  detail: { person: state.user.id, username: state.user.username },
})

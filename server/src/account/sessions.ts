// The page with a person's sessions, and the forms that end one or all.
import { paths } from '@nauthera/rules/endpoints'
import type { ClientInstances } from '../oidc/clients/instances.ts'
import type { PageRequest, Reply, Route } from '../reply.ts'
import type { SessionOnPage } from '../reply/account-pages.ts'
import type { Device } from '../store/sessions/devices.ts'
import type { Store } from '../store/store.ts'
import { describeAgent } from '../describe-agent.ts'
import { endingsOf, handleOf } from './endings.ts'
import type { KnownClient } from './endings.ts'
import { accountArea, accountPaths, eventOf, redirectSaying, redirectTo } from './frame/frame.ts'
import type { AreaNeeds } from './frame/frame.ts'
import { personalRoutes } from './frame/gate.ts'
import type { AccountGate, SignedInPerson } from './frame/gate.ts'
import type { Said } from './frame/said.ts'

export interface SessionsNeeds extends AreaNeeds {
  readonly gate: AccountGate
  readonly store: {
    readonly devices: Pick<Store['devices'], 'listOfUser' | 'clientsOfUser' | 'signOut'>
    readonly users: Pick<Store['users'], 'revokeSessions'>
    readonly authorizations: Pick<Store['authorizations'], 'clientsOfUser'>
  }
  readonly clients: ClientInstances
  readonly said: Said
}

const listPath = accountPaths.sessions
const onePath = `${listPath}/:session`
const everywherePath = `${paths.account}/sign-out-everywhere`

export function createSessionsRoutes(needs: SessionsNeeds): readonly Route[] {
  const { page, form } = personalRoutes(needs, needs.gate.requirePerson)
  return [
    page(listPath, list),
    page(onePath, showOne),
    form(onePath, endOne),
    page(everywherePath, showEverywhere),
    form(everywherePath, endEverywhere),
  ]
}

/** A session with its clients. */
interface Session {
  readonly device: Device
  readonly clients: readonly KnownClient[]
}

/** @param devices rows of sessions and of their clients, the last used first */
function sessionsOf(devices: readonly Device[]): readonly Session[] {
  const used = Map.groupBy(
    devices.filter(({ client }) => client !== undefined),
    ({ sessionUid }) => sessionUid,
  )
  return devices
    .filter(({ client }) => client === undefined)
    .map((device) => ({
      device,
      clients: (used.get(device.sessionUid) ?? []).flatMap(({ client }) =>
        client === undefined ? [] : [{ clientId: client.id, clientUid: client.uid, inSession: true }],
      ),
    }))
}

async function list(needs: SessionsNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const sessions = sessionsOf(await needs.store.devices.listOfUser(person.user.id))
  const shown = sessions.map((session) => onPage(needs, person, session))
  return {
    kind: 'page',
    view: 'account-sessions',
    model: {
      area: accountArea(needs, person, request, 'sessions'),
      // the present session comes first
      sessions: shown.toSorted((a, b) => Number(b.isThis) - Number(a.isThis)),
      everywhereHref: `${needs.basePath}${everywherePath}`,
    },
  }
}

function onPage(needs: SessionsNeeds, person: SignedInPerson, { device, clients }: Session): SessionOnPage {
  const isThis = device.sessionUid === person.session.uid
  return {
    ...describeAgent(device.agent),
    address: device.ip,
    lastSeen: device.lastSeen,
    signedInAt: device.authTime,
    isThis,
    applications: endingsOf(clients, needs.clients).map(({ name }) => name),
    href: isThis
      ? `${needs.basePath}${paths.endSession}`
      : `${needs.basePath}${listPath}/${handleOf(device.sessionUid)}`,
  }
}

/** The session in the address, if it is one of this person. */
async function sessionIn({ store }: SessionsNeeds, { user }: SignedInPerson, { params }: PageRequest) {
  const sessions = sessionsOf(await store.devices.listOfUser(user.id))
  return sessions.find(({ device }) => handleOf(device.sessionUid) === params['session'])
}

async function showOne(needs: SessionsNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const session = await sessionIn(needs, person, request)
  // it has ended, or it is this browser's session, which has its own page
  if (session === undefined || session.device.sessionUid === person.session.uid) return redirectTo(needs, listPath)
  return {
    kind: 'page',
    view: 'account-session',
    model: {
      area: accountArea(needs, person, request, 'sessions'),
      session: onPage(needs, person, session),
      endings: endingsOf(session.clients, needs.clients),
      action: `${needs.basePath}${listPath}/${handleOf(session.device.sessionUid)}`,
      backHref: `${needs.basePath}${listPath}`,
    },
  }
}

async function endOne(needs: SessionsNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const session = await sessionIn(needs, person, request)
  if (session === undefined) return redirectTo(needs, listPath)
  const userId = person.user.id
  const event = eventOf(person, request, { event: 'session.ended' })
  await needs.store.devices.signOut({ sessionUid: session.device.sessionUid, userId }, [event])
  return redirectSaying(needs, request, listPath, 'session-ended')
}

/** Every client with access to the person, in a session or without one (offline_access). */
async function endingsOfAll({ store, clients }: SessionsNeeds, { user }: SignedInPerson) {
  const [authorized, used] = await Promise.all([
    store.authorizations.clientsOfUser(user.id),
    store.devices.clientsOfUser(user.id),
  ])
  return endingsOf([...authorized, ...used.map((client) => ({ ...client, inSession: true as const }))], clients)
}

async function showEverywhere(needs: SessionsNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  return {
    kind: 'page',
    view: 'account-everywhere',
    model: {
      area: accountArea(needs, person, request, 'sessions'),
      endings: await endingsOfAll(needs, person),
      action: `${needs.basePath}${everywherePath}`,
      backHref: `${needs.basePath}${listPath}`,
    },
  }
}

async function endEverywhere(needs: SessionsNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const endings = await endingsOfAll(needs, person)
  await needs.store.users.revokeSessions(person.user.id, [eventOf(person, request, { event: 'session.revoked_all' })])
  // a redirect would have no session
  return {
    kind: 'page',
    view: 'signed-out-everywhere',
    model: { endings, accountHref: `${needs.basePath}${paths.account}` },
  }
}

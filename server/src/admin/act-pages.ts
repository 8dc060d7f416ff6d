// The page that asks before an act, and before the confirmation of another member's request.
import { personalRoutes } from '../account/frame/gate.ts'
import { redirectSaying, redirectTo } from '../account/frame/frame.ts'
import type { SignedInPerson } from '../account/frame/gate.ts'
import type { PageRequest, Reply, Route, Views } from '../reply.ts'
import { isLookAlike } from '../store/people/look-alikes.ts'
import { confirmWithinMinutes } from '../store/desk.ts'
import { actNamed, acts } from './acts.ts'
import type { Act } from './acts.ts'
import { carryOutAct, foresee } from './carry-out.ts'
import type { CarryOutNeeds, DeskOutcome } from './carry-out.ts'
import { deskArea } from './frame.ts'
import type { FrameNeeds } from './frame.ts'
import { notFound } from './gate.ts'
import type { DeskGate } from './gate.ts'
import { personPath } from './people.ts'
import { loadPersonState } from './person-state.ts'
import type { PersonState, StateNeeds } from './person-state.ts'

export interface ActPageNeeds extends FrameNeeds, StateNeeds, CarryOutNeeds {
  readonly desk: DeskGate
  /** What both want of it. */
  readonly store: StateNeeds['store']
}

export function createActRoutes(needs: ActPageNeeds): readonly Route[] {
  const { page, form } = personalRoutes(needs, needs.desk.toAct)
  const path = personPath(':id')
  const confirmPath = `${path}/requests/:request`
  return [
    ...acts.flatMap((act) => [
      page(`${path}/${act.id}`, (_, ...asked) => ask(needs, act, ...asked)),
      form(`${path}/${act.id}`, (_, ...asked) => carryOut(needs, act, ...asked)),
    ]),
    page(confirmPath, askToConfirm),
    form(confirmPath, confirm),
  ]
}

/** Characters: the longest name of a session or group. */
const longestAbout = 200
/** PostgreSQL stores no NUL and no lone surrogate. */
const aboutIn = (act: Act, values: URLSearchParams): string => {
  const about = act.about === undefined ? '' : (values.get('about') ?? '')
  return about.slice(0, longestAbout).toWellFormed().replaceAll('\u0000', '')
}

async function ask(needs: ActPageNeeds, act: Act, admin: SignedInPerson, request: PageRequest): Promise<Reply> {
  const state = await loadPersonState(needs, request.params['id'] ?? '')
  if (state === undefined) return notFound
  const about = aboutIn(act, request.query)
  const verdict = foresee(needs.rules, admin.user, state, act, about)
  if (verdict.kind === 'refused' || !act.isOffered(state, about)) return toPerson(needs, state)
  const isAsking = verdict.kind === 'needs-second'
  const asked = {
    act,
    about,
    action: `${hrefOf(needs, state)}/${act.id}`,
    ...(isAsking && { second: { minutes: confirmWithinMinutes } }),
  }
  return askingPage(needs, { admin, request, state }, asked)
}

function askingPage(
  needs: ActPageNeeds,
  { admin, request, state }: { admin: SignedInPerson; request: PageRequest; state: PersonState },
  { act, about, ...more }: { act: Act; about: string } & Pick<Views['admin-act'], 'action' | 'second' | 'askedBy'>,
): Reply {
  const { username, name } = state.user
  return {
    kind: 'page',
    view: 'admin-act',
    model: {
      area: deskArea(needs, admin, request, 'people'),
      act: act.id,
      about,
      values: act.values?.(state, about) ?? {},
      isSevere: act.isSevere,
      isLookAlike: isLookAlike(state.user),
      person: { username, name },
      backHref: hrefOf(needs, state),
      ...more,
    },
  }
}

async function carryOut(needs: ActPageNeeds, act: Act, admin: SignedInPerson, request: PageRequest): Promise<Reply> {
  const state = await loadPersonState(needs, request.params['id'] ?? '')
  if (state === undefined) return notFound
  const about = aboutIn(act, request.form)
  // somebody else may have done it meanwhile
  if (!act.isOffered(state, about)) return toPerson(needs, state)
  const outcome = await carryOutAct(needs, { act, about, member: admin.user, state, request })
  return answer(needs, { act, state, request }, outcome)
}

/** The request of another member about this person. */
async function requested(needs: ActPageNeeds, request: PageRequest) {
  const state = await loadPersonState(needs, request.params['id'] ?? '')
  const found = state?.requests.find(({ id }) => id === request.params['request'])
  return state && { state, found, act: actNamed(found?.act) }
}

async function askToConfirm(needs: ActPageNeeds, admin: SignedInPerson, request: PageRequest): Promise<Reply> {
  const { state, found, act } = (await requested(needs, request)) ?? {}
  if (state === undefined) return notFound
  const isTheirs = found?.askedBy.id === admin.user.id
  if (found === undefined || act === undefined || isTheirs) return toPerson(needs, state)
  const action = `${hrefOf(needs, state)}/requests/${found.id}`
  const { about, askedBy } = found
  return askingPage(needs, { admin, request, state }, { act, about, action, askedBy: askedBy.username })
}

async function confirm(needs: ActPageNeeds, admin: SignedInPerson, request: PageRequest): Promise<Reply> {
  const { state, found, act } = (await requested(needs, request)) ?? {}
  if (state === undefined) return notFound
  const asker = found && (await needs.load({ userId: found.askedBy.id }))
  const isThere = found !== undefined && act !== undefined && asker !== undefined && act.isOffered(state, found.about)
  if (!isThere) return toPerson(needs, state)
  const confirms = { request: found, askedBy: asker.user }
  const asked = { act, about: found.about, member: admin.user, state, request, confirms }
  return answer(needs, asked, await carryOutAct(needs, asked))
}

const toPerson = (needs: ActPageNeeds, { user }: PersonState): Reply => redirectTo(needs, personPath(user.id))
const hrefOf = ({ basePath }: ActPageNeeds, { user }: PersonState): string => `${basePath}${personPath(user.id)}`

const answer = (
  needs: ActPageNeeds,
  { act, state, request }: { act: Act; state: PersonState; request: PageRequest },
  outcome: DeskOutcome,
): Reply => redirectSaying(needs, request, personPath(state.user.id), saidOf(act, outcome))

function saidOf(act: Act, outcome: DeskOutcome): string {
  switch (outcome.kind) {
    case 'done':
      return `desk-${act.id}`
    case 'asked':
    case 'asked-before':
      return 'desk-asked'
    case 'nothing':
      return 'desk-nothing'
    case 'refused':
      return outcome.reason === 'too-often' ? 'desk-too-often' : 'desk-not-allowed'
  }
}

// Links an identity at another provider with this account. During the redirect an encrypted cookie holds state and nonce, bound to person
// and session. The page shows the identity before it is linked: the browser may be signed in there as somebody else.
import { hasShape, parseJsonRecord } from '@nauthera/runtime/json'
import { ageOf } from '../../clock-age.ts'
import { readCookies, setCookie } from '../../oidc/cookies.ts'
import type { Page, PageRequest, Route } from '../../reply.ts'
import type { Mistake } from '../../reply/on-page.ts'
import { accountPaths, belowSecurity, eventOf } from '../frame/frame.ts'
import type { PersonalHandler, SignedInPerson } from '../frame/gate.ts'
import { mostLinks } from '../../store/factors/upstream-links.ts'
import { mayLink, strengthOf } from '../../users/factors/policy.ts'
import { ownersRoutes } from '../frame/owner.ts'
import { done, told } from './linking-needs.ts'
import type { LinkingNeeds, Provider, Round } from './linking-needs.ts'

/** The identity at a provider that the page asks about. */
interface Found {
  readonly issuer: string
  readonly subject: string
  readonly label: string
  readonly state: string
  /** Epoch milliseconds. */
  readonly at: number
}

const roundShape = { required: { state: 'string', nonce: 'string', verifier: 'string', at: 'number' } } as const
const foundShape = {
  required: { issuer: 'string', subject: 'string', label: 'string', state: 'string', at: 'number' },
} as const

export const linkPath = (id: string) => `${accountPaths.security}/upstream/${id}`

/** Seconds for the redirect, and again for the confirmation. */
const roundFor = 600
/** Milliseconds from when the identity was shown: longer than an answer is valid. */
const markFor = 3_600_000

/** The pages that link an identity at one provider. */
export function linkRoutes(needs: LinkingNeeds, provider: Provider): readonly Route[] {
  const path = linkPath(provider.id)
  const { page, form } = ownersRoutes(needs)
  return [
    page(path, byOwner(provider, startPage)),
    form(path, byOwner(provider, leave)),
    page(`${path}/back`, byOwner(provider, comeBack)),
    form(`${path}/back`, byOwner(provider, link)),
  ]
}

/** Redirects back, with a reason, when this sign-in is not enough to link anything. */
const byOwner =
  (
    provider: Provider,
    handle: (
      needs: LinkingNeeds,
      provider: Provider,
      person: SignedInPerson,
      request: PageRequest,
    ) => ReturnType<Handler>,
  ): Handler =>
  (needs, person, request) =>
    mayLink(needs.secondFactor, person.session.amr)
      ? handle(needs, provider, person, request)
      : done(needs, request, 'factor-first')

type Handler = PersonalHandler<LinkingNeeds>

/** Binds sealed values to this person and session. */
const bindingOf = ({ id }: Provider, { user, session }: SignedInPerson, what: 'round' | 'found'): string =>
  `link:${what}:${id}:${user.id}:${session.uid}`

type LinkPage = Extract<Page, { view: 'account-link' }>

function startPage(
  needs: LinkingNeeds,
  { id, name }: Provider,
  person: SignedInPerson,
  request: PageRequest,
  mistakes: readonly Mistake[] = [],
): LinkPage {
  return {
    kind: 'page',
    view: 'account-link',
    model: {
      ...belowSecurity(needs, person, request, linkPath(id)),
      provider: name,
      mistakes,
    },
  }
}

async function leave(needs: LinkingNeeds, provider: Provider, person: SignedInPerson, request: PageRequest) {
  const begun = await needs.rounds.start(provider.id)
  if (begun === undefined) return startPage(needs, provider, person, request, [mistakeOf(provider, 'away')])
  const kept = JSON.stringify({ ...begun.round, at: needs.now() })
  const value = needs.factors.seal(kept, bindingOf(provider, person, 'round'))
  setCookie(request.raw.response, needs.scope, { ...needs.scope.linking, value, maxAge: roundFor })
  // a page and no redirect: see `movingOnPage`
  return { kind: 'page', view: 'moving-on', model: { location: begun.location, name: provider.name } } as const
}

/** Shows the identity that came back; nothing is changed yet.
 *  @throws CodedError STORE_UNAVAILABLE */
async function comeBack(needs: LinkingNeeds, provider: Provider, person: SignedInPerson, request: PageRequest) {
  const { scope, links, rounds } = needs
  const round = takeRound(needs, provider, person, request)
  const said = await rounds.complete(provider.id, round, request)
  // a forged address must not end the round
  if (said.kind !== 'again') setCookie(request.raw.response, scope, { ...scope.linking, value: '', maxAge: 0 })
  if (said.kind !== 'identified') return refused(needs, provider, person, request, said.kind)
  const owner = await links.ownerOf(said)
  if (owner !== undefined) {
    const kind = owner === person.user.id ? 'linked-already' : 'linked-elsewhere'
    return refused(needs, provider, person, request, kind, said.label)
  }
  const { issuer, subject, label } = said
  const found: Found = { issuer, subject, label, state: round!.state, at: needs.now() }
  return foundPage(needs, provider, person, request, found)
}

/** @returns undefined when it is missing, expired, or of another person or session */
function takeRound(
  { scope, factors, now }: LinkingNeeds,
  provider: Provider,
  person: SignedInPerson,
  { raw }: PageRequest,
): Round | undefined {
  const sealed = readCookies(raw.request).get(scope.linking.name) ?? ''
  const text = factors.open(sealed, bindingOf(provider, person, 'round'))
  const kept = parseJsonRecord(text ?? '')
  return hasShape(kept, roundShape) && isRecent(kept.at, now()) ? kept : undefined
}

const isRecent = (at: number, now: number): boolean => ageOf(at, now) <= roundFor * 1000

function foundPage(
  needs: LinkingNeeds,
  provider: Provider,
  person: SignedInPerson,
  request: PageRequest,
  found: Found,
): Page {
  const { model, ...page } = startPage(needs, provider, person, request)
  const sealed = needs.factors.seal(JSON.stringify(found), bindingOf(provider, person, 'found'))
  return { ...page, model: { ...model, action: `${model.action}/back`, found: { label: found.label, sealed } } }
}

type Fault =
  'again' | 'away' | 'invalid' | 'cancelled' | 'foreign' | 'linked-already' | 'linked-elsewhere' | 'changed' | 'full'

const mistakeOf = ({ name }: Provider, kind: Fault, label = ''): Mistake => ({
  key: `link-${kind}`,
  values: { name, label, most: mostLinks },
})

function refused(
  needs: LinkingNeeds,
  provider: Provider,
  person: SignedInPerson,
  request: PageRequest,
  kind: Fault,
  label?: string,
): Page {
  const event = eventOf(person, request, { event: 'account.linked', reason: `${provider.id}: ${kind}` })
  if (kind !== 'cancelled' && kind !== 'away') needs.audit.record({ ...event, outcome: 'failure' })
  return startPage(needs, provider, person, request, [mistakeOf(provider, kind, label)])
}

/** Takes the field `found`. Links the identity that the page showed, once.
 *  @throws CodedError STORE_UNAVAILABLE */
async function link(needs: LinkingNeeds, provider: Provider, person: SignedInPerson, request: PageRequest) {
  const { factors, links, now } = needs
  const text = factors.open(request.form.get('found') ?? '', bindingOf(provider, person, 'found'))
  const found = parseJsonRecord(text ?? '')
  if (!hasShape(found, foundShape) || !isRecent(found.at, now()))
    return refused(needs, provider, person, request, 'again')
  const { issuer, subject, state, label } = found
  const isLinked = await links.link(
    { upstream: provider.id, issuer, subject, maxAgeMs: provider.maxAgeMs },
    { userId: person.user.id, proved: person.standing, strongBy: strengthOf(person.session.amr) },
    told(needs, person, request, { event: 'account.linked', upstream: provider.id, change: 'upstream-linked' }),
    { id: state, expiresAt: new Date(found.at + markFor) },
  )
  // after a second click it is already linked
  const owner = isLinked ? person.user.id : await links.ownerOf(found)
  if (owner === person.user.id) return done(needs, request, 'linked')
  if (owner !== undefined) return refused(needs, provider, person, request, 'linked-elsewhere', label)
  const isFull = (await links.of(person.user.id)).length >= mostLinks
  return refused(needs, provider, person, request, isFull ? 'full' : 'changed', label)
}

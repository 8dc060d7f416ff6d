import { createHash } from 'node:crypto'
import { paths } from '@nauthera/rules/endpoints'
import type { BrowserSessions } from '../oidc/browser-session.ts'
import { readCookies, setCookie } from '../oidc/cookies.ts'
import type { CookieScope } from '../oidc/cookies.ts'
import { auditedRequest } from '../oidc/request-context.ts'
import type { Page, PageRequest, Reply, Route } from '../reply.ts'
import type { SecuritySection } from '../reply/account-pages.ts'
import type { Mistake } from '../reply/on-page.ts'
import type { Audit, AuditEvent } from '../store/audit.ts'
import type { Factors } from '../store/factors.ts'
import type { Ways } from '../store/standing.ts'
import type { OwnLink, UpstreamLinks } from '../store/upstream-links.ts'
import { factorNotice } from '../users/factors/notice.ts'
import type { PasskeyFactors } from '../users/factors/passkey-factors.ts'
import type { SecondFactorPolicy } from '../users/factors/policy.ts'
import { accountArea } from './frame.ts'
import type { AreaNeeds } from './frame.ts'
import { personalForm, personalPage } from './gate.ts'
import type { Gate, SignedInPerson } from './gate.ts'
import { requireOwner } from './owner.ts'
import type { Said } from './said.ts'

// A person links who they are at another provider with this account, and takes such a link away. Both want a fresh sign-in. On the way to
// the provider and back a cookie, encrypted for this person in this session, holds what the answer must fit to; who came back is shown
// before anything is linked, since a browser may be signed in there as somebody else.

export interface LinkingNeeds extends AreaNeeds {
  readonly gate: Gate
  readonly browserSessions: Pick<BrowserSessions, 'renew'>
  readonly scope: CookieScope
  readonly factors: Pick<Factors, 'of' | 'seal' | 'open'>
  readonly secondFactor: SecondFactorPolicy
  readonly passkeys: Pick<PasskeyFactors, 'arePossible'>
  readonly links: Pick<UpstreamLinks, 'link' | 'ownerOf' | 'ownOf' | 'unlinkOwn'>
  readonly rounds: OtherProviders
  readonly audit: Pick<Audit, 'record'>
  readonly said: Said
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** What binds the answer of a provider to the browser that was sent there. */
interface Round {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** The other providers at which people sign in. */
export interface OtherProviders {
  readonly providers: readonly Provider[]
  /** @returns undefined while the provider does not answer */
  begin(id: string): Promise<{ readonly location: string; readonly round: Round } | undefined>
  /** @param round what `begin` gave to this browser; undefined when it has nothing */
  complete(
    id: string,
    round: Round | undefined,
    request: PageRequest,
  ): Promise<
    | { readonly kind: 'identified'; readonly issuer: string; readonly subject: string; readonly label: string }
    | { readonly kind: 'again' | 'away' | 'invalid' | 'cancelled' | 'foreign' }
  >
}

interface Provider {
  readonly id: string
  readonly name: string
  readonly maxAgeMs: number
}

/** Who somebody is at a provider, on the page that asks whether to link it. */
interface Found {
  readonly issuer: string
  readonly subject: string
  readonly label: string
  readonly state: string
  /** Epoch milliseconds. */
  readonly at: number
}

const security = `${paths.account}/security`
const linkPath = (id: string) => `${security}/upstream/${id}`
const unlinkPath = `${security}/unlink`
/** Seconds for the way there and back, and as long again to look at who it was. */
const roundFor = 600
/** Milliseconds: longer than an answer can be used. */
const markFor = 3_600_000

export const waysOf = ({
  rounds,
  passkeys,
}: {
  readonly rounds: Pick<OtherProviders, 'providers'>
  readonly passkeys: Pick<PasskeyFactors, 'arePossible'>
}): Ways => ({
  upstreams: rounds.providers.map(({ id }) => id),
  passkeys: passkeys.arePossible,
})

/** In addresses: the subject is nobody's business there. */
const idOf = ({ issuer, subject }: Pick<OwnLink, 'issuer' | 'subject'>): string =>
  createHash('sha256').update(`${issuer} ${subject}`).digest('hex').slice(0, 32)

/** @returns nothing where there are no other providers, and no link to one */
export async function linkedSection(needs: LinkingNeeds, { user }: SignedInPerson): Promise<SecuritySection[]> {
  const { providers } = needs.rounds
  const links = await needs.links.ownOf(user.id, waysOf(needs))
  if (providers.length === 0 && links.length === 0) return []
  return [
    {
      id: 'linked',
      text: { key: links.length === 0 ? 'security.linked.none' : 'security.linked.text' },
      items: links.map((link) => itemOf(needs, link, links)),
      actions: providers.map(({ id, name }) => ({
        id: `link-${id}`,
        href: `${needs.basePath}${linkPath(id)}`,
        key: 'security.linked.add',
        values: { name },
      })),
    },
  ]
}

function itemOf(needs: LinkingNeeds, link: OwnLink, all: readonly OwnLink[]): SecuritySection['items'][number] {
  const { upstream, subject, signedInAt, isOrigin, isRemovable } = link
  const isOneOfSeveral = all.filter((other) => other.upstream === upstream).length > 1
  const id = idOf(link)
  const remove = { id: `unlink-${id}`, href: `${needs.basePath}${unlinkPath}?id=${id}`, key: 'security.linked.remove' }
  const kept = isOrigin ? 'security.linked.origin' : 'security.linked.last'
  return {
    name: isOneOfSeveral ? `${nameOf(needs, upstream)} · ${subject}` : nameOf(needs, upstream),
    note: { key: isRemovable ? 'security.passkeys.used' : kept, at: signedInAt },
    actions: isRemovable ? [remove] : [],
  }
}

/** One that was taken out of the settings has its id alone. */
const nameOf = ({ rounds }: LinkingNeeds, upstream: string): string =>
  rounds.providers.find(({ id }) => id === upstream)?.name ?? upstream

export function createLinkingRoutes(needs: LinkingNeeds): readonly Route[] {
  const fresh = (request: PageRequest) => requireOwner(needs, request)
  const { requirePerson } = needs.gate
  return [
    ...needs.rounds.providers.flatMap((provider) => {
      const path = linkPath(provider.id)
      return [
        personalPage(path, fresh, (person, request) => startPage(needs, provider, person, request)),
        personalForm(path, fresh, (person, request) => leave(needs, provider, person, request)),
        personalPage(`${path}/back`, requirePerson, (person, request) => comeBack(needs, provider, person, request)),
        personalForm(`${path}/back`, requirePerson, (person, request) => link(needs, provider, person, request)),
      ]
    }),
    personalPage(unlinkPath, fresh, (person, request) => askUnlink(needs, person, request)),
    personalForm(unlinkPath, fresh, (person, request) => unlink(needs, person, request)),
  ]
}

/** Whatever is sealed here opens for this person in this session alone. */
const bindingOf = ({ id }: Provider, { user, session }: SignedInPerson, what: 'round' | 'found'): string =>
  `link:${what}:${id}:${user.id}:${session.uid}`

function startPage(
  needs: LinkingNeeds,
  { id, name }: Provider,
  person: SignedInPerson,
  request: PageRequest,
  mistakes: readonly Mistake[] = [],
): Page {
  return {
    kind: 'page',
    view: 'account-link',
    model: {
      area: accountArea(needs, person, request, 'security'),
      action: `${needs.basePath}${linkPath(id)}`,
      backHref: `${needs.basePath}${security}`,
      provider: name,
      mistakes,
    },
  }
}

async function leave(needs: LinkingNeeds, provider: Provider, person: SignedInPerson, request: PageRequest) {
  const begun = await needs.rounds.begin(provider.id)
  if (begun === undefined) return startPage(needs, provider, person, request, [mistakeOf(provider, 'away')])
  const kept = JSON.stringify({ ...begun.round, at: needs.now() })
  const value = needs.factors.seal(kept, bindingOf(provider, person, 'round'))
  setCookie(request.raw.response, needs.scope, { ...needs.scope.linking, value, maxAge: roundFor })
  // a page, no redirect: see `movingOnPage` of the sign-in
  return { kind: 'page', view: 'moving-on', model: { location: begun.location, name: provider.name } } as const
}

/** Whoever came back is shown; nothing is changed yet.
 *  @throws CodedError STORE_UNAVAILABLE */
async function comeBack(needs: LinkingNeeds, provider: Provider, person: SignedInPerson, request: PageRequest) {
  const { scope, links, rounds } = needs
  const round = takeRound(needs, provider, person, request)
  const said = await rounds.complete(provider.id, round, request)
  // an address that somebody else made up ends nothing
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

/** @returns undefined without one, for one of another person or session, and for one that is too old */
function takeRound(
  { scope, factors, now }: LinkingNeeds,
  provider: Provider,
  person: SignedInPerson,
  { raw }: PageRequest,
): Round | undefined {
  const sealed = readCookies(raw.request).get(scope.linking.name) ?? ''
  const text = factors.open(sealed, bindingOf(provider, person, 'round'))
  if (text === undefined) return undefined
  const { at, ...round } = JSON.parse(text) as Round & { at: number }
  return isRecent(at, now()) ? round : undefined
}

const isRecent = (at: number, now: number): boolean => now - at >= 0 && now - at <= roundFor * 1000

function foundPage(
  needs: LinkingNeeds,
  provider: Provider,
  person: SignedInPerson,
  request: PageRequest,
  found: Found,
): Page {
  const { model, ...page } = startPage(needs, provider, person, request) as Extract<Page, { view: 'account-link' }>
  const sealed = needs.factors.seal(JSON.stringify(found), bindingOf(provider, person, 'found'))
  return { ...page, model: { ...model, action: `${model.action}/back`, found: { label: found.label, sealed } } }
}

type Fault = 'again' | 'away' | 'invalid' | 'cancelled' | 'foreign' | 'linked-already' | 'linked-elsewhere' | 'changed'

const mistakeOf = ({ name }: Provider, kind: Fault, label = ''): Mistake => ({
  key: `link-${kind}`,
  values: { name, label },
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

const eventOf = (person: SignedInPerson, request: PageRequest, about: Pick<AuditEvent, 'event' | 'reason'>) =>
  ({ ...auditedRequest(request), userId: person.user.id, outcome: 'success', ...about }) as const

/** Takes the field `found`. Linked is what the page showed, once.
 *  @throws CodedError STORE_UNAVAILABLE */
async function link(needs: LinkingNeeds, provider: Provider, person: SignedInPerson, request: PageRequest) {
  const { factors, links, now } = needs
  const text = factors.open(request.form.get('found') ?? '', bindingOf(provider, person, 'found'))
  const found = text === undefined ? undefined : (JSON.parse(text) as Found)
  if (found === undefined || !isRecent(found.at, now())) return refused(needs, provider, person, request, 'again')
  const { issuer, subject, state, label } = found
  const isLinked = await links.link(
    { upstream: provider.id, issuer, subject, maxAgeMs: provider.maxAgeMs },
    { userId: person.user.id, proved: person.standing },
    told(needs, person, request, { event: 'account.linked', upstream: provider.id, change: 'upstream-linked' }),
    { id: state, expiresAt: new Date(now() + markFor) },
  )
  // pressed twice, it is linked all the same
  const owner = isLinked ? person.user.id : await links.ownerOf(found)
  if (owner === person.user.id) return done(needs, request, 'linked')
  return refused(needs, provider, person, request, owner === undefined ? 'changed' : 'linked-elsewhere', label)
}

function told(
  { now }: LinkingNeeds,
  person: SignedInPerson,
  request: PageRequest,
  { event, upstream, change }: { event: AuditEvent['event']; upstream: string; change: string },
) {
  const about = eventOf(person, request, { event, reason: upstream })
  const asked = { address: about.address, agent: about.agent }
  const mail = factorNotice(person.user, { change, now: now(), asked, languages: request.languages })
  return { audit: [about], mail }
}

const linkOf = async (needs: LinkingNeeds, { user }: SignedInPerson, id: string | null) =>
  (await needs.links.ownOf(user.id, waysOf(needs))).find((link) => idOf(link) === id)

async function askUnlink(needs: LinkingNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const found = await linkOf(needs, person, request.query.get('id'))
  if (found === undefined) return done(needs, request)
  if (!found.isRemovable) return done(needs, request, 'link-kept')
  return {
    kind: 'page',
    view: 'account-confirm',
    model: {
      area: accountArea(needs, person, request, 'security'),
      action: `${needs.basePath}${unlinkPath}`,
      backHref: `${needs.basePath}${security}`,
      what: 'unlink',
      id: idOf(found),
      name: nameOf(needs, found.upstream),
    },
  }
}

/** Takes the field `id`. Sessions that began with the link end with it, so every other one does.
 *  @throws CodedError STORE_UNAVAILABLE */
async function unlink(needs: LinkingNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const found = await linkOf(needs, person, request.form.get('id'))
  if (found === undefined) return done(needs, request)
  const keepSession = { uid: person.session.uid, version: person.session.version + 1 }
  const isGone = await needs.links.unlinkOwn(person.user.id, found, {
    ways: waysOf(needs),
    keepSession,
    told: told(needs, person, request, {
      event: 'account.unlinked',
      upstream: found.upstream,
      change: 'upstream-removed',
    }),
  })
  if (!isGone) return done(needs, request, 'link-kept')
  needs.browserSessions.renew(request.raw, keepSession.version)
  return done(needs, request, 'unlinked')
}

function done({ said, basePath }: LinkingNeeds, request: PageRequest, key?: string): Reply {
  if (key !== undefined) said.say(request, key)
  return { kind: 'redirect', location: `${basePath}${security}` }
}

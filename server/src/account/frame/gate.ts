// Admits a signed-in person to a page, or redirects to a sign-in that returns to the page. It checks the session at every request.
import { paths } from '@nauthera/rules/endpoints'
import { freshFor, hasTwoFactors } from '../../oidc/acr.ts'
import type { BrowserSessions } from '../../oidc/browser-session.ts'
import { ownCallback, ownSignInPath } from '../../oidc/clients/own-client.ts'
import type { Page, PageRequest, Redirect, Reply, Route } from '../../reply.ts'
import type { LoadedAccount } from '../../store/sessions/accounts.ts'
import type { User } from '../../store/people/user.ts'
import { isRequired } from '../../users/factors/policy.ts'
import type { SecondFactorPolicy } from '../../users/factors/policy.ts'
import { ownPath } from './own-path.ts'
import type { PageLimits } from './page-limits.ts'

/** The person who is signed in. */
export interface SignedInPerson {
  readonly user: User
  /** See `LoadedAccount.standing`. */
  readonly standing: string
  /** The kinds of their second factors. */
  readonly factors: LoadedAccount['factors']
  readonly session: {
    readonly uid: string
    /** Version of the session cookie; older ones may be refused. */
    readonly version: number
    /** Epoch seconds of the last authentication. */
    readonly authTime: number
    readonly amr: readonly string[]
    readonly acr: string | undefined
  }
}

/** A redirect to a sign-in, or a page that says why not. */
export type Admission = Admitted | Redirect | Page
interface Admitted {
  readonly kind: 'admitted'
  readonly person: SignedInPerson
}

export interface AccountGate {
  /** @returns the signed-in person, with a second factor where the settings require one; or a redirect to a sign-in that returns to this
   *  page; or a page for a person who asked for too many
   *  @throws CodedError STORE_UNAVAILABLE */
  requirePerson(request: PageRequest): Promise<Admission>
  /** As `requirePerson`, but the last sign-in must be at most five minutes old.
   *  @param wanted.acr the sign-in must also have one of these */
  requireFresh(request: PageRequest, wanted?: { acr?: readonly string[] }): Promise<Admission>
}

/** @param needs.basePath the issuer's path, '' when it has none; @param needs.issuer without a slash at the end
 *  @param needs.now epoch milliseconds */
export function createGate(needs: {
  browserSessions: BrowserSessions
  basePath: string
  issuer: string
  secondFactor: SecondFactorPolicy
  limits: Pick<PageLimits, 'ofPerson'>
  now: () => number
}): AccountGate {
  const { browserSessions, secondFactor, limits, now } = needs
  const load = async ({ raw }: PageRequest): Promise<SignedInPerson | Page | undefined> => {
    const live = await browserSessions.load(raw.request)
    if (live === undefined) return undefined
    const { account, ...session } = live
    const tooMany = limits.ofPerson(account.user.id, raw.request)
    return tooMany ?? { user: account.user, standing: account.standing, factors: account.factors, session }
  }
  // some pages ask twice, which is still one request of the person
  const loaded = new WeakMap<PageRequest, ReturnType<typeof load>>()
  const personOf = (request: PageRequest): ReturnType<typeof load> => {
    const person = loaded.get(request) ?? load(request)
    loaded.set(request, person)
    return person
  }
  // since the sign-in, a group may require a second factor: then ask for it
  const isEnough = ({ user, session }: SignedInPerson) =>
    hasTwoFactors(session.amr) || !isRequired(secondFactor, user.groups)
  return {
    async requirePerson(request) {
      const person = await personOf(request)
      if (isPage(person)) return person
      return person === undefined || !isEnough(person) ? signIn(needs, request, {}) : { kind: 'admitted', person }
    },
    async requireFresh(request, { acr } = {}) {
      const person = await personOf(request)
      if (isPage(person)) return person
      const isFresh = person !== undefined && now() / 1000 - person.session.authTime <= freshFor
      const isReached = acr === undefined || acr.includes(person?.session.acr ?? '')
      if (person !== undefined && isFresh && isReached && isEnough(person)) return { kind: 'admitted', person }
      return signIn(needs, request, {
        // after a recent sign-in ask only for what is missing
        // with max_age another provider must report `auth_time`
        ...(isFresh ? {} : { prompt: 'login', max_age: String(freshFor) }),
        ...(acr === undefined ? {} : { claims: essentialAcr(acr) }),
      })
    },
  }
}

const isPage = (person: SignedInPerson | Page | undefined): person is Page => person !== undefined && 'view' in person

/** Answers one request of an admitted person. */
export type PersonalHandler<Needs> = (
  needs: Needs,
  person: SignedInPerson,
  request: PageRequest,
) => Promise<Reply> | Reply
/** A method of this gate, or of another gate that shows its own page instead. */
export type Require = (request: PageRequest) => Promise<Admission>

/** The routes of pages for one person.
 *  @param require such as `gate.requirePerson`
 *  @returns `page` for a GET; `form` for its POST: a page must have the same path, since a sign-in returns there */
export function personalRoutes<Needs>(needs: Needs, require: Require) {
  const personal = (method: Route['method'], path: string, handle: PersonalHandler<Needs>): Route => ({
    method,
    path,
    boundTo: 'session',
    async turnAway(request) {
      const admission = await require(request)
      return admission.kind === 'admitted' ? undefined : admission
    },
    async handle(request) {
      const admission = await require(request)
      return admission.kind === 'admitted' ? handle(needs, admission.person, request) : admission
    },
  })
  return {
    page: (path: string, handle: PersonalHandler<Needs>) => personal('GET', path, handle),
    form: (path: string, handle: PersonalHandler<Needs>) => personal('POST', path, handle),
  }
}

type SignInNeeds = Pick<Parameters<typeof createGate>[0], 'basePath' | 'issuer'>

/** Redirects to a sign-in that returns to the page of this request. */
function signIn(site: SignInNeeds, request: PageRequest, more: Record<string, string>): Redirect {
  const state = pathOfRequest(request, site.basePath) ?? paths.account
  return { kind: 'redirect', location: ownSignInPath(site, { state, ...more }) }
}

/** The path below the issuer, with its query when that has only plain characters. */
function pathOfRequest({ raw }: PageRequest, basePath: string): string | undefined {
  const target = (raw.request.url ?? '').slice(basePath.length)
  return ownPath(target) ?? ownPath(target.split('?')[0])
}

const essentialAcr = (values: readonly string[]): string =>
  JSON.stringify({ id_token: { acr: { essential: true, values } } })

/** The redirect URI of sign-ins for our own pages. Only `state` is used, for the next page: the session is in its cookie. */
export function createCallback(needs: { browserSessions: Pick<BrowserSessions, 'shown'>; basePath: string }): Route {
  return {
    method: 'GET',
    path: ownCallback,
    async handle({ raw, query }) {
      const isRefused = query.has('error')
      // a person who cancels a second sign-in is still signed in
      const home = needs.browserSessions.shown(raw.request)?.accountId === undefined ? '/' : paths.account
      const path = isRefused ? home : (ownPath(query.get('state')) ?? paths.account)
      return { kind: 'redirect', location: `${needs.basePath}${path}` }
    },
  }
}

// The frame of an area's pages: heading and navigation, and how a form ends: with an audit event, and a redirect to a page.
import { paths } from '@nauthera/rules/endpoints'
import { timeZoneNamed } from '@nauthera/rules/time-zones'
import { readCookies } from '../../oidc/cookies.ts'
import { auditedRequest } from '../../oidc/request-context.ts'
import type { PageRequest, Redirect } from '../../reply.ts'
import type { AreaOnPage } from '../../reply/on-page.ts'
import type { AuditEvent } from '../../store/audit/audit-event.ts'
import { personOnPage } from '../../users/person-on-page.ts'
import type { SignedInPerson } from './gate.ts'
import type { Said } from './said.ts'

/** What the pages of an area share. */
export interface AreaNeeds {
  /** The issuer's path, '' when it has none. */
  readonly basePath: string
  readonly said: Pick<Said, 'consume'>
}

/** @param value of the profile, where another provider may have put anything; else of a cookie that the pages' script sets. It only affects
 *  how times are shown */
const zoneOf = (value: unknown): string | undefined => (typeof value === 'string' ? timeZoneNamed(value) : undefined)

/** @param label the text that names the links; @param links of the area, in their order
 *  @returns the frame of its pages; `current` is the link of the page */
export const areaOf =
  <Id extends string>(label: string, links: readonly { readonly id: Id; readonly path: string }[]) =>
  ({ basePath, said }: AreaNeeds, { user }: SignedInPerson, request: PageRequest, current: Id): AreaOnPage => ({
    person: personOnPage(user),
    label,
    links: links.map(({ id, path }) => ({ id, href: `${basePath}${path}`, current: id === current })),
    signOutHref: `${basePath}${paths.endSession}`,
    timeZone: zoneOf(user.profile['zoneinfo']) ?? zoneOf(readCookies(request.raw.request).get('nauthera_zone')),
    said: request.method === 'GET' ? said.consume(request) : undefined,
  })

/** The pages that the navigation of the account leads to. */
export const accountPaths = {
  overview: paths.account,
  profile: `${paths.account}/profile`,
  security: `${paths.account}/security`,
  sessions: `${paths.account}/sessions`,
  applications: `${paths.account}/applications`,
  preferences: `${paths.account}/preferences`,
} as const

const accountPages = ['overview', 'profile', 'security', 'sessions', 'applications', 'preferences'] as const

export const accountArea = areaOf(
  'nav.label',
  accountPages.map((id) => ({ id, path: accountPaths[id] })),
)

/** What a page below that about security shows. @param path where its form goes */
export const belowSecurity = (needs: AreaNeeds, person: SignedInPerson, request: PageRequest, path: string) => ({
  area: accountArea(needs, person, request, 'security'),
  action: `${needs.basePath}${path}`,
  backHref: `${needs.basePath}${accountPaths.security}`,
})

/** The audit event of what a person changed about their own account. */
export const eventOf = (
  { user }: SignedInPerson,
  request: PageRequest,
  about: Pick<AuditEvent, 'event'> & Partial<Pick<AuditEvent, 'reason' | 'clientId' | 'clientUid' | 'detail'>>,
) => ({ ...auditedRequest(request), userId: user.id, outcome: 'success', reason: 'by-the-person', ...about }) as const

export const redirectTo = ({ basePath }: Pick<AreaNeeds, 'basePath'>, path: string): Redirect => ({
  kind: 'redirect',
  location: `${basePath}${path}`,
})

/** Redirects to a page, which shows once what was done.
 *  @param key of a text below `said.`; default: nothing is shown */
export function redirectSaying(
  { said, basePath }: { readonly said: Pick<Said, 'set'>; readonly basePath: string },
  request: PageRequest,
  path: string,
  key?: string,
): Redirect {
  if (key !== undefined) said.set(request, key)
  return redirectTo({ basePath }, path)
}

/** Tag -> name. Each look with Intl takes 4 KB outside of the heap. Bounded: only languages of our pages come in. */
const ownNames = new Map<string, string>()

/** @param tags of the languages that pages have
 *  @returns each with its own name for itself, such as Deutsch */
export const languagesOnPage = (tags: readonly string[]) =>
  tags.map((tag) => {
    const name = ownNames.get(tag) ?? new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag
    ownNames.set(tag, name)
    return { tag, name }
  })

// The section and page with linked identities at other providers, and the form that unlinks one.
import { createHash } from 'node:crypto'
import type { PageRequest, Reply, Route } from '../../reply.ts'
import type { SecuritySection } from '../../reply/account-pages.ts'
import type { Ways } from '../../store/people/ways.ts'
import { mostLinks } from '../../store/factors/upstream-links.ts'
import type { OwnLink } from '../../store/factors/upstream-links.ts'
import type { PasskeyFactors } from '../../users/factors/passkey-factors.ts'
import { accountPaths, belowSecurity } from '../frame/frame.ts'
import type { SignedInPerson } from '../frame/gate.ts'
import { admittedAs, goOn, ownersRoutes } from '../frame/owner.ts'
import { linkPath, linkRoutes } from './link-sign-in.ts'
import { done, told } from './linking-needs.ts'
import type { LinkingNeeds, OtherProviders } from './linking-needs.ts'

const unlinkPath = `${accountPaths.security}/unlink`

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

/** The id in addresses, which must not show the subject. */
const idOf = ({ issuer, subject }: Pick<OwnLink, 'issuer' | 'subject'>): string =>
  createHash('sha256').update(`${issuer} ${subject}`).digest('hex').slice(0, 32)

/** @returns nothing without other providers and without a link */
export async function linkedSection(needs: LinkingNeeds, { user }: SignedInPerson): Promise<SecuritySection[]> {
  const { providers } = needs.rounds
  const links = await needs.links.ownOf(user.id, waysOf(needs))
  if (providers.length === 0 && links.length === 0) return []
  return [
    {
      id: 'linked',
      text: textOf(links),
      items: links.map((link) => itemOf(needs, link, links)),
      actions: (links.length < mostLinks ? providers : []).map(({ id, name }) => ({
        id: `link-${id}`,
        href: `${needs.basePath}${linkPath(id)}`,
        key: 'security.linked.add',
        values: { name },
      })),
    },
  ]
}

const textOf = ({ length }: readonly OwnLink[]): SecuritySection['text'] => {
  if (length >= mostLinks) return { key: 'security.linked.full', values: { most: mostLinks } }
  return { key: length === 0 ? 'security.linked.none' : 'security.linked.text' }
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

/** The name of a provider; only its id when it is no longer in the settings. */
const nameOf = ({ rounds }: { readonly rounds: Pick<OtherProviders, 'providers'> }, upstream: string): string =>
  rounds.providers.find(({ id }) => id === upstream)?.name ?? upstream

/** The providers whose links are removed when the person sets up a first second factor, unless the person keeps them: anybody with the
 *  password could have linked them.
 *  @returns each name once; none for a person with a second factor */
export async function weakLinksOf(
  needs: Parameters<typeof waysOf>[0] & { readonly links: Pick<LinkingNeeds['links'], 'ownOf'> },
  { user, factors }: SignedInPerson,
): Promise<readonly string[]> {
  if (factors.length > 0) return []
  const weak = (await needs.links.ownOf(user.id, waysOf(needs))).filter((link) => !link.isStrong && link.isRemovable)
  return [...new Set(weak.map(({ upstream }) => nameOf(needs, upstream)))]
}

export function createLinkingRoutes(needs: LinkingNeeds): readonly Route[] {
  const { page, form } = ownersRoutes(needs)
  return [
    ...needs.rounds.providers.flatMap((provider) => linkRoutes(needs, provider)),
    page(unlinkPath, askUnlink),
    form(unlinkPath, unlink),
  ]
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
      ...belowSecurity(needs, person, request, unlinkPath),
      what: 'unlink',
      id: idOf(found),
      name: nameOf(needs, found.upstream),
    },
  }
}

/** Takes the field `id`. Ends all other sessions, since they may have begun with the link.
 *  @throws CodedError STORE_UNAVAILABLE */
async function unlink(needs: LinkingNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const found = await linkOf(needs, person, request.form.get('id'))
  if (found === undefined) return done(needs, request)
  const keepSession = { uid: person.session.uid, version: person.session.version + 1 }
  const isGone = await needs.links.unlinkOwn(admittedAs(person), found, {
    ways: waysOf(needs),
    keepSession,
    told: told(needs, person, request, {
      event: 'account.unlinked',
      upstream: found.upstream,
      change: 'upstream-removed',
    }),
  })
  if (!isGone) return done(needs, request, 'link-kept')
  goOn(needs, person, request)
  return done(needs, request, 'unlinked')
}

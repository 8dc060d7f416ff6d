// The pages to set up, replace and remove the authenticator app and passkeys, and to renew recovery codes. The app's seed is only in an
// encrypted hidden field until a code has proved it.
import type { FactorWord } from '../../factor-kind.ts'
import type { Page, PageRequest, Reply, Route, Views } from '../../reply.ts'
import type { Mistake } from '../../reply/on-page.ts'
import type { AuditEvent } from '../../store/audit/audit-event.ts'
import type { Factor, Factors } from '../../store/factors/factors.ts'
import type { UpstreamLinks } from '../../store/factors/upstream-links.ts'
import type { FactorChange } from '../../users/factors/notice.ts'
import { mayEnrolFirst } from '../../users/factors/policy.ts'
import { appOnPage, newPasskeyOnPage, setUps } from '../../users/factors/factor-kinds.ts'
import type { FactorKinds } from '../../users/factors/factor-kinds.ts'
import { mintSeed } from '../../users/factors/totp.ts'
import { withSecondFactor, withoutSecondFactor } from '../../oidc/acr.ts'
import { factorPaths, hasAllPasskeys } from './factor-sections.ts'
import { accountArea, accountPaths, belowSecurity, eventOf, redirectSaying, redirectTo } from '../frame/frame.ts'
import type { AreaNeeds } from '../frame/frame.ts'
import type { PersonalHandler, SignedInPerson } from '../frame/gate.ts'
import { waysOf, weakLinksOf } from './linked-sign-ins.ts'
import type { OtherProviders } from './linking-needs.ts'
import { admittedAs, goOn, othersOf, ownersRoutes } from '../frame/owner.ts'
import type { OwnerNeeds } from '../frame/owner.ts'
import { createRenameRoutes } from './rename-factor.ts'
import type { Said } from '../frame/said.ts'

export interface FactorPageNeeds extends AreaNeeds, OwnerNeeds, FactorKinds {
  readonly factors: Pick<Factors, 'of' | 'recoveryCodesLeft' | 'seal' | 'open' | 'rename'>
  readonly rounds: Pick<OtherProviders, 'providers'>
  readonly links: Pick<UpstreamLinks, 'ownOf'>
  /** The name of this service, for the person's app. */
  readonly title: string
  readonly said: Said
}

export function createFactorRoutes(needs: FactorPageNeeds): readonly Route[] {
  if (needs.secondFactor.policy === 'off') return []
  const { page, form } = ownersRoutes(needs)
  return [
    page(factorPaths.app, enrols(showApp)),
    form(factorPaths.app, enrols(setUp('app'))),
    page(factorPaths.removeApp, (_, ...asked) => confirmPage(needs, ...asked, 'remove-app')),
    form(factorPaths.removeApp, removeApp),
    page(factorPaths.passkey, enrols(showPasskey)),
    form(factorPaths.passkey, enrols(setUp('passkey'))),
    page(factorPaths.removePasskey, showRemoval),
    form(factorPaths.removePasskey, removePasskey),
    page(factorPaths.codes, (_, ...asked) => confirmPage(needs, ...asked, 'new-codes')),
    form(factorPaths.codes, newCodes),
    ...createRenameRoutes(needs),
  ]
}

/** Redirects back, with a reason, when this sign-in is not enough to set up a first factor. */
const enrols =
  (handle: PersonalHandler<FactorPageNeeds>): PersonalHandler<FactorPageNeeds> =>
  (needs, person, request) =>
    person.factors.length > 0 || mayEnrolFirst(needs.secondFactor, person.session.amr)
      ? handle(needs, person, request)
      : done(needs, request, 'link-needed')

/** Binds the sealed seed to this person and session. */
const bindingOf = ({ user, session }: SignedInPerson): string => `${user.id}:${session.uid}`

/** What a page says again after a mistake. */
interface SaidBefore {
  readonly seed?: string | undefined
  readonly name?: string | undefined
  readonly mistakes?: readonly Mistake[]
}

async function showApp(
  needs: FactorPageNeeds,
  person: SignedInPerson,
  request: PageRequest,
  { seed = mintSeed(), name = '', mistakes = [] }: SaidBefore = {},
): Promise<Page> {
  return {
    kind: 'page',
    view: 'account-app',
    model: {
      ...belowSecurity(needs, person, request, factorPaths.app),
      ...appOnPage(seed, needs.title, person.user),
      sealed: needs.factors.seal(seed, bindingOf(person)),
      name,
      weakLinks: await weakLinksOf(needs, person),
      mistakes,
    },
  }
}

function changeOf(
  person: SignedInPerson,
  request: PageRequest,
  about: Pick<AuditEvent, 'event' | 'reason'>,
): FactorChange {
  const others = othersOf(person, request)
  return {
    event: eventOf(person, request, { ...about, ...(others.keepsOthers && { detail: { sessions: 'kept' } }) }),
    languages: request.languages,
    others,
    keepsLinks: request.form.get('keep-links') === 'yes',
  }
}

const shows = { app: showApp, passkey: showPasskey } as const

/** Takes the fields of `setUps`; of the app also `seed` (sealed).
 *  @throws CodedError STORE_UNAVAILABLE */
const setUp =
  (way: FactorWord): PersonalHandler<FactorPageNeeds> =>
  async (needs, person, request) => {
    const { user, standing, session } = person
    const boundTo = bindingOf(person)
    const seed = needs.factors.open(request.form.get('seed') ?? '', boundTo)
    const outcome = await setUps[way](needs, {
      fields: request.form,
      agent: request.raw.request.headers['user-agent'],
      userId: user.id,
      standing,
      boundTo,
      seed,
      changeOf: (reason) => changeOf(person, request, { event: 'factor.enrolled', reason }),
    })
    switch (outcome.kind) {
      case 'mistaken':
        return shows[way](needs, person, request, { seed, name: outcome.name, mistakes: [outcome.mistake] })
      // of the app: its seed was sealed for another session
      case 'not-shown':
      case 'ended':
        return redirectTo(needs, factorPaths[way])
      case 'enrolled':
        goOn(needs, person, request, withSecondFactor(session.amr, ...outcome.methods))
        return outcome.recoveryCodes.length > 0
          ? codesPage(needs, person, request, outcome.recoveryCodes, `${way}-added`)
          : done(needs, request, `${way}-added`)
    }
  }

async function removeApp(needs: FactorPageNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const app = (await needs.factors.of(person.user.id)).find(({ kind }) => kind === 'totp')
  const isRemoved = app !== undefined && (await remove(needs, person, request, app))
  return done(needs, request, isRemoved ? 'app-removed' : undefined)
}

/** Removes one; after the last, the session no longer counts it in `amr`. */
async function remove(
  needs: FactorPageNeeds,
  person: SignedInPerson,
  request: PageRequest,
  factor: Factor,
): Promise<boolean> {
  const change = changeOf(person, request, { event: 'factor.removed', reason: factor.kind })
  const about = { ...change, ways: waysOf(needs) }
  if (!(await needs.secondFactors.removeFactor(admittedAs(person), factor, about))) return false
  const { amr } = person.session
  const isLast = (await needs.factors.of(person.user.id)).length === 0
  goOn(needs, person, request, isLast ? withoutSecondFactor(amr) : amr)
  return true
}

/** Redirects back when passkeys do not work at the issuer's address. */
async function showPasskey(
  needs: FactorPageNeeds,
  person: SignedInPerson,
  request: PageRequest,
  { mistakes = [] }: SaidBefore = {},
): Promise<Reply> {
  const action = `${needs.basePath}${factorPaths.passkey}`
  const passkey = await newPasskeyOnPage(needs, person.user, bindingOf(person), action)
  // the security page shows the limit
  if (passkey === undefined || hasAllPasskeys(await needs.factors.of(person.user.id))) return done(needs, request)
  return {
    kind: 'page',
    view: 'account-passkey',
    model: {
      area: accountArea(needs, person, request, 'security'),
      backHref: `${needs.basePath}${accountPaths.security}`,
      passkey,
      weakLinks: await weakLinksOf(needs, person),
      mistakes,
    },
  }
}

const passkeyOf = async ({ factors }: FactorPageNeeds, { user }: SignedInPerson, id: string | null) =>
  (await factors.of(user.id)).find((factor) => factor.kind === 'passkey' && factor.id === id)

async function showRemoval(needs: FactorPageNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const passkey = await passkeyOf(needs, person, request.query.get('id'))
  if (passkey === undefined) return done(needs, request)
  return confirmPage(needs, person, request, 'remove-passkey', passkey)
}

/** Takes the field `id`. */
async function removePasskey(needs: FactorPageNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const passkey = await passkeyOf(needs, person, request.form.get('id'))
  if (passkey === undefined) return done(needs, request)
  if (await remove(needs, person, request, passkey)) return done(needs, request, 'passkey-removed')
  // after a second click it is already removed
  const isKept = (await passkeyOf(needs, person, passkey.id)) !== undefined
  return done(needs, request, isKept ? 'link-kept' : undefined)
}

async function newCodes(needs: FactorPageNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const change = changeOf(person, request, { event: 'factor.enrolled', reason: 'recovery-codes' })
  const codes = await needs.secondFactors.renewRecoveryCodes(admittedAs(person), change)
  if (codes !== undefined) goOn(needs, person, request)
  return codes === undefined ? done(needs, request) : codesPage(needs, person, request, codes, 'new-codes')
}

/** Shows the codes in the answer to the form: they cannot be shown again. */
function codesPage(
  needs: FactorPageNeeds,
  person: SignedInPerson,
  request: PageRequest,
  codes: readonly string[],
  done: Views['account-codes']['done'],
): Page {
  const area = accountArea(needs, person, request, 'security')
  return {
    kind: 'page',
    view: 'account-codes',
    model: { area, codes, done, backHref: `${needs.basePath}${accountPaths.security}` },
  }
}

const confirmed = {
  'remove-app': factorPaths.removeApp,
  'remove-passkey': factorPaths.removePasskey,
  'new-codes': factorPaths.codes,
} as const

function confirmPage(
  needs: FactorPageNeeds,
  person: SignedInPerson,
  request: PageRequest,
  what: keyof typeof confirmed,
  factor?: Factor,
): Page {
  return {
    kind: 'page',
    view: 'account-confirm',
    model: {
      ...belowSecurity(needs, person, request, confirmed[what]),
      what,
      id: factor?.id,
      name: factor?.name,
    },
  }
}

const done = (needs: FactorPageNeeds, request: PageRequest, key?: string): Reply =>
  redirectSaying(needs, request, accountPaths.security, key)

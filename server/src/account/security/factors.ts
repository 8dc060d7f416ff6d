// The pages to set up, replace and remove the authenticator app and passkeys, and to renew recovery codes. The app's seed is only in an
// encrypted hidden field until a code has proved it.
import type { Page, PageRequest, Reply, Route } from '../../reply.ts'
import type { Mistake } from '../../reply/on-page.ts'
import type { AuditEvent } from '../../store/audit/audit-event.ts'
import type { Factor, Factors } from '../../store/factors/factors.ts'
import type { UpstreamLinks } from '../../store/factors/upstream-links.ts'
import { factorName, passkeyName } from '../../users/factors/factor-name.ts'
import { passkeyAnswer } from '../../users/factors/passkey-factors.ts'
import type { PasskeyFactors } from '../../users/factors/passkey-factors.ts'
import type { FactorChange } from '../../users/factors/notice.ts'
import { mayEnrolFirst } from '../../users/factors/policy.ts'
import { qrCode } from '../../users/factors/qr-code.ts'
import type { SecondFactors } from '../../users/factors/second-factors.ts'
import { appUri, mintSeed } from '../../users/factors/totp.ts'
import { withSecondFactor, withoutSecondFactor } from '../../oidc/acr.ts'
import { factorPaths, hasAllPasskeys } from './factor-sections.ts'
import { accountArea, accountPaths, eventOf, redirectSaying, redirectTo } from '../frame/frame.ts'
import type { AreaNeeds } from '../frame/frame.ts'
import type { PersonalHandler, SignedInPerson } from '../frame/gate.ts'
import { waysOf, weakLinksOf } from './linked-sign-ins.ts'
import type { OtherProviders } from './linking-needs.ts'
import { admittedAs, goOn, othersOf, ownersRoutes } from '../frame/owner.ts'
import type { OwnerNeeds } from '../frame/owner.ts'
import { createRenameRoutes } from './rename-factor.ts'
import type { Said } from '../frame/said.ts'

export interface FactorPageNeeds extends AreaNeeds, OwnerNeeds {
  readonly factors: Pick<Factors, 'of' | 'recoveryCodesLeft' | 'seal' | 'open' | 'rename'>
  readonly secondFactors: SecondFactors
  readonly passkeys: PasskeyFactors
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
    form(factorPaths.app, enrols(confirmApp)),
    page(factorPaths.removeApp, (_, ...asked) => confirmPage(needs, ...asked, 'remove-app')),
    form(factorPaths.removeApp, removeApp),
    page(factorPaths.passkey, enrols(showPasskey)),
    form(factorPaths.passkey, enrols(addPasskey)),
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

async function showApp(
  needs: FactorPageNeeds,
  person: SignedInPerson,
  request: PageRequest,
  seed = mintSeed(),
  { name = '', mistakes = [] }: { name?: string; mistakes?: readonly Mistake[] } = {},
): Promise<Page> {
  return {
    kind: 'page',
    view: 'account-app',
    model: {
      area: accountArea(needs, person, request, 'security'),
      action: `${needs.basePath}${factorPaths.app}`,
      backHref: `${needs.basePath}${accountPaths.security}`,
      qrCode: qrCode(appUri(seed, { issuer: needs.title, account: person.user.username })),
      secret: seed.replace(/.{4}(?=.)/g, '$& '),
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

/** Takes the fields `code`, `name` and `seed` (sealed).
 *  @throws CodedError STORE_UNAVAILABLE */
async function confirmApp(needs: FactorPageNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const seed = needs.factors.open(request.form.get('seed') ?? '', bindingOf(person))
  // sealed for another session: show the page with a new seed
  if (seed === undefined) return redirectTo(needs, factorPaths.app)
  const code = request.form.get('code') ?? ''
  const name = factorName(request.form.get('name'))
  const again = (key: string) => showApp(needs, person, request, seed, { name, mistakes: [{ key, control: 'code' }] })
  if (code.trim() === '') return again('code-missing')
  const outcome = await needs.secondFactors.enrolApp({
    userId: person.user.id,
    standing: person.standing,
    seed,
    code,
    name,
    ...changeOf(person, request, { event: 'factor.enrolled', reason: 'totp' }),
  })
  if (outcome.kind === 'wrong') return again('wrong-first-code')
  if (outcome.kind === 'ended') return redirectTo(needs, factorPaths.app)
  goOn(needs, person, request, withSecondFactor(person.session.amr, 'otp'))
  if (outcome.recoveryCodes.length > 0) return codesPage(needs, person, request, outcome.recoveryCodes, 'app-added')
  return done(needs, request, 'app-added')
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
  mistakes: readonly Mistake[] = [],
): Promise<Reply> {
  const offer = await needs.passkeys.offerNew(person.user, bindingOf(person))
  // the security page shows the limit
  if (offer === undefined || hasAllPasskeys(await needs.factors.of(person.user.id))) return done(needs, request)
  return {
    kind: 'page',
    view: 'account-passkey',
    model: {
      area: accountArea(needs, person, request, 'security'),
      backHref: `${needs.basePath}${accountPaths.security}`,
      passkey: { ...offer, mode: 'create', action: `${needs.basePath}${factorPaths.passkey}` },
      weakLinks: await weakLinksOf(needs, person),
      mistakes,
    },
  }
}

/** Takes the fields `credential`, `sealed` and `name`.
 *  @throws CodedError STORE_UNAVAILABLE */
async function addPasskey(needs: FactorPageNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const { user, standing } = person
  const { form } = request
  const added = await needs.passkeys.enrol({
    user,
    standing,
    answer: passkeyAnswer(form),
    boundTo: bindingOf(person),
    name: passkeyName(form.get('name'), request.raw.request.headers['user-agent']),
    ...changeOf(person, request, { event: 'factor.enrolled', reason: 'passkey' }),
  })
  if (added === undefined) return showPasskey(needs, person, request, [{ key: 'passkey-not-added' }])
  goOn(needs, person, request, withSecondFactor(person.session.amr, ...added.methods))
  if (added.recoveryCodes.length > 0) return codesPage(needs, person, request, added.recoveryCodes, 'passkey-added')
  return done(needs, request, 'passkey-added')
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
  done: 'app-added' | 'passkey-added' | 'new-codes',
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
      area: accountArea(needs, person, request, 'security'),
      action: `${needs.basePath}${confirmed[what]}`,
      backHref: `${needs.basePath}${accountPaths.security}`,
      what,
      id: factor?.id,
      name: factor?.name,
    },
  }
}

const done = (needs: FactorPageNeeds, request: PageRequest, key?: string): Reply =>
  redirectSaying(needs, request, accountPaths.security, key)

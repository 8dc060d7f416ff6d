import type { Page, PageRequest, Reply, Route } from '../reply.ts'
import type { Mistake } from '../reply/on-page.ts'
import type { AuditEvent } from '../store/audit.ts'
import type { Factor, Factors } from '../store/factors.ts'
import { factorName } from '../users/factors/factor-name.ts'
import type { PasskeyFactors } from '../users/factors/passkey-factors.ts'
import type { SecondFactorPolicy } from '../users/factors/policy.ts'
import { qrCode } from '../users/factors/qr-code.ts'
import type { SecondFactors } from '../users/factors/second-factors.ts'
import { appUri, mintSeed } from '../users/factors/totp.ts'
import { auditedRequest } from '../oidc/request-context.ts'
import { factorPaths } from './factor-sections.ts'
import { accountArea } from './frame.ts'
import type { AreaNeeds } from './frame.ts'
import { personalForm, personalPage } from './gate.ts'
import type { Gate, SignedInPerson } from './gate.ts'
import { waysOf } from './linked-sign-ins.ts'
import type { OtherProviders } from './linking-needs.ts'
import { requireOwner } from './owner.ts'
import { createRenameRoutes } from './rename-factor.ts'
import type { Said } from './said.ts'

// A person sets up, replaces and removes the authenticator app, and makes new recovery codes. Each page wants a fresh sign-in, with the
// second factor of whoever has one. Nothing is stored before a code has proved the app: until then the seed is in a hidden field, encrypted.

export interface FactorNeeds extends AreaNeeds {
  readonly gate: Gate
  readonly factors: Pick<Factors, 'of' | 'recoveryCodesLeft' | 'seal' | 'open' | 'rename'>
  readonly secondFactors: SecondFactors
  readonly passkeys: PasskeyFactors
  readonly rounds: Pick<OtherProviders, 'providers'>
  readonly secondFactor: SecondFactorPolicy
  /** The name of this service, for the person's app. */
  readonly title: string
  readonly said: Said
}

export function createFactorRoutes(needs: FactorNeeds): readonly Route[] {
  if (needs.secondFactor.policy === 'off') return []
  const fresh = (request: PageRequest) => requireOwner(needs, request)
  return [
    personalPage(factorPaths.app, fresh, (person, request) => showApp(needs, person, request, mintSeed())),
    personalForm(factorPaths.app, fresh, (person, request) => confirmApp(needs, person, request)),
    personalPage(factorPaths.removeApp, fresh, (person, request) => confirmPage(needs, person, request, 'remove-app')),
    personalForm(factorPaths.removeApp, fresh, (person, request) => removeApp(needs, person, request)),
    personalPage(factorPaths.passkey, fresh, (person, request) => showPasskey(needs, person, request)),
    personalForm(factorPaths.passkey, fresh, (person, request) => addPasskey(needs, person, request)),
    personalPage(factorPaths.removePasskey, fresh, (person, request) => showRemoval(needs, person, request)),
    personalForm(factorPaths.removePasskey, fresh, (person, request) => removePasskey(needs, person, request)),
    personalPage(factorPaths.codes, fresh, (person, request) => confirmPage(needs, person, request, 'new-codes')),
    personalForm(factorPaths.codes, fresh, (person, request) => newCodes(needs, person, request)),
    ...createRenameRoutes(needs, fresh),
  ]
}

/** The seed opens for this person in this session only. */
const bindingOf = ({ user, session }: SignedInPerson): string => `${user.id}:${session.uid}`

function showApp(
  needs: FactorNeeds,
  person: SignedInPerson,
  request: PageRequest,
  seed: string,
  { name = '', mistakes = [] }: { name?: string; mistakes?: readonly Mistake[] } = {},
): Page {
  return {
    kind: 'page',
    view: 'account-app',
    model: {
      area: accountArea(needs, person, request, 'security'),
      action: `${needs.basePath}${factorPaths.app}`,
      backHref: `${needs.basePath}${factorPaths.security}`,
      qrCode: qrCode(appUri(seed, { issuer: needs.title, account: person.user.username })),
      secret: seed.replace(/.{4}(?=.)/g, '$& '),
      sealed: needs.factors.seal(seed, bindingOf(person)),
      name,
      mistakes,
    },
  }
}

const eventOf = (person: SignedInPerson, request: PageRequest, about: Pick<AuditEvent, 'event' | 'reason'>) =>
  ({ ...auditedRequest(request), userId: person.user.id, outcome: 'success', ...about }) as const

/** Takes the fields `code`, `name` and `seed` (sealed).
 *  @throws CodedError STORE_UNAVAILABLE */
async function confirmApp(needs: FactorNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const seed = needs.factors.open(request.form.get('seed') ?? '', bindingOf(person))
  // of another session: the page with a new one
  if (seed === undefined) return { kind: 'redirect', location: `${needs.basePath}${factorPaths.app}` }
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
    event: eventOf(person, request, { event: 'factor.enrolled', reason: 'totp' }),
    languages: request.languages,
  })
  if (outcome.kind === 'wrong') return again('wrong-first-code')
  if (outcome.kind === 'ended') return { kind: 'redirect', location: `${needs.basePath}${factorPaths.app}` }
  if (outcome.recoveryCodes.length > 0) return codesPage(needs, person, request, outcome.recoveryCodes, 'app-added')
  return done(needs, request, 'app-added')
}

async function removeApp(needs: FactorNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const event = eventOf(person, request, { event: 'factor.removed', reason: 'totp' })
  const isRemoved = await needs.secondFactors.removeApp(person.user.id, event, request.languages)
  return done(needs, request, isRemoved ? 'app-removed' : undefined)
}

/** The address of the issuer may be one where passkeys do not work: then the page leads back. */
async function showPasskey(
  needs: FactorNeeds,
  person: SignedInPerson,
  request: PageRequest,
  mistakes: readonly Mistake[] = [],
): Promise<Reply> {
  const offer = await needs.passkeys.offerNew(person.user, bindingOf(person))
  if (offer === undefined) return done(needs, request)
  return {
    kind: 'page',
    view: 'account-passkey',
    model: {
      area: accountArea(needs, person, request, 'security'),
      backHref: `${needs.basePath}${factorPaths.security}`,
      passkey: { ...offer, mode: 'create', action: `${needs.basePath}${factorPaths.passkey}` },
      mistakes,
    },
  }
}

/** Takes the fields `credential`, `sealed` and `name`.
 *  @throws CodedError STORE_UNAVAILABLE */
async function addPasskey(needs: FactorNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const { user, standing } = person
  const { form } = request
  const added = await needs.passkeys.enrol({
    user,
    standing,
    answer: { credential: form.get('credential') ?? '', sealed: form.get('sealed') ?? '' },
    boundTo: bindingOf(person),
    name: factorName(form.get('name')),
    event: eventOf(person, request, { event: 'factor.enrolled', reason: 'passkey' }),
    languages: request.languages,
  })
  if (added === undefined) return showPasskey(needs, person, request, [{ key: 'passkey-not-added' }])
  if (added.recoveryCodes.length > 0) return codesPage(needs, person, request, added.recoveryCodes, 'passkey-added')
  return done(needs, request, 'passkey-added')
}

const passkeyOf = async ({ factors }: FactorNeeds, { user }: SignedInPerson, id: string | null) =>
  (await factors.of(user.id)).find((factor) => factor.kind === 'passkey' && factor.id === id)

async function showRemoval(needs: FactorNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const passkey = await passkeyOf(needs, person, request.query.get('id'))
  if (passkey === undefined) return done(needs, request)
  return confirmPage(needs, person, request, 'remove-passkey', passkey)
}

/** Takes the field `id`. */
async function removePasskey(needs: FactorNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const passkey = await passkeyOf(needs, person, request.form.get('id'))
  if (passkey === undefined) return done(needs, request)
  const event = eventOf(person, request, { event: 'factor.removed', reason: 'passkey' })
  const isRemoved = await needs.secondFactors.removeFactor(
    person.user.id,
    passkey.id,
    { change: 'passkey-removed', ways: waysOf(needs) },
    event,
    request.languages,
  )
  if (isRemoved) return done(needs, request, 'passkey-removed')
  // pressed twice, it is gone all the same
  const isKept = (await passkeyOf(needs, person, passkey.id)) !== undefined
  return done(needs, request, isKept ? 'link-kept' : undefined)
}

async function newCodes(needs: FactorNeeds, person: SignedInPerson, request: PageRequest): Promise<Reply> {
  const event = eventOf(person, request, { event: 'factor.enrolled', reason: 'recovery-codes' })
  const codes = await needs.secondFactors.renewRecoveryCodes(person.user.id, event, request.languages)
  return codes === undefined ? done(needs, request) : codesPage(needs, person, request, codes, 'new-codes')
}

/** Shown in the answer to the form, since they are nowhere else any more. */
function codesPage(
  needs: FactorNeeds,
  person: SignedInPerson,
  request: PageRequest,
  codes: readonly string[],
  done: 'app-added' | 'passkey-added' | 'new-codes',
): Page {
  const area = accountArea(needs, person, request, 'security')
  return {
    kind: 'page',
    view: 'account-codes',
    model: { area, codes, done, backHref: `${needs.basePath}${factorPaths.security}` },
  }
}

const confirmed = {
  'remove-app': factorPaths.removeApp,
  'remove-passkey': factorPaths.removePasskey,
  'new-codes': factorPaths.codes,
} as const

function confirmPage(
  needs: FactorNeeds,
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
      backHref: `${needs.basePath}${factorPaths.security}`,
      what,
      id: factor?.id,
      name: factor?.name,
    },
  }
}

function done({ said, basePath }: FactorNeeds, request: PageRequest, key?: string): Reply {
  if (key !== undefined) said.say(request, key)
  return { kind: 'redirect', location: `${basePath}${factorPaths.security}` }
}

import type { Linking, Progress, SentUpstream } from '../../oidc/interaction/interaction.ts'
import type { Audit } from '../../store/audit/audit.ts'
import { otherNames } from '../../store/people/user-names.ts'
import type { CreateOutcome, LinkedAccount, UpstreamSignIn } from '../../store/people/upstream-sign-ins.ts'
import type { UserSources } from '../../users/sources/user-sources.ts'
import { personOnPage } from '../../users/person-on-page.ts'
import { factorStanding, proofsThatCount } from '../../users/factors/policy.ts'
import type { SecondFactorPolicy } from '../../users/factors/policy.ts'
import type { Attempt, FormOutcome } from '../attempt/attempt.ts'
import { auditFields } from '../attempt/audit-fields.ts'
import { linkingOf } from '../attempt/linking.ts'
import { besideOf } from '../attempt/signed-in.ts'
import { requestUpstream, isSame } from './answers.ts'
import { answerOf } from './callback.ts'
import type { Federation } from './federation.ts'
import { isFresh } from './freshness.ts'
import { awayMistake, withoutWayIn, leave, stateOf, wantedAge, wantsLogin } from './leave.ts'
import { believedProofs, describePerson } from './person.ts'
import type { Upstream, UpstreamAnswer } from './upstream.ts'

interface Needs {
  readonly federation: Federation
  readonly users: Pick<UserSources, 'isReserved'>
  readonly secondFactor: SecondFactorPolicy
  readonly audit: Pick<Audit, 'record'>
  /** Epoch milliseconds. */
  readonly now: () => number
}

type Identified = Extract<UpstreamAnswer, { kind: 'identified' }>
/** Milliseconds from when the browser was sent there: longer than an interaction can last. */
const markFor = 3_600_000

/** The browser comes back from another provider: whether it was sent there from here, what the provider says, and which account that is.
 *  @throws CodedError STORE_UNAVAILABLE */
export async function comeBack(needs: Needs, attempt: Attempt, upstream: Upstream): Promise<FormOutcome> {
  const { interaction } = attempt
  const answer = answerOf(attempt.request)
  const sent = interaction.progress.upstream
  // the answer to another provider, tab or browser: the sign-in that this browser waits for stays open
  if (!answer || sent?.id !== upstream.id || !isSame(answer.get('state'), stateOf(interaction.uid, sent))) {
    tell(needs, attempt, 'upstream-state')
    return mistaken(upstream, 'upstream-again', interaction.progress)
  }
  const before = withoutWayIn(interaction.progress)
  const brought = { ...sent, state: stateOf(interaction.uid, sent), parameters: answer }
  const said = await requestUpstream(needs.federation.log, upstream, () => upstream.complete(brought))
  switch (said.kind) {
    case 'away':
      return awayMistake(upstream, before)
    case 'invalid':
      tell(needs, attempt, 'upstream-invalid')
      return mistaken(upstream, 'upstream-invalid', before)
    case 'cancelled':
      tell(needs, attempt, 'upstream-cancelled')
      return mistaken(upstream, 'upstream-cancelled', before)
    case 'identified':
      return identify(needs, attempt, upstream, { sent, said })
  }
}

async function identify(
  needs: Needs,
  attempt: Attempt,
  upstream: Upstream,
  { sent, said }: { sent: SentUpstream; said: Identified },
): Promise<FormOutcome> {
  const before = withoutWayIn(attempt.interaction.progress)
  const described = describePerson(said.claims, said.subject, upstream)
  if (described.kind === 'foreign') {
    tell(needs, attempt, 'upstream-foreign')
    return mistaken(upstream, 'upstream-foreign', before)
  }
  if (described.groupsLeftOut) {
    const text = 'a provider left out the groups of a person, because there are too many; none are taken over'
    needs.federation.log.warn({ upstream: upstream.id }, text)
  }
  if (described.emailLeftOut) {
    const text =
      'a provider may not say whose this e-mail address is, so it is not taken over; emailDomains lists the domains that it may'
    needs.federation.log.warn({ upstream: upstream.id }, text)
  }
  const signIn = { ...said, ...described, upstream: upstream.id, maxAgeMs: upstream.maxAgeMs }
  const mark = { id: sent.state, expiresAt: new Date(sent.at * 1000 + markFor) }
  const found = await needs.federation.links.signIn(signIn, mark)
  switch (found.kind) {
    case 'spent':
      tell(needs, attempt, 'upstream-replayed')
      return mistaken(upstream, 'upstream-again', before)
    case 'linked':
      return enter(needs, attempt, upstream, { sent, said, account: found.account })
    case 'unknown':
      return welcome(needs, attempt, upstream, { sent, said, signIn })
  }
}

/** A person without an account here gets one, or proves one to link it. */
async function welcome(
  needs: Needs,
  attempt: Attempt,
  upstream: Upstream,
  { sent, said, signIn }: { sent: SentUpstream; said: Identified; signIn: UpstreamSignIn },
): Promise<FormOutcome> {
  const { username } = signIn.person
  const toLink = (reason: Linking['reason']): FormOutcome => {
    const { issuer, subject, person } = signIn
    const label = reason === 'email' ? (person.email ?? username) : username
    const linking = { upstream: upstream.id, issuer, subject, label, reason }
    return { kind: 'go-on', progress: { switching: true, linking } }
  }
  if (!upstream.newPeople) return toLink('unknown')
  const names = sent.newName ? otherNames(username, signIn) : [username]
  const made = await createFirstFree(needs, attempt, signIn, names)
  return made.kind === 'linked'
    ? enter(needs, attempt, upstream, { sent, said, account: made.account })
    : toLink(made.what)
}

async function createFirstFree(
  { federation, users }: Needs,
  { request, interaction }: Attempt,
  signIn: UpstreamSignIn,
  names: readonly string[],
): Promise<CreateOutcome> {
  const created = {
    ...auditFields(request, interaction),
    event: 'account.created',
    outcome: 'success',
    reason: signIn.upstream,
  } as const
  const { email } = signIn.person
  if (email !== undefined && (await users.isReserved({ username: email, email })))
    return { kind: 'taken', what: 'email' }
  let made: CreateOutcome = { kind: 'taken', what: 'username' }
  for (const username of names) {
    if (await users.isReserved({ username, email: undefined })) continue
    made = await federation.links.create({ ...signIn, person: { ...signIn.person, username } }, [created])
    if (made.kind === 'linked' || made.what === 'email') return made
  }
  return made
}

/** Checks whether this sign-in is good enough for the account that was found, and for the request of the client. */
async function enter(
  needs: Needs,
  attempt: Attempt,
  upstream: Upstream,
  { sent, said, account }: { sent: SentUpstream; said: Identified; account: LinkedAccount },
): Promise<FormOutcome> {
  const { interaction } = attempt
  if (account.disabled) {
    tell(needs, attempt, 'disabled', account.id)
    return mistaken(upstream, 'upstream-refused', withoutWayIn(interaction.progress))
  }
  const fresh = isFresh({
    authTime: said.authTime,
    now: Math.floor(needs.now() / 1000),
    sentAt: sent.at,
    anew: sent.anew === true || wantsLogin(interaction),
    maxAge: wantedAge(interaction),
    validAfter: account.validAfter,
  })
  if (fresh.kind === 'ask-again' && !sent.anew) return leave(needs, attempt, upstream, { anew: true })
  if (fresh.kind !== 'fresh') {
    tell(needs, attempt, 'upstream-not-fresh', account.id)
    const values = fresh.kind === 'too-soon' ? { minutes: Math.ceil(fresh.waitSeconds / 60) } : {}
    return mistaken(upstream, notFresh[fresh.kind], withoutWayIn(interaction.progress), values)
  }
  const signedIn = {
    accountId: account.id,
    authTime: fresh.authTime,
    amr: proofsThatCount(believedProofs(said.proofs, upstream), account),
    standing: account.standing,
    beside: besideOf(interaction, account.id),
    ...(account.known ? { factors: factorStanding(needs.secondFactor, account.known) } : {}),
    passwordChangeRequired: false,
    person: personOnPage(account),
    remember: sent.remember,
    // a strong one stays without it, and the cookie is small
    ...(account.isStrong ? {} : { cameBy: { issuer: said.issuer, subject: said.subject } }),
  }
  // the identity has an account now, so there is nothing left to link
  const isOther = interaction.progress.linking?.upstream !== upstream.id
  return { kind: 'go-on', progress: { ...(isOther ? linkingOf(interaction.progress) : {}), signedIn } }
}

const notFresh = {
  'ask-again': 'upstream-not-fresh',
  unproved: 'upstream-no-time',
  'too-soon': 'upstream-too-soon',
} as const

/** A refusal for the audit log. What can be an attack, and what is only a wish, differ in the reason. */
function tell({ audit }: Needs, { request, interaction }: Attempt, reason: string, userId?: string): void {
  audit.record({
    ...auditFields(request, interaction),
    event: reason === 'upstream-invalid' ? 'signin.failure' : 'signin.refused',
    outcome: 'failure',
    reason,
    userId,
  })
}

const mistaken = (
  { name }: Upstream,
  key: string,
  progress: Progress,
  values: Readonly<Record<string, number>> = {},
): FormOutcome => ({
  kind: 'mistaken',
  mistakes: [{ key, values: { name, ...values } }],
  progress,
})

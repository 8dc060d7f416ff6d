import { askedFrom } from '../../describe-agent.ts'
import type { Audit } from '../../store/audit/audit.ts'
import type { Page } from '../../reply.ts'
import type { Mistake } from '../../reply/on-page.ts'
import { pageOf } from '../attempt/attempt.ts'
import type { Attempt, FormOutcome, KnownAccount, Step, StepOutcome } from '../attempt/attempt.ts'
import { factorNotice } from '../../users/factors/notice.ts'
import { mayLink, strengthOf } from '../../users/factors/policy.ts'
import type { SecondFactorPolicy } from '../../users/factors/policy.ts'
import type { UserSources } from '../../users/sources/user-sources.ts'
import { auditFields } from '../attempt/audit-fields.ts'
import type { Federation } from '../upstream/federation.ts'
import type { Upstream } from '../upstream/upstream.ts'

interface Needs {
  readonly federation: Federation
  readonly users: Pick<UserSources, 'load'>
  readonly secondFactor: SecondFactorPolicy
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly audit: Pick<Audit, 'record'>
}

/** Asks somebody who has proved an account here, and before that who they are at another provider, whether the two belong together. Where the first second
 *  factor needs more than the password, so does a link. */
export const createLinkAccount = (needs: Needs): Step => ({
  run: (attempt) => take(needs, attempt),
  forms: { link: (attempt) => decide(needs, attempt) },
})

function take({ federation, secondFactor }: Needs, attempt: Attempt): StepOutcome {
  const { linking, signedIn, said } = attempt.interaction.progress
  const upstream = federation.upstreams.find(({ id }) => id === linking?.upstream)
  if (!linking || !signedIn || !upstream) return { kind: 'passed', attempt }
  const mistakes = said?.mistakes ?? []
  const factorFirst = !mayLink(secondFactor, signedIn.amr)
  return {
    kind: 'ask',
    page: linkPage(attempt, signedIn, { upstream, label: linking.label, factorFirst, mistakes }),
  }
}

function linkPage(
  { interaction, paths }: Attempt,
  { person }: KnownAccount,
  about: { upstream: Upstream; label: string; factorFirst: boolean; mistakes: readonly Mistake[] },
): Page {
  return {
    ...pageOf(interaction, person),
    view: 'link-account',
    model: {
      client: interaction.client,
      action: paths.form('link'),
      cancelAction: paths.form('cancel'),
      person,
      ...about,
      upstream: about.upstream.name,
    },
  }
}

/** Field `decision`: `link`, or `skip` to go on without.
 *  @throws CodedError STORE_UNAVAILABLE */
async function decide(needs: Needs, { request, interaction }: Attempt): Promise<FormOutcome> {
  const { federation, users, audit, secondFactor } = needs
  const { linking, signedIn } = interaction.progress
  const upstream = federation.upstreams.find(({ id }) => id === linking?.upstream)
  if (!linking || !signedIn || !upstream) return { kind: 'unchanged' }
  const progress = { signedIn }
  if (request.form.get('decision') !== 'link') return { kind: 'go-on', progress }
  if (!mayLink(secondFactor, signedIn.amr)) return { kind: 'unchanged' }
  const about = { ...auditFields(request, interaction), userId: signedIn.accountId, reason: upstream.id }
  const person = await users.load({ userId: signedIn.accountId })
  const asked = askedFrom(about)
  const linked = await federation.links.link(
    { ...linking, maxAgeMs: upstream.maxAgeMs },
    { userId: signedIn.accountId, proved: signedIn.standing ?? '', strongBy: strengthOf(signedIn.amr) },
    {
      audit: [{ ...about, event: 'account.linked', outcome: 'success' }],
      mail: person && factorNotice(person.user, { change: 'upstream-linked', now: needs.now(), asked }),
    },
  )
  if (linked) return { kind: 'go-on', progress }
  audit.record({ ...about, event: 'account.linked', outcome: 'failure' })
  return {
    kind: 'mistaken',
    mistakes: [{ key: 'not-linked', values: { name: upstream.name } }],
    progress: { switching: true, wanted: '' },
  }
}

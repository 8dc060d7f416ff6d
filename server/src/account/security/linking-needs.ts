// What linking and unlinking share.
import { askedFrom } from '../../describe-agent.ts'
import type { CookieScope } from '../../oidc/cookies.ts'
import type { ChangedFactor } from '../../mails.ts'
import type { PageRequest, Reply } from '../../reply.ts'
import type { Audit } from '../../store/audit/audit.ts'
import type { AuditEvent } from '../../store/audit/audit-event.ts'
import type { Factors } from '../../store/factors/factors.ts'
import type { UpstreamLinks } from '../../store/factors/upstream-links.ts'
import { factorNotice } from '../../users/factors/notice.ts'
import type { PasskeyFactors } from '../../users/factors/passkey-factors.ts'
import { accountPaths, eventOf, redirectSaying } from '../frame/frame.ts'
import type { AreaNeeds } from '../frame/frame.ts'
import type { SignedInPerson } from '../frame/gate.ts'
import type { OwnerNeeds } from '../frame/owner.ts'
import type { Said } from '../frame/said.ts'

export interface LinkingNeeds extends AreaNeeds, OwnerNeeds {
  readonly scope: CookieScope
  readonly factors: Pick<Factors, 'seal' | 'open'>
  readonly passkeys: Pick<PasskeyFactors, 'arePossible'>
  readonly links: Pick<UpstreamLinks, 'link' | 'of' | 'ownerOf' | 'ownOf' | 'unlinkOwn'>
  readonly rounds: OtherProviders
  readonly audit: Pick<Audit, 'record'>
  readonly said: Said
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** State, nonce and verifier that bind a provider's answer to the browser. */
export interface Round {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** The other providers, as the account area uses them. */
export interface OtherProviders {
  readonly providers: readonly Provider[]
  /** @returns undefined while the provider does not answer */
  start(id: string): Promise<{ readonly location: string; readonly round: Round } | undefined>
  /** @param round of this browser, from `begin`; undefined for none */
  complete(
    id: string,
    round: Round | undefined,
    request: PageRequest,
  ): Promise<
    | { readonly kind: 'identified'; readonly issuer: string; readonly subject: string; readonly label: string }
    | { readonly kind: 'again' | 'away' | 'invalid' | 'cancelled' | 'foreign' }
  >
}

export interface Provider {
  readonly id: string
  readonly name: string
  readonly maxAgeMs: number
}

export function told(
  { now }: LinkingNeeds,
  person: SignedInPerson,
  request: PageRequest,
  { event, upstream, change }: { event: AuditEvent['event']; upstream: string; change: ChangedFactor },
) {
  const about = eventOf(person, request, { event, reason: upstream })
  const asked = askedFrom(about)
  const mail = factorNotice(person.user, { change, now: now(), asked, languages: request.languages })
  return { audit: [about], mail }
}

export const done = (needs: LinkingNeeds, request: PageRequest, key?: string): Reply =>
  redirectSaying(needs, request, accountPaths.security, key)

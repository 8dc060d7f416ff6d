// The page on which a sign-in begins.
import type { Page } from '../../reply.ts'
import type { Mistake } from '../../reply/on-page.ts'
import type { Linking } from '../../oidc/interaction/interaction.ts'
import { sessionEnded } from '../../oidc/interaction/what-is-asked.ts'
import type { PasskeyOffer } from '../../users/factors/passkey-factors.ts'
import { pageOf, suggestedName } from '../attempt/attempt.ts'
import type { Attempt } from '../attempt/attempt.ts'
import type { Upstream } from '../upstream/upstream.ts'

/** Reasons for a sign-in: the request names another person than the session, by `id_token_hint` or as `sub` in `claims`. */
const otherReasons: readonly string[] = ['id_token_hint', 'id_token_hint_of_another', 'claims_id_token_sub_value']

/** @param upstreams other providers at which the person can sign in
 *  @param said what was wrong the last time, and the user name as typed */
export function signInPage(
  { interaction, paths, offers }: Attempt,
  said: {
    mistakes: readonly Mistake[]
    username?: string | undefined
    retryAfter?: number
    status?: number
    passkey?: PasskeyOffer | undefined
  },
  upstreams: readonly Upstream[],
): Page {
  const { session, progress, prompt } = interaction
  // the client wants another person: asking this one again would lead back to this page for ever
  const wantsOther = session !== undefined && prompt.reasons.some((reason) => otherReasons.includes(reason))
  const known = progress.switching || wantsOther ? undefined : session?.person
  const hinted = progress.switching ? undefined : suggestedName(interaction)
  const reasonOf = () => {
    if (prompt.reasons.includes(sessionEnded)) return 'ended'
    if (wantsOther && !progress.switching) return 'other'
    return known === undefined ? undefined : 'again'
  }
  return {
    ...pageOf(interaction, known),
    view: 'sign-in',
    status: said.status,
    retryAfter: said.retryAfter,
    model: {
      client: interaction.client,
      action: paths.form('sign-in'),
      cancelAction: paths.form('cancel'),
      username: said.username ?? known?.username ?? progress.wanted ?? hinted ?? '',
      reason: reasonOf(),
      forgotUrl: offers.reset ? paths.forgot(interaction.client.clientId) : undefined,
      registerUrl: offers.registration ? paths.register : undefined,
      mistakes: said.mistakes,
      upstreams: upstreams.map(({ id, name, preset }) => ({ id, name, preset, action: paths.form(`upstream/${id}`) })),
      leadsByAddress: upstreams.some(({ domains }) => domains.length > 0),
      linking: linkingOnPage(progress.linking, upstreams),
      passkey: said.passkey && {
        ...said.passkey,
        // what was just refused is not suggested again
        mode: said.mistakes.some(({ key }) => key === 'passkey-refused') ? 'get' : 'suggest',
        action: paths.form('passkey'),
      },
    },
  }
}

function linkingOnPage(linking: Linking | undefined, upstreams: readonly Upstream[]) {
  const upstream = upstreams.find(({ id }) => id === linking?.upstream)
  return linking && upstream && { reason: linking.reason, label: linking.label, name: upstream.name, id: upstream.id }
}

import type { Mistake, Page } from '../reply.ts'
import type { Linking } from '../oidc/interaction/interaction.ts'
import type { PasskeyOffer } from '../users/factors/passkey-factors.ts'
import { pageOf } from './attempt.ts'
import type { Attempt } from './attempt.ts'
import { suggestedName } from './login-link.ts'
import type { Upstream } from './upstream/upstream.ts'

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
  const known = progress.switching ? undefined : session?.person
  const hinted = progress.switching ? undefined : suggestedName(interaction)
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
      reason: prompt.reasons.includes('session_ended') ? 'ended' : known === undefined ? undefined : 'again',
      forgotUrl: offers.reset ? paths.forgot(interaction.client.clientId) : undefined,
      registerUrl: offers.registration ? paths.register : undefined,
      mistakes: said.mistakes,
      upstreams: upstreams.map(({ id, name }) => ({ id, name, action: paths.form(`upstream/${id}`) })),
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

import { createHash } from 'node:crypto'
import { loopbackHosts } from '@nauthera/rules/uris'
import type { Interactions, MissingConsent } from '../../oidc/interaction/interaction.ts'
import type { Page } from '../../reply.ts'
import { pageOf } from '../attempt/attempt.ts'
import type { Attempt, FormOutcome, KnownAccount, Step } from '../attempt/attempt.ts'

/** Asks the person to allow what the client wants, unless they have allowed it before. */
export function createConsent(needs: { interactions: Pick<Interactions, 'missingConsent'> }): Step {
  return {
    async run(attempt) {
      const { account, interaction, agreed } = attempt
      if (!account) return { kind: 'passed', attempt }
      const missing = await needs.interactions.missingConsent(interaction, account)
      const { scopes, details = [], canRemember } = missing
      if (scopes.length === 0 && details.length === 0) return { kind: 'passed', attempt }
      // what the client may have can change while the page is open: a person agrees only to what they saw
      if (agreed?.seen !== seenOf(missing)) return { kind: 'ask', page: consentPage(attempt, account, missing) }
      // read from the request again: the form could name anything
      const consent = {
        scopes,
        ...(details.length > 0 ? { details } : {}),
        remember: agreed.remember && canRemember,
      }
      return { kind: 'passed', attempt: { ...attempt, consent } }
    },
    forms: { consent: decide },
  }
}

function consentPage({ interaction, paths }: Attempt, { person }: KnownAccount, missing: MissingConsent): Page {
  return {
    ...pageOf(interaction, person),
    view: 'consent',
    model: {
      client: interaction.client,
      action: paths.form('consent'),
      switchAction: paths.form('switch'),
      person,
      ...missing,
      seen: seenOf(missing),
      destination: destinationOf(interaction.redirectUri),
      loopback: loopbackHosts.includes(URL.parse(interaction.redirectUri)?.hostname ?? ''),
    },
  }
}

/** Also the words: an API may change them. */
const seenOf = ({ scopes, details = [], inSession }: MissingConsent): string =>
  createHash('sha256')
    .update(JSON.stringify([scopes, details, inSession]))
    .digest('base64url')

/** The part of a redirect URI that a person can recognise: its host, or the scheme of an app on the device. */
function destinationOf(redirectUri: string): string {
  if (redirectUri === '') return ''
  const url = new URL(redirectUri)
  return url.host === '' ? url.protocol : url.host
}

/** Fields `decision` (`allow` or `deny`), `remember` and `seen`. */
function decide({ request, interaction }: Attempt): FormOutcome {
  if (request.form.get('decision') !== 'allow') {
    return { kind: 'refused', event: 'consent.denied', description: 'the person did not agree' }
  }
  const agreed = { remember: request.form.get('remember') !== null, seen: request.form.get('seen') ?? undefined }
  return { kind: 'go-on', progress: interaction.progress, agreed }
}

import type { Identity } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { identityText } from '@nauthera/rules/identities'
import type { ClientInstances } from '../clients/instances.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { meantClient, platformAssertions } from '../authentication/platform-client.ts'
import type { PlatformProofs } from '../authentication/platform-proof.ts'
import { readClaims } from '../authentication/platform-token.ts'
import { proveSecret } from '../authentication/secret-proof.ts'
import { isDeepJwt } from '../deep-json.ts'
import type { RequestContext } from '../request-context.ts'
import { plainSecret } from './plain-request.ts'
import type { PlainForm } from './plain-request.ts'

export interface ProofNeeds {
  readonly clients: ClientInstances
  readonly platforms: PlatformProofs
  readonly usedSecret: (client: OidcClient, secretId: string) => void
  readonly usedIdentity: (client: OidcClient, identity: Identity) => void
  readonly monotonicNow: () => number
}

/** Authenticates a client by its secret or by a platform token.
 *  @returns undefined for everything that the library must refuse or check; a promise only for a token */
export function proveClient(
  context: RequestContext,
  form: PlainForm,
  needs: ProofNeeds,
): OidcClient | undefined | Promise<OidcClient | undefined> {
  return form.has('client_assertion') ? proveByToken(context, form, needs) : proveBySecret(context, form, needs)
}

function proveBySecret(context: RequestContext, form: PlainForm, needs: ProofNeeds): OidcClient | undefined {
  const shown = plainSecret(context.request.headers, form)
  const client = shown && needs.clients.registeredById(shown.clientId)
  if (client === undefined || form.has('client_assertion_type')) return undefined
  const proof = proveSecret(client, shown!, needs.monotonicNow())
  if (proof.kind !== 'proved') return undefined
  context.secret = proof.secret
  needs.usedSecret(client, proof.secret.secretId)
  return client
}

async function proveByToken(
  context: RequestContext,
  form: PlainForm,
  needs: ProofNeeds,
): Promise<OidcClient | undefined> {
  const token = form.get('client_assertion')!
  if (!platformAssertions.includes(form.get('client_assertion_type') ?? '')) return undefined
  if (form.has('client_secret') || context.request.headers.authorization !== undefined) return undefined
  if (isDeepJwt(token)) return undefined
  const claims = readClaims(token)
  const meant = claims && meantClient(claims, form.get('client_id'), needs)
  if (meant?.kind !== 'client') return undefined
  const proof = await needs.platforms.prove(token, meant.client)
  if (proof.kind !== 'proved') return undefined
  context.identity = identityText(proof.identity)
  needs.usedIdentity(meant.client, proof.identity)
  return meant.client
}

import { errors } from 'oidc-provider'
import { identityText } from '@nauthera/rules/identities'
import { currentRequest } from '../current-request.ts'
import type { OidcClient } from '../../clients/oidc-client.ts'
import { proveSecret } from '../../authentication/secret-proof.ts'
import { platformTokenOf } from '../params/take-platform-tokens.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { currentContext } from '../shapes.ts'
import type { Internals } from '../shapes.ts'

/** Client.prototype.compareClientSecret: compares the secret with its verifiers, or verifies a platform token instead. The library
 *  compares with one plain secret. */
export function compareSecrets(
  { Client }: Internals,
  needs: Pick<OverrideNeeds, 'clients' | 'platforms' | 'usedSecret' | 'usedIdentity' | 'monotonicNow'>,
): void {
  const { clients, usedSecret, monotonicNow } = needs
  replace(
    Client.prototype,
    'compareClientSecret',
    () =>
      function compareClientSecret(this: object, presented: unknown): boolean | Promise<boolean> {
        const client = clients.registered(this)
        const platform = platformTokenOf(currentContext())
        if (platform !== undefined) return provePlatform(platform.token, client, needs)
        if (typeof presented !== 'string') return false
        // an empty header holds no secret
        const way = currentContext().headers.authorization ? 'client_secret_basic' : 'client_secret_post'
        const proof = proveSecret(client, { secret: presented, way }, monotonicNow())
        if (proof.kind === 'wrong-way') throw shownWrong(proof.ways)
        // who asks is told the same of both
        if (proof.kind === 'wrong' && proof.ended !== undefined)
          throw new errors.InvalidClientAuth(`the secret ${proof.ended} has ended`)
        if (proof.kind === 'wrong') return false
        currentRequest().secret = proof.secret
        usedSecret(client, proof.secret.secretId)
        return true
      },
  )
}

/** @throws errors.InvalidClientAuth with the reason, which the audit log shows */
async function provePlatform(
  token: string,
  client: OidcClient,
  { platforms, usedIdentity }: Pick<OverrideNeeds, 'platforms' | 'usedIdentity'>,
): Promise<boolean> {
  const proof = await platforms.prove(token, client)
  if (proof.kind === 'refused') throw new errors.InvalidClientAuth(proof.why)
  currentRequest().identity = identityText(proof.identity)
  usedIdentity(client, proof.identity)
  return true
}

/** For the audit log. */
export const rightSecretWrongWay = 'method-not-registered'

/** How each way reads in an answer. */
const places: Readonly<Record<string, string>> = {
  client_secret_basic: 'the Authorization header (client_secret_basic)',
  client_secret_post: 'the body of the request (client_secret_post)',
}

/** The library takes a secret in the header and in the body. Whoever shows the right one in the wrong way knows it, so
 *  the answer may say what is wrong. */
function shownWrong(ways: readonly string[]): errors.InvalidClientAuth {
  const message = `the secret is right, but this client must send it in ${ways.map((one) => places[one]).join(' or ')}`
  return Object.assign(new errors.InvalidClientAuth(rightSecretWrongWay), { error_description: message })
}

import { errors } from 'oidc-provider'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { matchVerifier } from '../../../clients/verifiers.ts'
import { currentRequest } from '../current-request.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { currentContext } from '../shapes.ts'
import type { Internals } from '../shapes.ts'

/** Client.prototype.compareClientSecret: the library compares with one plain secret. Here the presented secret is
 *  compared with one or two hashes. */
export function compareSecrets(
  { Client }: Internals,
  { clients, usedSecret, monotonicNow }: Pick<OverrideNeeds, 'clients' | 'usedSecret' | 'monotonicNow'>,
): void {
  replace(
    Client.prototype,
    'compareClientSecret',
    () =>
      function compareClientSecret(this: object, presented: unknown): boolean {
        const client = clients.registered(this)
        const match =
          typeof presented === 'string' ? matchVerifier(presented, client.verifiers, monotonicNow()) : undefined
        if (match === undefined) return false
        checkWay(client.config)
        currentRequest().secret = match
        usedSecret(client, match.secretId)
        return true
      },
  )
}

/** How each way reads in an answer. */
const places: Readonly<Record<string, string>> = {
  client_secret_basic: 'the Authorization header (client_secret_basic)',
  client_secret_post: 'the body of the request (client_secret_post)',
}

/** The library takes a secret in the header and in the body. Whoever shows the right one in the wrong way knows it, so
 *  the answer may say what is wrong.
 *  @throws errors.InvalidClientAuth */
function checkWay({ secretMethods, tokenEndpointAuthMethod }: ClientConfig): void {
  const ways = secretMethods.length > 0 ? secretMethods : [tokenEndpointAuthMethod]
  // an empty header holds no secret
  const way = currentContext().headers.authorization ? 'client_secret_basic' : 'client_secret_post'
  if (ways.includes(way)) return
  const message = `the secret is right, but this client must send it in ${ways.map((one) => places[one]).join(' or ')}`
  throw Object.assign(new errors.InvalidClientAuth('method-not-registered'), { error_description: message })
}

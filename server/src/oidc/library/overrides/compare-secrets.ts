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
        if (match === undefined || !cameAsRegistered(client.config.tokenEndpointAuthMethod)) return false
        currentRequest().secret = match
        usedSecret(client, match.secretId)
        return true
      },
  )
}

/** Whether the secret came in the way that the client registered. The library accepts it in the header and in the
 *  body. */
function cameAsRegistered(method: string): boolean {
  const header = currentContext().headers.authorization
  return (header !== undefined) === (method === 'client_secret_basic')
}

import { matchVerifier } from '../../../clients/verifiers.ts'
import { currentRequest } from '../current-request.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { currentContext } from '../shapes.ts'
import type { Internals } from '../shapes.ts'

/** Client.prototype.compareClientSecret: the library compares with one plain secret; here two hashes may be live. */
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

/** The library takes a secret from the header or the body, whichever of the two is registered. */
function cameAsRegistered(method: string): boolean {
  const header = currentContext().headers.authorization
  return (header !== undefined) === (method === 'client_secret_basic')
}

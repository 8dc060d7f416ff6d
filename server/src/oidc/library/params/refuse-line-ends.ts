import { errors } from 'oidc-provider'
import { proveSecret } from '../../authentication/secret-proof.ts'
import { provesClients, shownInHeader } from '../shown-client.ts'
import type { ParamsWatcher } from './params-watcher.ts'

/** For the audit log and `status.refusals`. */
export const secretWithLineEnd = 'your secret with a line end behind it'

/** Refuses the right secret with a line end behind it, as a file or `echo` gives it, with that reason: only its owner is told. The library
 *  finds no client in such a header, and a wrong secret in such a body. */
export const refuseLineEnds: ParamsWatcher = (context, params, { clients, monotonicNow }) => {
  if (!provesClients(context)) return
  const { client_id: id, client_secret: inBody } = params
  const shown = typeof inBody === 'string' ? { id, secret: inBody } : shownInHeader(context)
  if (shown === undefined || typeof shown.id !== 'string' || !/[\r\n]$/.test(shown.secret)) return
  const client = clients.registeredById(shown.id)
  if (client === undefined) return
  const secret = shown.secret.replace(/[\r\n]+$/, '')
  if (proveSecret(client, { secret, way: 'client_secret_basic' }, monotonicNow()).kind !== 'wrong')
    throw new errors.InvalidClientAuth(secretWithLineEnd)
}

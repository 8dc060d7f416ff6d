import { isFapiClient } from '../../artefacts/fapi.ts'
import { waysOfClient } from '../../authentication/secret-proof.ts'
import { currentRequest } from '../current-request.ts'
import { provesClients, shownInHeader } from '../shown-client.ts'
import type { ParamsWatcher } from './params-watcher.ts'

/** Takes the same secret in the header and in the body for one: some programs send both. Refused
 *  are two that differ or are of two clients (RFC 6749 section 2.3), and both of a client of FAPI 2.0, or of one whose object or policy
 *  lists one of the two ways. */
export const takeSecretTwice: ParamsWatcher = (context, params, { clients }) => {
  const { client_secret: inBody, client_id: id } = params
  if (!provesClients(context) || typeof inBody !== 'string' || inBody === '') return
  const shown = shownInHeader(context)
  if (shown?.secret !== inBody || (id !== undefined && id !== shown.id)) return
  const client = clients.registeredById(shown.id)
  if (client === undefined || isFapiClient(client.config) || waysOfClient(client.config).length < 2) return
  params['client_secret'] = undefined
  currentRequest().secretTwice = true
}

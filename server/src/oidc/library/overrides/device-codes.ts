import { hasShape } from '@nauthera/runtime/json'
import { errors } from 'oidc-provider'
import { longestDeviceRequest } from '../../artefacts/device-request.ts'
import { ProtocolError } from '../../protocol-error.ts'
import { audited } from '../audited.ts'
import { currentRequest, fromStore } from '../current-request.ts'
import { finishAuthorization } from '../finish-authorization.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { clientOf, currentContext } from '../shapes.ts'
import type { DeviceCode, Internals } from '../shapes.ts'

type Needs = Pick<OverrideNeeds, 'store' | 'clients' | 'scope' | 'sealer' | 'settings' | 'now'>

/** DeviceCode (RFC 8628): stores its request as a row, which the sealed device code names. `find` limits polling. `save` is called when
 *  the code is issued, refused or allowed; the database decides which came first. */
export function deviceCodes({ DeviceCode }: Internals, needs: Needs): void {
  replace(DeviceCode, 'find', () => async (value) => {
    const payload = await (currentContext().oidc.route === 'token' ? polled(needs, value) : opened(needs, value))
    return payload && new DeviceCode(payload)
  })
  replace(
    DeviceCode.prototype,
    'save',
    () =>
      async function save(this: DeviceCode) {
        if (this.error !== undefined) return refused(needs, this)
        if (this.accountId === undefined) return made(needs, this)
        const payload = async () => (await this.getValueAndPayload()).payload!
        await finishAuthorization(currentContext(), this, needs, { id: this.jti, payload })
        return ''
      },
  )
}

async function made(needs: Needs, code: DeviceCode): Promise<string> {
  const request = currentRequest()
  code.jti = code.generateTokenId()
  const payload = { ...(await code.getValueAndPayload()).payload }
  if (!hasShape(payload, { required: { iat: 'number', exp: 'number' } }))
    throw new TypeError('oidc-provider gives a code no end')
  if (JSON.stringify(code.params).length > longestDeviceRequest)
    throw new errors.InvalidRequest(
      `the request is too long: its parameters may have ${longestDeviceRequest} characters`,
    )
  const { uid } = needs.clients.registered(clientOf(currentContext()))
  const stored = await fromStore(() =>
    needs.store.deviceCodes.insert({
      id: code.jti,
      userCode: code.userCode,
      clientUid: uid,
      address: needs.settings.addressesKnown ? request.peer.address : undefined,
      payload,
      lifeMs: (payload.exp - payload.iat) * 1000,
    }),
  )
  if (stored === 'too-many') {
    const description = 'too many sign-ins of devices are open for this client or address; try again later'
    throw new ProtocolError('temporarily_unavailable', { description, status: 429 })
  }
  if (stored === 'taken')
    throw new ProtocolError('temporarily_unavailable', { description: 'try again at once', status: 503 })
  return needs.sealer.seal('DeviceCode', { id: code.jti })
}

/** The device asks for its tokens. */
async function polled(needs: Needs, value: string): Promise<object | undefined> {
  const { uid } = needs.clients.registered(clientOf(currentContext()))
  const id = needs.sealer.unseal('DeviceCode', value)?.['id']
  if (typeof id !== 'string') return undefined
  const found = await fromStore(() => needs.store.deviceCodes.poll(id, uid))
  if (found?.isTooFast === true)
    throw new errors.SlowDown('the device asks too often; it must wait 5 seconds longer from now on')
  if (found) currentRequest().artefact = found.payload
  return found?.payload
}

/** The browser comes back from the pages of the sign-in. */
const opened = async (needs: Needs, id: string): Promise<object | undefined> =>
  (await fromStore(() => needs.store.deviceCodes.findOpen(id)))?.payload

async function refused(needs: Needs, code: DeviceCode): Promise<string> {
  // a fault of ours is no answer to the device: the person can try again
  if (code.error === 'server_error') return ''
  const payload = { ...(await code.getValueAndPayload()).payload }
  const { account } = currentContext().oidc
  const event = audited(
    { event: 'device.denied', outcome: 'failure' },
    { clientId: code.clientId!, ...(account && { accountId: account.accountId }) },
  )
  await fromStore(() =>
    needs.store.deviceCodes.refuse(code.jti, payload, [{ ...event, reason: code.errorDescription ?? code.error }]),
  )
  return ''
}

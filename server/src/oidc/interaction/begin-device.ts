import { randomBytes } from 'node:crypto'
import { paths } from '@nauthera/rules/endpoints'
import { wireGrant } from '@nauthera/rules/grants'
import { hasShape } from '@nauthera/runtime/json'
import type { PageRequest } from '../../reply.ts'
import { setCookie } from '../cookies.ts'
import { lifetimes } from '../lifetimes.ts'
import type { CodeOfDevice } from './interaction.ts'
import { isAuthorizationParams } from './library-part.ts'
import type { LibraryPart } from './library-part.ts'
import { shownSession } from './open-interaction.ts'
import type { InteractionNeeds } from './open-interaction.ts'

const codeShape = { required: { clientId: 'string', params: 'record', userCode: 'string' } } as const
const deviceGrant = wireGrant('device_code')

/** Begins an interaction as the library would at /device. Only this browser can go on with it: that binds what comes after it, up to the
 *  approval, to the browser in which the code was typed. */
export async function startDevice(
  needs: InteractionNeeds,
  page: PageRequest,
  code: CodeOfDevice,
): Promise<string | undefined> {
  if (!hasShape(code.payload, codeShape) || !isAuthorizationParams(code.payload.params)) return undefined
  const { clientId, params, userCode } = code.payload
  const client = needs.clients.registeredById(clientId)
  if (client?.uid !== code.clientUid || !client.config.grantTypes.includes(deviceGrant)) return undefined
  const uid = randomBytes(16).toString('base64url')
  const iat = Math.floor(needs.now() / 1000)
  const exp = Math.min(iat + lifetimes.interaction, Math.floor(code.expiresAt.getTime() / 1000))
  const session = shownSession(needs, page)
  const part: LibraryPart = {
    kind: 'Interaction',
    jti: uid,
    iat,
    exp,
    // no question yet: the library asks its own when this one is answered
    prompt: { name: 'device', reasons: [] },
    params,
    returnTo: `${needs.issuer}${paths.device}/${uid}`,
    deviceCode: code.id,
    userCode: `${userCode.slice(0, 4)}-${userCode.slice(4)}`,
    ...(session?.accountId === undefined ? {} : { session: { accountId: session.accountId, uid: session.uid } }),
  }
  needs.cookies.write(page.raw, uid, part)
  const { scope } = needs
  const path = scope.interaction(uid).device
  setCookie(page.raw.response, scope, { name: scope.library.resume, value: uid, path, maxAge: exp - iat })
  return uid
}

import { createHash } from 'node:crypto'
import { askedFrom } from '../../describe-agent.ts'
import type { Finish } from '../../store/sessions/finish.ts'
import { newDeviceMail } from '../../users/notices.ts'
import { nameBrowser } from '../cookies.ts'
import type { CookieScope } from '../cookies.ts'
import type { RequestContext } from '../request-context.ts'

/** Seconds: the longest life of a cookie in browsers. */
const keptFor = 400 * 86_400

/** Identifies the browser of a sign-in by a cookie, which it sets when missing.
 *  @param signIn.client its name
 *  @param signIn.now epoch milliseconds */
export function knownBrowser(
  request: Pick<RequestContext, 'request' | 'response' | 'peer' | 'loaded'>,
  scope: CookieScope,
  signIn: { client: string; now: number },
): Finish['browser'] {
  const user = request.loaded?.account?.user
  if (user === undefined) return undefined
  const value = nameBrowser(request, scope, { name: scope.browser, maxAge: keptFor })
  const id = createHash('sha256').update(value).digest('base64url')
  const asked = askedFrom({ address: request.peer.address, agent: request.peer.userAgent })
  const at = new Date(signIn.now)
  return { id, mail: newDeviceMail(user, { key: `${id}:${at.toISOString()}`, at, asked }, signIn.client) }
}

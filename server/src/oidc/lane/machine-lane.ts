// The short way for what machines ask most. It answers the ordinary request for tokens, about one, or with one (userinfo), and hands everything else to the
// library untouched: what is odd, what is refused, what fails. So every refusal, and all that follows from one, is the library's alone.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { paths } from '@nauthera/rules/endpoints'
import type { OidcClient } from '../clients/oidc-client.ts'
import type { RequestContext } from '../request-context.ts'
import { markLane } from '../request-line.ts'
import { createCodeGrants } from './code.ts'
import type { CodeNeeds } from './code.ts'
import { createIntrospection } from './introspection.ts'
import type { IntrospectionNeeds } from './introspection.ts'
import { createMachineTokens } from './machine-token.ts'
import type { MachineTokenNeeds } from './machine-token.ts'
import { plainForm, plainLength } from './plain-request.ts'
import type { PlainForm } from './plain-request.ts'
import { proveClient } from './prove-client.ts'
import { createRefreshes } from './refresh.ts'
import type { RefreshNeeds } from './refresh.ts'
import type { ProofNeeds } from './prove-client.ts'
import { createUserinfo } from './userinfo.ts'
import type { UserinfoNeeds } from './userinfo.ts'

/** Answers a request, or passes it on with its body unread. */
export type MachineLane = (context: RequestContext, passOn: () => void) => void

/** @returns what is answered with; undefined: the library's */
type Answer = (context: RequestContext, form: PlainForm, client: OidcClient) => Answered | Promise<Answered>
type Answered = object | undefined

export function createMachineLane(
  needs: MachineTokenNeeds & CodeNeeds & RefreshNeeds & IntrospectionNeeds & UserinfoNeeds & ProofNeeds,
): MachineLane {
  const grants: ReadonlyMap<string | undefined, Answer> = new Map<string, Answer>([
    ['client_credentials', createMachineTokens(needs)],
    ['refresh_token', createRefreshes(needs)],
    ['authorization_code', createCodeGrants(needs)],
  ])
  const answers: ReadonlyMap<string | undefined, Answer> = new Map<string, Answer>([
    [paths.token, (context, form, client) => grants.get(form.get('grant_type'))?.(context, form, client)],
    [paths.introspection, createIntrospection(needs)],
  ])
  const userinfo = createUserinfo(needs)
  return (context, passOn) => {
    const { request, certificate } = context
    if (certificate.kind !== 'none') return passOn()
    if (request.method === 'GET' && request.url === paths.userinfo) {
      const isAnswered = attempt(context, () => userinfo(context))
      return void Promise.resolve(isAnswered).then((is) => is || passOn())
    }
    const answer = answers.get(request.url)
    const length = plainLength(request.headers)
    if (answer === undefined || length === undefined || request.method !== 'POST') return passOn()
    request.once('readable', () => {
      const body = request.read() as Buffer | null
      if (body === null) return passOn()
      const isAnswered = body.length === length && attempt(context, () => judge(context, body, answer))
      if (isAnswered === true) return
      request.unshift(body)
      if (isAnswered === false) return passOn()
      void isAnswered.then((is) => {
        if (is) return void request.resume()
        if (request.destroyed) keepReadable(request, body)
        passOn()
      })
    })
  }

  /** @returns false for a request that is the library's, also after an error: it meets the same one, and tells of it */
  function attempt(context: RequestContext, judged: () => Answered | Promise<Answered>): boolean | Promise<boolean> {
    try {
      const answered = judged()
      if (!(answered instanceof Promise)) return finish(context, answered)
      return answered.then((value) => finish(context, value)).catch(() => false)
    } catch {
      return false
    }
  }

  /** Without a promise where nothing is waited for: that would take a tenth of the time that we add. */
  function judge(context: RequestContext, body: Buffer, answer: Answer): Answered | Promise<Answered> {
    const form = plainForm(body.toString('latin1'))
    const client = form && proveClient(context, form, needs)
    if (client instanceof Promise) return client.then((proved) => proved && answer(context, form!, proved))
    return client && answer(context, form!, client)
  }
}

/** Who sent the request has hung up while we waited. What they sent stays readable all the same: a refusal has to be told of. */
function keepReadable(request: IncomingMessage, body: Buffer): void {
  const iterator = () => Readable.from([body])
  Object.defineProperties(request, { readable: { value: true }, iterator: { value: iterator } })
}

function finish({ request, response }: RequestContext, value: Answered): boolean {
  if (value === undefined) return false
  markLane(request)
  send(response, value, request.url === paths.introspection ? 'WWW-Authenticate' : 'DPoP-Nonce,WWW-Authenticate')
  return true
}

/** As the library answers, with what it adds for scripts of other origins.
 *  @param exposed headers that they may read */
function send(response: ServerResponse, value: object, exposed: string): void {
  const body = JSON.stringify(value)
  response.setHeader('vary', 'Origin')
  response.setHeader('access-control-allow-origin', '*')
  response.setHeader('access-control-expose-headers', exposed)
  response.setHeader('cache-control', 'no-store')
  response.setHeader('content-type', 'application/json; charset=utf-8')
  response.setHeader('content-length', Buffer.byteLength(body))
  response.end(body)
}

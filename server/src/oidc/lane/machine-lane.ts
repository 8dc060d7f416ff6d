// The lane: a short path for the most frequent requests of programs. It answers ordinary requests for tokens, introspection and userinfo.
// It passes everything else to the library untouched: unusual requests, refusals, and failures before a write.
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
import { passedOn } from './lane-answer.ts'
import type { LaneAnswer } from './lane-answer.ts'
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

/** Answers a request, passes it on with its body unread, or fails it. */
export type MachineLane = (context: RequestContext, instead: Instead) => void

interface Instead {
  readonly passOn: () => void
  readonly fail: (error: unknown) => void
}

type Answer = (context: RequestContext, form: PlainForm, client: OidcClient) => LaneAnswer | Promise<LaneAnswer>

export function createMachineLane(
  needs: MachineTokenNeeds & CodeNeeds & RefreshNeeds & IntrospectionNeeds & UserinfoNeeds & ProofNeeds,
): MachineLane {
  const grants: ReadonlyMap<string | undefined, Answer> = new Map<string, Answer>([
    ['client_credentials', createMachineTokens(needs)],
    ['refresh_token', createRefreshes(needs)],
    ['authorization_code', createCodeGrants(needs)],
  ])
  const answers: ReadonlyMap<string | undefined, Answer> = new Map<string, Answer>([
    [paths.token, (context, form, client) => grants.get(form.get('grant_type'))?.(context, form, client) ?? passedOn],
    [paths.introspection, createIntrospection(needs)],
  ])
  const userinfo = createUserinfo(needs)
  return (context, instead) => {
    const { request, certificate } = context
    if (certificate.kind !== 'none') return instead.passOn()
    if (request.method === 'GET' && request.url === paths.userinfo)
      return void Promise.resolve(attempt(() => userinfo(context))).then((answer) => end(context, answer, instead))
    const answer = answers.get(request.url)
    const length = plainLength(request.headers)
    if (answer === undefined || length === undefined || request.method !== 'POST') return instead.passOn()
    request.once('readable', () => {
      const body: unknown = request.read()
      if (!Buffer.isBuffer(body)) return instead.passOn()
      const made = body.length === length ? attempt(() => judge(context, body, answer)) : passedOn
      if (!(made instanceof Promise)) {
        if (made.kind === 'passed-on') request.unshift(body)
        return end(context, made, instead)
      }
      void made.then((later) => {
        if (later.kind === 'passed-on') showAgain(request, body)
        end(context, later, instead)
      })
    })
  }

  /** Without a promise where nothing is waited for: that would take a tenth of the time that we add. */
  function judge(context: RequestContext, body: Buffer, answer: Answer): LaneAnswer | Promise<LaneAnswer> {
    const form = plainForm(body.toString('latin1'))
    const client = form && proveClient(context, form, needs)
    if (client instanceof Promise)
      return client.then((proved) => (proved === undefined ? passedOn : answer(context, form!, proved)))
    return client === undefined ? passedOn : answer(context, form!, client)
  }
}

/** An error is met by the library too, which tells of it: what fails after something was written is none (lane-answer.ts). */
function attempt(judged: () => LaneAnswer | Promise<LaneAnswer>): LaneAnswer | Promise<LaneAnswer> {
  try {
    const answer = judged()
    return answer instanceof Promise ? answer.catch(() => passedOn) : answer
  } catch {
    return passedOn
  }
}

/** Makes a body readable that was read to its end, also where its sender has hung up meanwhile: a refusal has to be told of. */
function showAgain(request: IncomingMessage, body: Buffer): void {
  const iterator = () => Readable.from([body])
  Object.defineProperties(request, { readable: { value: true }, iterator: { value: iterator } })
}

function end({ request, response }: RequestContext, answer: LaneAnswer, { passOn, fail }: Instead): void {
  if (answer.kind === 'passed-on') return passOn()
  if (answer.kind === 'failed-after-effect') return fail(answer.error)
  markLane(request)
  const exposed = request.url === paths.introspection ? 'WWW-Authenticate' : 'DPoP-Nonce,WWW-Authenticate'
  try {
    send(response, answer.body, exposed)
  } catch (error) {
    // such as a time-out that was answered in the meantime
    fail(error)
  }
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

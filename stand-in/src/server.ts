// One request to the stand-in.
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { authorize } from './http/rbac.ts'
import { Refusal } from './refusals.ts'
import type { ApiState, RecordedRequest } from './state.ts'
import { serve } from './verbs/serve.ts'
import { refusalOf } from './http/faults.ts'
import { answer, answerError, muteResponse, readBody } from './http/message.ts'
import { parseRequest } from './http/request.ts'
import { findToken } from './http/users.ts'

/** @returns the server, which does not listen yet */
export function createApiServer(state: ApiState): Server {
  const server = createServer((incoming, response) => {
    if (state.now) response.setHeader('date', new Date(state.now()).toUTCString())
    void handle(state, incoming, response).catch((error: unknown) => answerError(response, error))
  })
  server.keepAliveTimeout = 60_000
  return server
}

/** One request: it is recorded, meets its fault, and is served when its user may. */
async function handle(state: ApiState, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(incoming)
  const { token, url } = findToken(incoming)
  const user = state.users.find(token)
  const request = record(state, incoming, url, user?.name ?? '')
  response.once('finish', () => (request.code = response.statusCode))

  const effect = state.faults.next(request)
  if (effect?.kind === 'silence') return
  if (effect?.kind === 'reset') return void incoming.socket.resetAndDestroy()
  if (effect?.kind === 'refuse') throw refusalOf(effect)
  if (effect?.kind === 'answer') return answer(response, effect.code ?? 200, effect.body)
  if (effect?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, effect.ms))
  if (!user) throw new Refusal(401, 'Unauthorized', 'Unauthorized')
  authorize(user, request)
  const call = { request, body, headers: incoming.headers, user: user.name }
  if (effect?.kind !== 'lose-answer') return serve(state, { ...call, response })
  serve(state, { ...call, response: muteResponse(response) })
  incoming.socket.resetAndDestroy()
}

function record(state: ApiState, incoming: IncomingMessage, url: string, user: string): RecordedRequest {
  const userAgent = incoming.headers['user-agent'] ?? ''
  const parsed = parseRequest({ method: incoming.method!, url, userAgent }, (...names) => state.kinds.find(...names))
  const request: RecordedRequest = { ...parsed, user }
  state.requests.push(request)
  state.onRequest?.(request)
  return request
}

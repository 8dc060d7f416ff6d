// Waits for the head of an answer to an HTTP request, and settles however the other side ends it.
import type { ClientRequest, IncomingMessage } from 'node:http'

/** @param request whose limits of time are the caller's: it is destroyed when they are over
 *  @returns the head; the body is still to be read
 *  @throws Error when there is none, or when the other side wants to speak another protocol (101), which nobody here asks for */
export function answerHead(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve)
    request.once('error', reject)
    // with a listener for `upgrade`, a 101 comes here; without one, neither `response` nor `error` would come
    request.once('upgrade', (answer, socket) => {
      socket.destroy()
      reject(new Error(`the answer is ${answer.statusCode}: another protocol, which was not asked for`))
    })
    request.once('close', () => reject(new Error('the request ended without an answer')))
  })
}

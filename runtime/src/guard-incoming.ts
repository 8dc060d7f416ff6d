// Stands between a socket and the library that reads from it: only what a guard lets through reaches the library.
import type { Socket } from 'node:net'
import { asError } from './coded-error.ts'

/** Ends the connection at the first bytes that the guard refuses.
 *  @param socket from which nobody has read yet
 *  @param admit cuts the stream into whole messages, which are handed on one at a time; throws for what no honest peer sends */
export function guardIncoming(socket: Socket, admit: (chunk: Buffer) => Iterable<Buffer>): void {
  const pass = socket.push.bind(socket)
  // what a socket received reaches its readers by push alone
  socket.push = (chunk: unknown) => {
    if (!Buffer.isBuffer(chunk)) return pass(chunk)
    try {
      let wantsMore = true
      for (const message of admit(chunk)) {
        // what was read before may have ended it
        if (socket.destroyed) return false
        wantsMore = pass(message)
      }
      return wantsMore
    } catch (error) {
      socket.destroy(asError(error))
      return false
    }
  }
}

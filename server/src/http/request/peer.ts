// The address that a request came from.
import type { IncomingMessage } from 'node:http'
import type { RequestPeer } from '../../reply.ts'

/** On the request itself: a WeakMap takes a microsecond to add to. */
const peer = Symbol('peer')

type WithPeer = IncomingMessage & { [peer]?: RequestPeer }

export function recordPeer(request: WithPeer, from: RequestPeer): void {
  request[peer] = from
}

/** @returns who sent the request; undefined before `pinHost` has run */
export const peerOf = (request: WithPeer): RequestPeer | undefined => request[peer]

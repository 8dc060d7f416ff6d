// The address that a request came from.
import type { IncomingMessage } from 'node:http'
import type { RequestPeer } from '../../reply.ts'

const peers = new WeakMap<IncomingMessage, RequestPeer>()

export function recordPeer(request: IncomingMessage, peer: RequestPeer): void {
  peers.set(request, peer)
}

/** @returns who sent the request; undefined before `pinHost` has run */
export const peerOf = (request: IncomingMessage): RequestPeer | undefined => peers.get(request)

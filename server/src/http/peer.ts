// The address that a request came from.
import type { IncomingMessage } from 'node:http'
import type { Peer } from '../reply.ts'

const peers = new WeakMap<IncomingMessage, Peer>()

export function keepPeer(request: IncomingMessage, peer: Peer): void {
  peers.set(request, peer)
}

/** @returns who sent the request; undefined before `pinHost` has run */
export const peerOf = (request: IncomingMessage): Peer | undefined => peers.get(request)

// The network between the pods of a test: every address that a pod tells its peers is a proxy before what it listens on, so that
// the network can be cut in two, as when a node loses its link.
import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'

export interface Network {
  /** From now on nothing passes between the pod at `host` and the others, in either direction. Nothing is closed either:
   *  whoever waits for an answer goes on waiting. */
  cutOff(host: string): void
  /** Delivers what was held back. */
  heal(): void
  stop(): Promise<void>
}

interface Link {
  readonly from: string
  readonly to: string
  readonly sockets: readonly [Socket, Socket]
}

/** @param places `host`: what a pod tells its peers; `listens`: its own address, from which it dials others too. A connection
 *    from any other address comes from outside of all pods. */
export async function startNetwork(
  places: readonly { readonly host: string; readonly listens: string; readonly ports: readonly number[] }[],
): Promise<Network> {
  const links = new Set<Link>()
  const hostOf = new Map(places.map(({ host, listens }) => [listens, host]))
  let lone: string | undefined
  const isCut = ({ from, to }: Link) => lone !== undefined && from !== to && (from === lone || to === lone)
  const apply = (link: Link) => {
    for (const socket of link.sockets) {
      if (isCut(link)) socket.pause()
      else socket.resume()
    }
  }
  const servers = await Promise.all(
    places.flatMap(({ host, listens, ports }) =>
      ports.map(
        (port) =>
          new Promise<Server>((resolve, reject) => {
            const server = createServer((incoming) => {
              const outgoing = connect({ host: listens, port })
              const from = hostOf.get(incoming.remoteAddress ?? '') ?? 'outside'
              const link: Link = { from, to: host, sockets: [incoming, outgoing] }
              links.add(link)
              const pass = (source: Socket, target: Socket) => {
                source.on('data', (bytes) => void target.write(bytes))
                source.on('error', () => undefined)
                source.once('close', () => {
                  links.delete(link)
                  target.destroy()
                })
              }
              pass(incoming, outgoing)
              pass(outgoing, incoming)
              apply(link)
            })
            server.once('error', reject)
            server.listen(port, host, () => resolve(server))
          }),
      ),
    ),
  )
  const applyAll = () => {
    for (const link of links) apply(link)
  }
  return {
    cutOff: (host) => {
      lone = host
      applyAll()
    },
    heal: () => {
      lone = undefined
      applyAll()
    },
    stop: async () => {
      const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)))
      for (const { sockets } of links) for (const socket of sockets) socket.destroy()
      await Promise.all(closed)
    },
  }
}

// Who stands between us and a server whose connections become TLS on the way, and writes into them before they do.
import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { listenOnLoopback } from '@nauthera/harness/listen'

export interface Between {
  readonly port: number
  /** What a client gets in place of the answer to its question for TLS. */
  speak: (answer: Buffer, client: Socket) => void
  stop(): void
}

/** @param target the server
 *  @param isQuestion whether a client asks for TLS by these bytes */
export async function standBetween(
  target: { readonly host: string; readonly port: number },
  isQuestion: (bytes: Buffer) => boolean,
): Promise<Between> {
  const open = new Set<Socket>()
  const server = createServer({ noDelay: true }, (client) => {
    const onward = connect({ ...target, noDelay: true })
    for (const [socket, other] of [
      [client, onward],
      [onward, client],
    ] as const) {
      open.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        open.delete(socket)
        other.destroy()
      })
    }
    let stage: 'before' | 'asked' | 'answered' = 'before'
    client.on('data', (bytes) => {
      if (stage === 'before' && isQuestion(bytes)) stage = 'asked'
      onward.write(bytes)
    })
    onward.on('data', (bytes) => {
      if (stage === 'asked') between.speak(bytes, client)
      else client.write(bytes)
      if (stage === 'asked') stage = 'answered'
    })
  })
  const port = await listenOnLoopback(server)
  const between: Between = {
    port,
    speak: (answer, client) => void client.write(answer),
    stop() {
      for (const socket of open) socket.destroy()
      server.close()
    },
  }
  return between
}

/** Each beginning of the bytes, at each place of it cut into two packets, behind the true answer and before it. */
export function* injectionsOf(forged: Buffer): Generator<Between['speak']> {
  for (let length = 1; length <= forged.length; length++)
    for (let cut = 0; cut <= length; cut++) {
      const [atOnce, later] = [forged.subarray(0, cut), forged.subarray(cut, length)]
      // a write of its own, as a packet of its own
      const then = (client: Socket, bytes: Buffer) => setImmediate(() => client.write(bytes))
      yield (answer, client) => {
        client.write(Buffer.concat([answer, atOnce]))
        then(client, later)
      }
      yield (answer, client) => {
        client.write(atOnce)
        then(client, Buffer.concat([later, answer]))
      }
    }
}

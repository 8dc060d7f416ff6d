// A server that ends an HTTP exchange in every way: each status, each form of a body, cut at each stage.
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { listenOnLoopback } from './listen.ts'

interface OddAnswer {
  readonly bytes: string
  readonly end: 'finish' | 'reset' | 'silence'
}

const statuses = [100, 101, 102, 103, 199, 200, 204, 206, 304, 401, 407, 426, 500, 599]
const forms = [
  'content-length: 2\r\n\r\n{}',
  'content-length: 9\r\n\r\n{}',
  'transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
  'connection: upgrade\r\nupgrade: websocket\r\n\r\n{}',
  'connection: close\r\n\r\n{}',
]
const ends = ['finish', 'reset', 'silence'] as const

/** All of them: 14 statuses, 5 forms, 5 places to cut and 3 ways to end. */
const oddAnswers: readonly OddAnswer[] = statuses.flatMap((status) =>
  forms.flatMap((form) => {
    const whole = `HTTP/1.1 ${status} Odd\r\n${form}`
    const body = whole.indexOf('\r\n\r\n') + 4
    const cuts = [0, 12, body, body + 1, whole.length]
    return cuts.flatMap((cut) => ends.map((end) => ({ bytes: whole.slice(0, cut), end })))
  }),
)

const sound: OddAnswer = {
  bytes: 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}',
  end: 'finish',
}

/** @returns an origin: `/N` is answered by `oddAnswers[N]`, everything else by an empty object */
export async function startOddServer(): Promise<{ readonly origin: string; stop(): void }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined))
    socket.once('close', () => sockets.delete(socket))
    socket.on('data', (request) => {
      const odd = oddAnswers[Number(/^\w+ \/(\d+)[? ]/.exec(request.toString('latin1'))?.[1])]
      const { bytes, end } = odd ?? sound
      socket.write(bytes, () => {
        if (end === 'finish') socket.end()
        if (end === 'reset') socket.resetAndDestroy()
      })
    })
  })
  const port = await listenOnLoopback(server)
  return {
    origin: `http://localhost:${port}`,
    stop: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** Makes each odd call, and then a sound one until it is answered: a busy machine can need longer for it than the short limit of
 *  `call` allows, while what an odd answer has blocked stays blocked.
 *  @param call with a limit of its own, well below `limitMs`; settles in any way
 *  @returns what did not settle within `limitMs` @throws what the sound call threw when it was not answered within `limitMs` */
export async function findUnsettled(
  call: (path: string) => Promise<unknown>,
  limitMs: number,
): Promise<readonly OddAnswer[]> {
  const unsettled: OddAnswer[] = []
  const waiting = [...oddAnswers.entries()]
  const work = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [at, odd] = next
      const late = Promise.withResolvers<'late'>()
      const timer = setTimeout(() => late.resolve('late'), limitMs)
      const outcome = await Promise.race([call(`/${at}`).catch(() => 'failed'), late.promise])
      clearTimeout(timer)
      if (outcome === 'late') unsettled.push(odd)
    }
  }
  await Promise.all(Array.from({ length: 32 }, work))
  const end = performance.now() + limitMs
  const untilAnswered = (): Promise<unknown> =>
    call('/sound').catch((error: unknown) => {
      if (performance.now() > end) throw error
      return untilAnswered()
    })
  await untilAnswered()
  return unsettled
}

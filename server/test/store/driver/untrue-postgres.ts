// Whoever speaks as PostgreSQL: answers as it does, but for one answer, which is a lie.
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { listenOnLoopback } from '@nauthera/harness/listen'

/** What is said once, in the place of one answer. */
export interface Lie {
  /** Which answer of all. -1: before the first question. */
  readonly stage: number
  readonly say: (socket: Socket, truth: Buffer) => void
  /** It never closes a connection that the other side has ended. */
  readonly keepsOpen?: boolean
}

export interface UntruePostgres {
  readonly port: number
  /** What was asked, in its order: `startup`, `password`, the text of a query, the name of a statement. */
  readonly asked: readonly string[]
  /** Connections that are open. */
  readonly open: ReadonlySet<Socket>
  stop(): void
}

/** A message of PostgreSQL. */
export function message(type: string, body: Buffer | string | readonly number[] = ''): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : Buffer.from(body)
  const head = Buffer.alloc(5)
  head.write(type, 'latin1')
  head.writeUInt32BE(bytes.length + 4, 1)
  return Buffer.concat([head, bytes])
}

const int16 = (value: number) => Buffer.from([value >> 8, value & 0xff])

/** @param fields name and type of each */
export const columns = (...fields: readonly (readonly [name: string, type: number])[]): Buffer => {
  const each = fields.map(([name, type]) => {
    const rest = Buffer.alloc(18)
    rest.writeUInt32BE(type, 6)
    return Buffer.concat([Buffer.from(`${name}\0`), rest])
  })
  return message('T', Buffer.concat([int16(fields.length), ...each]))
}

export function row(...values: readonly (string | null)[]): Buffer {
  const each = values.map((value) => {
    const size = Buffer.alloc(4)
    size.writeInt32BE(value === null ? -1 : Buffer.byteLength(value))
    return Buffer.concat([size, Buffer.from(value ?? '')])
  })
  return message('D', Buffer.concat([int16(values.length), ...each]))
}

export const complete = (tag: string): Buffer => message('C', `${tag}\0`)
export const ready = (status = 'I'): Buffer => message('Z', status)

const boolean = 16
const json = 3802

const answers: Readonly<Record<string, readonly Buffer[]>> = {
  startup: [message('R', [0, 0, 0, 5, 1, 2, 3, 4])],
  password: [
    message('R', [0, 0, 0, 0]),
    message('S', 'server_version\x0018.0\0'),
    message('K', [0, 0, 0, 1, 0, 0, 0, 2]),
    ready(),
  ],
  'is-standby': [columns(['standby', boolean]), row('f'), complete('SELECT 1'), ready()],
  probe: [columns(['n', json], ['none', 25]), row('[1]', null), row('{"a":2}', 'x'), complete('SELECT 2'), ready()],
  ...Object.fromEntries(
    ['listen-proof', 'notify'].map((name) => [
      name,
      [columns(['pg_notify', 25]), row(''), complete('SELECT 1'), ready()],
    ]),
  ),
}

const parsed = message('1')
const bound = message('2')
const described = message('t', [0, 0])

/** Writes until the other side is gone, which nobody notices otherwise. */
function goOn(socket: Socket): void {
  const timer = setInterval(() => socket.write(message('N', '\0')), 20)
  socket.on('close', () => clearInterval(timer))
}

export async function startUntruePostgres(lie?: Lie): Promise<UntruePostgres> {
  const asked: string[] = []
  const open = new Set<Socket>()
  const listening = new Map<string, Socket>()
  const answer = (socket: Socket, name: string, truth: Buffer) => {
    asked.push(name)
    if (asked.length - 1 === lie?.stage) lie.say(socket, truth)
    else socket.write(truth)
  }
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket)
    socket.setNoDelay().on('error', () => undefined)
    socket.on('close', () => open.delete(socket))
    socket.on('end', () => (lie?.keepsOpen === true ? goOn(socket) : socket.end()))
    if (lie?.stage === -1 && asked.length === 0) lie.say(socket, Buffer.alloc(0))
    let left = Buffer.alloc(0)
    let isStarted = false
    const batch: Buffer[] = []
    let name = ''
    socket.on('data', (chunk) => {
      left = Buffer.concat([left, chunk])
      for (;;) {
        const head = isStarted ? 1 : 0
        if (left.length < head + 4 || left.length < head + left.readUInt32BE(head)) return
        const end = head + left.readUInt32BE(head)
        const type = isStarted ? left.toString('latin1', 0, 1) : 'startup'
        const body = left.subarray(head + 4, end)
        left = left.subarray(end)
        isStarted = true
        if (type === 'startup') answer(socket, 'startup', Buffer.concat([...answers['startup']!]))
        else if (type === 'p') answer(socket, 'password', Buffer.concat([...answers['password']!]))
        else if (type === 'Q') {
          const text = body.toString('latin1', 0, body.length - 1)
          const [, verb = '', channel = ''] = /^(\w+) ?"?([^"]*)/.exec(text) ?? []
          if (verb === 'LISTEN') listening.set(channel, socket)
          const status = verb === 'BEGIN' ? 'T' : 'I'
          answer(socket, verb, Buffer.concat([complete(verb), ready(status)]))
        } else if (type === 'P') batch.push(parsed)
        else if (type === 'D') batch.push(described)
        else if (type === 'B') {
          name = body.toString('latin1').split('\0')[1] ?? ''
          batch.push(bound)
          for (const [channel, listener] of listening)
            if (name === 'notify' ? channel === 'channel' : body.includes(channel))
              listener.write(message('A', `\0\0\0\x01${channel}\0\0`))
        } else if (type === 'S') {
          const isNew = batch.includes(described)
          const [first, ...rows] = answers[name] ?? [complete('SELECT 0'), ready()]
          const truth = [...batch.filter((one) => one !== bound), ...(isNew ? [first!] : []), bound, ...rows]
          batch.length = 0
          answer(socket, name, Buffer.concat(truth))
        }
      }
    })
  })
  const port = await listenOnLoopback(server)
  return {
    port,
    asked,
    open,
    stop() {
      for (const socket of open) socket.destroy()
      server.close()
    },
  }
}

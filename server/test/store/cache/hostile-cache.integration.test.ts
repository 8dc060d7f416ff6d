// Whoever speaks as the cache, or as a Sentinel of it, can say anything at any time.
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { createLog } from '@nauthera/runtime/log'
import { Secret } from '@nauthera/runtime/secret'
import { expect } from 'chai'
import { createKeyRing } from '../../../src/store/driver/envelope.ts'
import { createRedisCache } from '../../../src/store/cache/redis-cache.ts'
import { read } from '../../conformance/cache.ts'

const keys = createKeyRing(new Map([['k', randomBytes(32)]]), 'k').derive('cache')
const log = createLog({ process: 'test', level: 'info', format: 'json', sink: { write: () => undefined } })

/** What a server says once, in the place of its answer to one command. */
interface Lie {
  /** Which command of all: see `commands`. -1: before the first. */
  readonly stage: number
  readonly say: (socket: Socket) => void
}

/** What a client sends until it has kept an entry and read it again. */
const commands = 'AUTH CLIENT CLIENT SENTINEL AUTH SELECT CLIENT CLIENT INFO SET MGET'.split(' ')

/** A Sentinel and its only Valkey, at one address. */
async function startValkeyWith(lie?: Lie) {
  const seen: string[] = []
  const sockets = new Set<Socket>()
  const entries = new Map<string, Buffer>()
  let port = 0
  const text = (value: Buffer) => `$${value.length}\r\n${value.toString('latin1')}\r\n`
  const answer = ([name, ...values]: Buffer[]): string => {
    switch (String(name).toUpperCase()) {
      case 'INFO':
        return text(Buffer.from('role:master\r\nloading:0'))
      case 'SENTINEL':
        return `*2\r\n${text(Buffer.from('127.0.0.1'))}${text(Buffer.from(String(port)))}`
      case 'MGET':
        return `*${values.length}\r\n${values.map((key) => text(entries.get(String(key)) ?? Buffer.alloc(0))).join('')}`
      case 'SET':
        entries.set(String(values[0]), values[1] ?? Buffer.alloc(0))
        return '+OK\r\n'
      default:
        return '+OK\r\n'
    }
  }
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined).setNoDelay())
    if (lie?.stage === -1 && sockets.size === 1) lie.say(socket)
    let left: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      left = Buffer.concat([left, chunk])
      for (let read = readCommand(left); read !== undefined; read = readCommand(left)) {
        left = left.subarray(read.end)
        seen.push(String(read.words[0]).toUpperCase())
        if (seen.length - 1 === lie?.stage) lie.say(socket)
        else socket.write(answer(read.words), 'latin1')
      }
    })
  })
  port = await listenOnLoopback(server)
  const cache = createRedisCache({
    connection: {
      place: { kind: 'sentinel', sentinels: [{ host: '127.0.0.1', port }], name: 'nauthera' },
      password: new Secret('p'),
      database: 1,
    },
    keys,
    log,
    timeoutMs: 200,
  })
  return {
    cache,
    seen,
    async stop() {
      await cache.stop()
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

function readCommand(bytes: Buffer): { words: Buffer[]; end: number } | undefined {
  const words: Buffer[] = []
  const head = /^\*(\d+)\r\n/.exec(bytes.toString('latin1', 0, 20))
  let end = head?.[0].length ?? 0
  for (let n = 0; head && n < Number(head[1]); n++) {
    const size = /^\$(\d+)\r\n/.exec(bytes.toString('latin1', end, end + 20))
    const start = end + (size?.[0].length ?? 0)
    end = start + Number(size?.[1]) + 2
    if (!size || end > bytes.length) return undefined
    words.push(bytes.subarray(start, end - 2))
  }
  return head ? { words, end } : undefined
}

type Tested = Awaited<ReturnType<typeof startValkeyWith>>

/** Keeps an entry until it can be read: then the client has come back from all that was said. @returns whether it has within 20 s */
async function comesBack({ cache }: Tested): Promise<boolean> {
  const end = performance.now() + 20_000
  while (performance.now() < end) {
    await cache.set({ purpose: 'test', id: 'probe' }, Buffer.of(1), 60_000)
    if ((await read(cache, 'test', 'probe')) !== undefined) return true
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return false
}

/** Of each type of RESP 2 and 3, sound and not. */
const replies = [
  '+OK',
  '-ERR x',
  '-NOPERM x',
  '-READONLY x',
  '-LOADING x',
  ':7',
  ':x',
  '$2\r\nhi',
  '$-1',
  '$-9',
  '$x',
  '*0',
  '*-1',
  '*1\r\n:7',
  '*1\r\n*1\r\n*0',
  '*1\r\n-ERR',
  '*2\r\n$1\r\nx\r\n$1\r\nx',
  '*2\r\n$9\r\n127.0.0.1\r\n$5\r\n99999',
  '_',
  '#t',
  ',1.5',
  '(1',
  '=7\r\ntxt:abc',
  '!3\r\nERR',
  '%1\r\n+a\r\n+b',
  '~1\r\n+a',
  '|1\r\n+a\r\n+b',
  '>1\r\n_',
  '>0',
  '>1\r\n+message',
  '>2\r\n+subscribe\r\n_',
  '>3\r\n+sunsubscribe\r\n_\r\n_',
  '+a\r\n+b\r\n+c',
  '$-1\r\n$-1',
  '$18\r\nrole:slave\r\nloa:\r\n',
  '$9\r\nloading:1',
  'HTTP/1.1 400 Bad Request',
  '\0',
  '',
  '*999999999',
  '$999999999',
].map((reply) => Buffer.from(`${reply}\r\n`))

const forms: Readonly<Record<string, (reply: Buffer) => Lie['say']>> = {
  whole: (reply) => (socket) => void socket.write(reply),
  'byte by byte': (reply) => async (socket) => {
    for (const byte of reply) await new Promise((resolve) => socket.write(Buffer.of(byte), resolve))
  },
  'cut, and the end': (reply) => (socket) => void socket.end(reply.subarray(0, -3)),
  'cut, and silence': (reply) => (socket) => void socket.write(reply.subarray(0, -3)),
}

describe('a hostile cache', () => {
  it('is asked in this order, which the stages below follow', async () => {
    const sound = await startValkeyWith()
    expect(await comesBack(sound)).to.equal(true)
    expect(sound.seen.slice(0, commands.length)).to.deep.equal(commands)
    await sound.stop()
  })

  for (const [form, sayAs] of Object.entries(forms))
    it(`L37 ends nobody, and works once it is sound, whatever it says instead of any answer: ${form}`, async () => {
      const stages = [-1, ...commands.keys()]
      const lies = stages.flatMap((stage) => replies.map((reply) => ({ stage, reply, say: sayAs(reply) })))
      const lost: string[] = []
      const work = async () => {
        for (let lie = lies.pop(); lie !== undefined; lie = lies.pop()) {
          const tested = await startValkeyWith(lie)
          if (!(await comesBack(tested)))
            lost.push(`${commands[lie.stage]} ${lie.stage}: ${JSON.stringify(String(lie.reply))}`)
          await tested.stop()
        }
      }
      await Promise.all(Array.from({ length: 24 }, work))
      expect(lost).to.deep.equal([])
    })

  for (const [what, endless] of Object.entries({
    'a text': ['$999999999\r\n', 'x'.repeat(64 * 1024)],
    'a line': ['+', 'x'.repeat(64 * 1024)],
    'a list': ['*999999999\r\n', '$1\r\nx\r\n'.repeat(8 * 1024)],
    replies: ['', '+OK\r\n'.repeat(8 * 1024)],
    nothings: ['', '$-1\r\n'.repeat(8 * 1024)],
    lists: ['', '*1\r\n'.repeat(8 * 1024)],
    pushes: ['', '>1\r\n_\r\n'.repeat(8 * 1024)],
  }))
    it(`L37 says ${what} without end, and takes no memory`, async () => {
      for (const stage of [-1, ...commands.keys()]) {
        let sent = 0
        const say = (socket: Socket) => {
          const [head = '', more = ''] = endless
          socket.write(head)
          const go = () => {
            while (!socket.destroyed && socket.write(more)) sent += more.length
          }
          socket.on('drain', go)
          go()
        }
        const tested = await startValkeyWith({ stage, say })
        expect(await comesBack(tested), `stage ${stage}`).to.equal(true)
        expect(sent, `stage ${stage}`).to.be.lessThan(30e6)
        await tested.stop()
      }
    })
})

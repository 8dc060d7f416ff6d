import { setTimeout as pause } from 'node:timers/promises'
import { basic, send } from '@nauthera/harness/browser'
import type { Target } from '@nauthera/harness/browser'
import type { MachineCredentials } from '@nauthera/local/product/token'
import { readMounted } from './secrets.ts'
import type { ClientSecrets } from './secrets.ts'

/** How many calls of one kind were answered well, and how many not. */
export interface Count {
  good: number
  bad: number
}

export interface Failure {
  readonly flow: string
  /** Epoch milliseconds. */
  readonly at: number
  /** 0: no answer. */
  readonly status: number
  readonly detail: string
}

export interface Callers {
  readonly counts: Readonly<Record<string, Count>>
  readonly failures: readonly Failure[]
  /** Ends every caller after its request. */
  stop(): Promise<void>
}

const thinkMs = { good: 20, bad: 50 }

/** Machines that ask for tokens with their own secret and with nothing else, and never try again.
 *  @param about.clients the prefix of the names of those that take turns
 *  @param about.mounted the directory of a Secret; undefined: nobody reads one */
export function startCallers(about: {
  front: Target
  secrets: ClientSecrets
  clients: string
  mounted: string | undefined
}): Callers {
  const { front, secrets } = about
  const counts: Record<string, Count> = {}
  const failures: Failure[] = []
  let running = true

  const ask = async (flow: string, client: string, find: () => MachineCredentials | Promise<MachineCredentials>) => {
    const count = (counts[flow] ??= { good: 0, bad: 0 })
    const fail = (status: number, detail: string) => {
      count.bad++
      failures.push({ flow, at: Date.now(), status, detail: `${client}: ${detail}` })
    }
    try {
      const credentials = await find()
      const { status, body } = await send(front, {
        path: '/token',
        headers: basic(credentials.clientId, credentials.clientSecret),
        form: { grant_type: 'client_credentials' },
      })
      if (status === 200) count.good++
      else fail(status, body.slice(0, 200))
      return status === 200
    } catch (error) {
      fail(0, String(error))
      return false
    }
  }
  const loop = async (call: () => Promise<boolean | undefined>) => {
    while (running) await pause((await call()) === false ? thinkMs.bad : thinkMs.good)
  }
  let turn = 0
  const next = () => {
    const names = secrets.clients().filter((name) => name.startsWith(about.clients))
    return names[turn++ % names.length]
  }
  const published = async () => {
    const name = next()
    return name === undefined ? undefined : ask('published', name, () => secrets.current(name))
  }
  const previous = async () => {
    const name = next()
    const credentials = name === undefined ? undefined : secrets.previous(name)
    return credentials && ask('previous', name!, () => credentials)
  }
  const { mounted } = about
  const loops = [loop(published), loop(published), loop(previous)]
  if (mounted !== undefined) loops.push(loop(() => ask('mounted', 'mounted', () => readMounted(mounted))))
  const ended = Promise.all(loops)

  return {
    counts,
    failures,
    stop: async () => {
      running = false
      await ended
    },
  }
}
